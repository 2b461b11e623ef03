import json

import pytest
import toy_stages

from experiments import identity
from experiments.executors.schedule import Schedule
from experiments.identity import SourceError, canonical, identities, source_hash
from experiments.stage import Plan, Stage, StageKind
from experiments.store import Store, StoreError

KINDS = {"a": StageKind("m:a", 1), "b": StageKind("m:b", 1)}


def identity_of(stage, kinds=KINDS):
    return identities(Plan.ending_in(stage), kinds)[stage]


def test_an_identity_depends_on_config_inputs_kind_and_version():
    def both(low=1, high=2, kinds=KINDS):
        return identity_of(Stage("b", {"x": high}, {"in": Stage("a", {"x": low})}), kinds)

    raised = {**KINDS, "a": StageKind("m:a", 2)}
    assert len({both(), both(low=3), both(high=3), both(kinds=raised)}) == 4
    assert both() == both()
    assert identity_of(Stage("a", {})) != identity_of(Stage("b", {}))


def test_an_identity_does_not_depend_on_order_label_cost_or_answers():
    one = Stage("a", {"x": 1, "y": (1, 2)}, label="one", cost=3, answers=9)
    other = Stage("a", {"y": [1, 2], "x": 1})
    assert identity_of(one) == identity_of(other)


def test_an_identity_depends_on_the_data_files_a_stage_reads(tmp_path, monkeypatch):
    monkeypatch.setattr(identity, "ROOT", tmp_path)
    kinds = {"a": StageKind("m:a", 1, data_files=("world/*.yaml",))}
    (tmp_path / "world").mkdir()
    seen = set()
    for content in ("x", "y"):
        (tmp_path / "world" / "topics.yaml").write_text(content)
        identity.data_hash.cache_clear()
        seen.add(identity_of(Stage("a", {}), kinds))
    identity.data_hash.cache_clear()
    assert len(seen) == 2


def test_an_identity_depends_on_the_content_of_a_model_folder(tmp_path):
    def hashed(content):
        source_hash.cache_clear()
        (tmp_path / "config.json").write_text(content)
        return identity_of(Stage("a", {}, sources=(str(tmp_path),)))

    assert hashed("{}") == hashed("{}")
    assert hashed("{}") != hashed("[]")


def test_a_large_model_is_identified_by_config_and_sizes(tmp_path, monkeypatch):
    monkeypatch.setattr(identity, "SMALL_MODEL", 10)

    def hashed(config, weights):
        source_hash.cache_clear()
        (tmp_path / "config.json").write_text(config)
        (tmp_path / "model.safetensors").write_bytes(weights)
        return source_hash(str(tmp_path))

    first = hashed("{}", b"x" * 20)
    assert first == hashed("{}", b"y" * 20)
    assert first != hashed("{ }", b"x" * 20)
    assert first != hashed("{}", b"x" * 21)


def test_a_hub_model_is_identified_by_its_cached_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    references = tmp_path / "models--org--model" / "refs"
    references.mkdir(parents=True)
    (references / "main").write_text("abc123\n")
    source_hash.cache_clear()
    assert source_hash("org/model") == "abc123"


def test_a_hub_model_without_network_is_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    source_hash.cache_clear()
    with pytest.raises(SourceError, match="not in the local cache and the hub cannot be reached"):
        source_hash("org/absent-model")


def test_a_source_that_is_gone_is_a_clear_error(tmp_path):
    with pytest.raises(SourceError, match="is gone"):
        source_hash(str(tmp_path / "nowhere"))


def test_what_is_not_json_is_refused():
    with pytest.raises(ValueError, match="config of stage a is not JSON"):
        identity_of(Stage("a", {"x": float("nan")}))
    with pytest.raises(ValueError, match="stage kind 'c' is not registered; kinds: a, b"):
        identity_of(Stage("c", {}))
    assert canonical({"b": (1,), "a": None}) == '{"a":null,"b":[1]}'


def made(store, files):
    artefact = store.artefact("a", "f" * 64)
    output = artefact.partial / "output"
    output.mkdir(parents=True)
    for name, content in files.items():
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_text(content)
    artefact.complete({"identity": "f" * 64})
    return artefact


def test_an_artefact_is_done_only_when_complete(tmp_path):
    store = Store(tmp_path)
    artefact = store.artefact("a", "f" * 64)
    assert artefact.state().word == "missing"
    artefact.partial.mkdir(parents=True)
    assert artefact.state().word == "interrupted"
    artefact.partial.rmdir()
    made(store, {"x/y.txt": "hello"})
    assert artefact.state().word == "done"
    assert artefact.verify().word == "done"
    assert store.kinds() == {"a": [artefact.folder]}


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda folder: (folder / "output/x.txt").unlink(), "x.txt is missing"),
        (lambda folder: (folder / "output/x.txt").write_text("no"), "x.txt has 2 bytes, not 5"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "manifest.json cannot be"),
        (
            lambda folder: (folder / "manifest.json").write_text(
                json.dumps({"identity": "0", "files": {}})
            ),
            "belongs to another stage",
        ),
    ],
)
def test_damage_is_seen_without_reading_content(tmp_path, harm, reason):
    artefact = made(Store(tmp_path), {"x.txt": "hello"})
    harm(artefact.folder)
    assert artefact.state().word == "damaged"
    assert reason in artefact.state().reason


def test_changed_content_is_seen_when_verified(tmp_path):
    artefact = made(Store(tmp_path), {"x.txt": "hello"})
    (artefact.output / "x.txt").write_text("hallo")
    assert artefact.state().word == "done"
    assert artefact.verify().reason == "the content of x.txt has changed"


def test_a_store_that_cannot_be_written_is_refused_with_the_fix(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be written .*: choose another"):
        Store(tmp_path / "file" / "store").check_writable()


def schedule(plan, done=()):
    found = identities(plan, toy_stages.KINDS)
    return Schedule(plan.stages, found, frozenset(found[stage] for stage in done))


def test_the_longest_path_starts_first():
    short = Stage("draw", {"seed": 1}, cost=5)
    long = Stage("add", {}, {"d": Stage("draw", {"seed": 2}, cost=1)}, cost=50)
    planned = schedule(Plan.ending_in(Stage("report", {}, {"short": short, "long": long})))
    assert planned.take().config == {"seed": 2}
    assert planned.take().config == {"seed": 1}
    assert planned.ready == []


def test_equal_stages_are_made_once():
    twice = {name: Stage("add", {}, {"d": Stage("draw", {"seed": 1})}) for name in ("x", "y")}
    planned = schedule(Plan.ending_in(Stage("report", {}, twice)))
    assert len(planned.pending) == 3


def test_a_plan_in_a_circle_is_refused():
    inputs = {}
    stage = Stage("a", {}, inputs)
    inputs["itself"] = stage
    with pytest.raises(ValueError, match="no circles"):
        Plan.ending_in(stage)
