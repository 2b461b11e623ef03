import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evals.suite import ARGUMENTS
from experiments.cli import app

TOYS = Path(__file__).parent / "toys"
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def wardian(tmp_path):
    """Run the command with a toy plan in a folder that holds `toy.yaml`."""
    (tmp_path / "toy.yaml").write_text("name: toy\n")

    def call(*arguments, plan=None, **variables):
        return subprocess.run(
            [
                sys.executable,
                str(TOYS / "toy_wardian.py"),
                json.dumps(plan or {"plan": "sums"}),
                *arguments,
            ],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT}:{TOYS}",
                "COLUMNS": "200",
                "NO_COLOR": "1",
                **variables,
            },
            capture_output=True,
            text=True,
        )

    return call


def test_a_dry_run_prints_the_stages_and_writes_nothing(wardian, tmp_path):
    done = wardian("run", "./toy.yaml", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "missing draw group 0, seed 0 10 " in " ".join(done.stdout.split())
    assert "toy: 10 stages, 0 done, 10 to make; 60 answers" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy.yaml"]


def test_a_dry_run_imports_no_model_library():
    check = (
        "import sys; from experiments import cli, run, status, logs; "
        "from experiments.executors import local; import experiments.stages; "
        "import experiments.spec.errors; "
        "heavy = {'torch', 'transformers', 'peft', 'trl', 'datasets', 'inspect_ai', 'pandas', "
        "'matplotlib', 'numpy'} & sys.modules.keys(); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True)


def test_a_run_says_what_it_made_and_a_second_run_that_there_is_nothing_to_do(wardian):
    first = wardian("run", "./toy.yaml")
    assert first.returncode == 0, first.stderr
    assert "toy: 10 stages made, 0 found, 60 answers, in" in first.stdout
    assert "report: runs/toy/report.html" in first.stdout
    second = wardian("run", "./toy.yaml")
    assert "toy: nothing to do: all 10 stages are in store" in second.stdout
    assert second.stderr == ""


def test_limit_and_seed_go_into_the_name_and_out_and_store_are_heeded(wardian, tmp_path):
    done = wardian(
        *("run", "./toy.yaml", "--limit", "3", "--seed", "7", "--out", "there", "--store", "kept")
    )
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "there/toy-limit3-seed7/manifest.json").read_text())
    assert manifest["spec"]["limit"] == 3
    assert manifest["seeds"] == [7]
    assert (tmp_path / "kept" / "draw").is_dir()


def test_the_store_comes_from_the_environment_when_no_option_names_it(wardian, tmp_path):
    wardian("run", "./toy.yaml", WARDIAN_STORE=str(tmp_path / "elsewhere"))
    assert (tmp_path / "elsewhere" / "draw").is_dir()


def test_only_makes_one_kind_and_what_it_needs(wardian, tmp_path):
    done = wardian("run", "./toy.yaml", "--only", "add")
    assert done.returncode == 0, done.stderr
    assert "9 stages made" in done.stdout
    assert not (tmp_path / "runs").exists()
    wrong = wardian("run", "./toy.yaml", "--only", "ad")
    assert wrong.returncode == 1
    assert "error: the plan has no stage 'ad'; it has: draw, add, report" in wrong.stderr


def test_status_verify_finds_changed_content(wardian, tmp_path):
    wardian("run", "./toy.yaml")
    assert wardian("status", "./toy.yaml", "--verify").returncode == 0
    damaged = next((tmp_path / "store").rglob("shard-2.json"))
    damaged.write_text("x" * damaged.stat().st_size)
    assert wardian("status", "./toy.yaml").returncode == 0
    verified = wardian("status", "./toy.yaml", "--verify")
    assert verified.returncode == 1
    assert "the content of shard-2.json has changed" in verified.stdout


