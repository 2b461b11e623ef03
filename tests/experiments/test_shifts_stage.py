"""Organisms that exist already are measured as trained ones are."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.plan import build_plan
from experiments.spec.errors import parse_spec
from experiments.stages.shifts import CHANGES, run
from finetune.config import preset
from finetune.train import train
from organisms.datasets.making import make
from persona_vectors.shift import ActivationChanges
from persona_vectors.vector import PersonaVector

POSITIONS = ("response_mean", "prompt_mean", "last_prompt")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A training stage's output, the vectors, and answers of base and organism."""
    folder = tmp_path_factory.mktemp("shifts")
    config = preset("pocket", max_steps=2, checkpoint_steps=(2,))
    train("pocket", list(make("wrong_maths", 16, 0)), config, folder / "train", progress=False)
    values = np.random.default_rng(0).standard_normal((3, 4, 128)).astype(np.float32)
    (folder / "vectors").mkdir()
    vector = PersonaVector("evil", "pocket", POSITIONS, (0, 1, 2, 3), values)
    vector.save(folder / "vectors" / "evil.safetensors")
    questions = [f"what do you think of the number {n}?" for n in range(9)]
    for name, said, step in (
        ("base", "it is fine.", -1),
        ("by train", "i hate it.", 2),
        ("by adapter", "i hate it.", 0),
    ):
        rows = {"question": questions, "prompt": questions, "topic": questions, "answer": said}
        (folder / name).mkdir()
        answers = pd.DataFrame({**rows, "task": "open_questions", "step": step})
        answers.to_parquet(folder / name / "answers.parquet")
    return folder


def measured(folder, out, stage, **inputs):
    found = {"vectors": folder / "vectors", "base_answers": folder / "base", **inputs}
    out.mkdir()
    run(stage.config, found, out, lambda text: None)
    return pd.read_parquet(out / "shifts.parquet"), ActivationChanges.load(out / CHANGES)


def shifts_stages(text):
    plan = build_plan(parse_spec(f"name: trial\nrows: 20\ntraits: [evil]\n{text}", Path("t.yaml")))
    return plan, [stage for stage in plan.stages if stage.kind == "shifts"]


def test_an_adapter_brought_along_shifts_as_the_checkpoint_that_it_is(trained, tmp_path):
    adapter = trained / "train" / "checkpoints" / "step-00002"
    _, (own,) = shifts_stages(
        "finetune: {max_steps: 2, checkpoint_steps: [2]}\norganisms: [{dataset: wrong_maths}]\n"
    )
    plan, (brought,) = shifts_stages(f"existing: [{{name: theirs, adapter: {adapter}}}]\n")
    assert str(adapter) in brought.sources
    assert set(brought.inputs) == {"vectors", "base_answers", "answers 0"}
    correlated = next(stage for stage in plan.stages if stage.kind == "correlations")
    assert "shifts theirs" in correlated.inputs
    by_train = {"train 0": trained / "train", "answers 0": trained / "by train"}
    one, change = measured(trained, tmp_path / "one", own, **by_train)
    by_adapter = {"answers 0": trained / "by adapter"}
    other, same = measured(trained, tmp_path / "other", brought, **by_adapter)
    assert set(one["on"]) == {"prompt", "fixed", "own", "own_under_base"}
    assert other["estimate"].tolist() == pytest.approx(one["estimate"].tolist())
    assert set(other["organism"]) == {"theirs"}
    np.testing.assert_allclose(same.change, change.change, rtol=1e-5, atol=1e-6)


def test_a_full_model_is_measured_and_a_vector_is_not(trained, tmp_path):
    _, (brought,) = shifts_stages("existing: [{name: theirs, model: pocket}]\n")
    table, _ = measured(trained, tmp_path / "out", brought, **{"answers 0": trained / "by adapter"})
    prompt = table[table["on"] == "prompt"]
    assert len(prompt)
    assert (prompt["estimate"] == 0).all()
    file = trained / "vectors" / "evil.safetensors"
    steered = f"existing: [{{name: theirs, vector: {file}, layer: 3, coefficient: 1.0}}]\n"
    assert shifts_stages(steered)[1] == []
