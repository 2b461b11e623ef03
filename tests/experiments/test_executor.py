import io
import json
import shutil

import psutil
import pytest
import toy_stages
from rich.console import Console

from experiments.executors.local import StageError
from experiments.identity import identities
from experiments.run import Run, carry_out
from experiments.spec import Spec
from experiments.store import Store


@pytest.fixture
def prepared(tmp_path):
    def prepare(plan, store=None):
        return Run(
            name="toy",
            spec=Spec(name="toy"),
            plan=plan,
            kinds=toy_stages.KINDS,
            identities=identities(plan, toy_stages.KINDS),
            store=Store(store or tmp_path / "store"),
            out=tmp_path / "runs" / "toy",
        )

    return prepare


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=200)


def totals(run):
    return json.loads((run.out / "tables" / "totals.json").read_text())


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


def artefact_of(run, kind):
    return next(run.artefact(stage) for stage in run.stages if stage.kind == kind)


def test_a_run_makes_every_stage_once_and_publishes_real_files(prepared, console):
    run = prepared(toy_stages.sums())
    result = carry_out(run, workers=2, console=console)
    assert (result.made, result.found) == (10, 0)
    assert set(totals(run)) == {"group0", "group1", "group2"}
    assert (run.out / "figures" / "totals.svg").is_file()
    assert not any(path.is_symlink() for path in run.out.rglob("*"))
    manifest = json.loads((run.out / "manifest.json").read_text())
    assert manifest["answers"] == 60
    assert len(manifest["stages"]) == 10
    assert "10 of 10 stages" in console.file.getvalue()


def test_a_second_run_makes_nothing_and_leaves_every_file_alone(prepared, console):
    run = prepared(toy_stages.sums())
    carry_out(run, workers=2, console=console)
    before = {path: path.stat().st_mtime_ns for path in run.out.parent.parent.rglob("*")}
    assert carry_out(run, workers=2, console=console).made == 0
    assert before == {path: path.stat().st_mtime_ns for path in run.out.parent.parent.rglob("*")}


def test_the_number_of_workers_does_not_change_results(prepared, console, tmp_path):
    one, many = (prepared(toy_stages.sums(), tmp_path / name) for name in ("one", "many"))
    carry_out(one, workers=1, console=console)
    alone = content(one.out)
    shutil.rmtree(one.out)
    carry_out(many, workers=4, console=console)
    assert content(many.out) == alone


def test_a_changed_plan_remakes_only_what_depends_on_the_change(prepared, console):
    carry_out(prepared(toy_stages.sums(groups=2)), workers=2, console=console)
    result = carry_out(prepared(toy_stages.sums(groups=3)), workers=2, console=console)
    assert (result.made, result.found) == (4, 6)


def test_a_manifest_tells_how_an_artefact_was_made(prepared, console):
    run = prepared(toy_stages.sums())
    carry_out(run, workers=1, console=console)
    manifest = artefact_of(run, "draw").manifest()
    assert manifest["config"] == {"seed": 0, "shards": 4}
    assert manifest["seed"] == 0
    assert manifest["peak_memory_bytes"] > 1_000_000
    assert set(manifest["files"]) == {f"shard-{shard}.json" for shard in range(4)}
    assert "torch" in manifest["versions"]
    assert manifest["host"]["cores"] >= 1


def test_a_failing_stage_is_one_line_with_its_log(prepared, console):
    run = prepared(toy_stages.one("fails"))
    with pytest.raises(
        StageError, match=r"fails \(toy fails\) failed: ValueError: the layer 9"
    ) as e:
        carry_out(run, workers=1, console=console)
    assert "\n" not in str(e.value)
    log = artefact_of(run, "fails").partial / "log.txt"
    assert str(log) in str(e.value)
    assert "about to fail" in log.read_text()
    assert "Traceback" in log.read_text()


def test_a_stage_whose_worker_is_killed_is_tried_once_more(prepared, console):
    run = prepared(toy_stages.one("dies_once"))
    assert carry_out(run, workers=1, console=console).made == 2
    assert "killed by signal 9 (SIGKILL); trying once more" in console.file.getvalue()


def test_a_stage_whose_worker_is_killed_twice_is_an_error(prepared, console):
    with pytest.raises(StageError, match=r"SIGKILL.*, twice"):
        carry_out(prepared(toy_stages.one("dies")), workers=1, console=console)


def test_a_full_disk_is_one_line_about_the_store(prepared, console):
    with pytest.raises(StageError, match=r"the store .* is full: free some space"):
        carry_out(prepared(toy_stages.one("fills")), workers=1, console=console)


def test_what_a_stage_prints_goes_to_its_log(prepared, console, capfd):
    run = prepared(toy_stages.one("noisy"))
    carry_out(run, workers=1, console=console)
    log = artefact_of(run, "noisy").folder / "log.txt"
    assert {"on stdout", "from a child"} <= set(log.read_text().splitlines())
    assert capfd.readouterr().out == ""


def test_an_artefact_of_another_size_is_noticed_and_made_again(prepared, console):
    run = prepared(toy_stages.sums())
    carry_out(run, workers=2, console=console)
    whole = content(run.store.root)
    (artefact_of(run, "draw").output / "shard-1.json").write_text("[]")
    assert carry_out(run, workers=2, console=console).made == 1
    assert "draw (group 0, seed 0) is damaged (shard-1.json has 2 bytes" in console.file.getvalue()
    assert content(run.store.root) == whole


def test_changed_content_is_noticed_when_it_is_read_and_made_again(prepared, console):
    run = prepared(toy_stages.sums())
    carry_out(run, workers=2, console=console)
    whole = content(run.store.root)
    damaged = artefact_of(run, "draw").output / "shard-1.json"
    damaged.write_text("x" * damaged.stat().st_size)
    shutil.rmtree(artefact_of(run, "add").folder)
    carry_out(run, workers=2, console=console)
    assert "(the content of shard-1.json has changed): made again" in console.file.getvalue()
    assert content(run.store.root) == whole


def test_a_lost_manifest_is_damage_too(prepared, console):
    run = prepared(toy_stages.sums())
    carry_out(run, workers=2, console=console)
    (artefact_of(run, "add").folder / "manifest.json").write_text("{")
    assert run.states()[next(s for s in run.stages if s.kind == "add")].word == "damaged"
    assert carry_out(run, workers=2, console=console).made == 1


def test_no_process_is_left_behind(prepared, console):
    carry_out(prepared(toy_stages.sums()), workers=3, console=console)
    assert psutil.Process().children(recursive=True) == []