def test_status_without_a_spec_checks_the_whole_store(wardian, tmp_path):
    wardian("run", "./toy.yaml")
    whole = wardian("status", "--verify")
    assert whole.returncode == 0
    assert "0 damaged" in whole.stdout
    damaged = next((tmp_path / "store").rglob("shard-2.json"))
    damaged.write_text("x" * damaged.stat().st_size)
    assert wardian("status", "--verify").returncode == 1


def test_a_report_is_written_from_the_store_alone(wardian, tmp_path):
    early = wardian("report", "./toy.yaml")
    assert early.returncode == 1
    assert "make them with: wardian run ./toy.yaml" in early.stderr
    wardian("run", "./toy.yaml", "--only", "add")
    assert wardian("report", "./toy.yaml").returncode == 0
    assert (tmp_path / "runs/toy/report.html").is_file()


def test_a_missing_or_edited_result_is_put_back(wardian, tmp_path):
    wardian("run", "./toy.yaml")
    page = tmp_path / "runs/toy/report.html"
    before = page.read_text()
    page.write_text("edited")
    wardian("run", "./toy.yaml")
    assert page.read_text() == before


def test_results_that_could_not_be_written_stop_a_run_before_any_work(wardian, tmp_path):
    (tmp_path / "file").write_text("")
    refused = wardian("run", "./toy.yaml", "--out", str(tmp_path / "file"))
    assert refused.returncode == 1
    assert "--out DIR" in refused.stderr
    assert not list((tmp_path / "store").rglob("manifest.json"))


def test_a_folder_with_something_else_in_it_is_not_replaced(wardian, tmp_path):
    (tmp_path / "runs/toy").mkdir(parents=True)
    (tmp_path / "runs/toy/thesis.tex").write_text("dear")
    done = wardian("run", "./toy.yaml")
    assert done.returncode == 1
    assert "holds files that are no run's results" in done.stderr
    assert (tmp_path / "runs/toy/thesis.tex").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nothing"], "error: spec 'nothing' is unknown;"),
        (["run", "./nothing.yaml"], "error: there is no spec file ./nothing.yaml"),
        (["view", "./toy.yaml"], "holds no answers of toy"),
        (["run", "./toy.yaml", "--store", "toy.yaml/store"], "choose another with --store DIR"),
        (["run", "./toy.yaml", "--out", "toy.yaml/runs"], "with --out DIR"),
    ],
)
def test_errors_are_one_line_with_the_fix(wardian, arguments, said):
    done = wardian(*arguments)
    assert done.returncode == 1, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failed_stage_is_one_line_and_debug_shows_the_traceback(wardian):
    plan = {"plan": "one", "kind": "fails"}
    failed = wardian("run", "./toy.yaml", plan=plan)
    assert failed.returncode == 1
    assert "error: fails (toy fails) failed: ValueError: the layer 9" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert "in fails" in wardian("--debug", "run", "./toy.yaml", plan=plan).stderr


@pytest.mark.parametrize("command", ["run", "ls", "status", "report", "compare", "view"])
def test_every_command_has_help_with_an_example(command):
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert f"wardian {command}" in done.output.split("Example")[1]


@pytest.mark.parametrize(
    "arguments",
    [["run"], ["run", "x", "--workers", "0"], ["run", "x", "--unknown"], ["unknown"]],
)
def test_wrong_usage_exits_with_two(arguments):
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_version_is_printed():
    assert "wardian " in CliRunner().invoke(app, ["--version"]).output


def test_a_folder_that_hides_a_package_is_refused(tmp_path):
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals/__init__.py").write_text("")
    path = f"{tmp_path}:{ROOT}"
    done = subprocess.run(
        [sys.executable, "-P", "-m", "experiments.cli", "ls"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert f"the package 'evals' was found at {tmp_path / 'evals'}" in done.stderr


def test_every_task_is_listed():
    listed = CliRunner(env={"COLUMNS": "120"}).invoke(app, ["ls"]).output.split()
    assert {f"evals/{name}" for name in ARGUMENTS} <= set(listed)
