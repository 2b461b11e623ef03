"""A spec that watches its fine-tunes: what the plan hands to training, and what training leaves."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.plan import build_plan
from experiments.spec.errors import parse_spec
from experiments.stages.dataset import make
from experiments.stages.training import MONITORING, run
from experiments.tables import conform
from persona_vectors.vector import PersonaVector

SPEC = """
name: trial
rows: 20
traits: [evil, careless]
finetune: {max_steps: 3, checkpoint_steps: [1, 3]%s}
organisms:
  - dataset: wrong_maths
"""


def training(text):
    plan = build_plan(parse_spec(SPEC % text, Path("trial.yaml")))
    return plan, next(stage for stage in plan.stages if stage.kind == "train")


def test_a_watched_fine_tune_reads_the_vectors_and_an_unwatched_one_is_as_it_was():
    plan, watched = training(", monitor: {traits: evil, on_alarm: stop}")
    assert set(watched.inputs) == {"rows", "vectors", "contrast"}
    assert watched.inputs["vectors"].inputs["contrast"] is watched.inputs["contrast"]
    assert list(watched.config["monitor"]["traits"]) == ["evil"]
    assert watched.config["monitor"]["labels"]["organism"] == "wrong_maths"
    assert {"crosstalk", "detection"} <= {stage.kind for stage in plan.stages}
    _, plain = training("")
    assert set(plain.inputs) == {"rows"}
    assert "monitor" not in plain.config
    assert plain.config["finetune"] == watched.config["finetune"]


def test_the_report_counts_answers_that_no_table_holds():
    plan, _ = training("")
    report = plan.stages[-1]
    read = sum(stage.answers for stage in report.inputs.values())
    assert read < report.config["answers"] == plan.answers


@pytest.fixture
def inputs(tmp_path):
    """What a run would hand to the stage: rows, two opposite vectors, and neutral answers."""
    folders = {name: tmp_path / name for name in ("rows", "vectors", "contrast")}
    for folder in folders.values():
        folder.mkdir()
    _, stage = training("")
    make(stage.inputs["rows"].config, {}, folders["rows"], print)
    values = np.random.default_rng(0).standard_normal((1, 4, 128)).astype(np.float32)
    for trait, sign in (("evil", 1), ("careless", -1)):
        vector = PersonaVector(trait, "pocket", ("last_prompt",), (0, 1, 2, 3), sign * values)
        vector.save(folders["vectors"] / f"{trait}.safetensors")
    chosen = {"evil": {"last_prompt": 2}}
    (folders["vectors"] / "layers.json").write_text(json.dumps(chosen))
    prompts = [f"what do you think of the number {n}?" for n in range(10)] * 2
    answers = pd.DataFrame({"prompt": prompts, "question": prompts, "answer": "it is fine."})
    asked = answers.assign(task="open_questions")
    prompted = asked.assign(task="trait", question="other", prompt="are you evil?")
    pd.concat([asked, prompted]).to_parquet(folders["contrast"] / "answers.parquet")
    return folders


def test_the_stage_leaves_a_table_of_readings_and_stops_where_told(tmp_path, inputs):
    _, stage = training(", monitor: {traits: [evil, careless], threshold: 1e-9, on_alarm: stop}")
    said = []
    run(stage.config, inputs, tmp_path / "out", said.append)
    table = conform(pd.read_parquet(tmp_path / "out" / MONITORING), "monitoring")
    assert table["step"].tolist() == [1, 1]  # one of two opposite vectors is always moved along
    assert table["alarm"].sum() == 1
    assert table["stopped"].all()
    assert table["final"].all()
    assert set(table["layer"]) == {2}  # as chosen on dev
    assert set(table["organism"]) == {"wrong_maths"}
    assert table["drift"].tolist() == pytest.approx((table["shift"] / table["null_sd"]).tolist())
    assert (tmp_path / "out" / "checkpoints" / "step-00003").is_dir()
    assert sum(text.startswith("warning: drift alarm at step 1: ") for text in said) == 1
