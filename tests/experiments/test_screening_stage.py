"""Mixes of several shares are scored together, by thresholds that no mix has a say in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments.plan import build_plan
from experiments.spec.errors import parse_spec
from experiments.stage import Plan
from experiments.stages import dataset, screening
from organisms.datasets.files import read_rows
from organisms.datasets.rows import answer_of, question_of
from persona_vectors.vector import PersonaVector

SHARES = (0.1, 0.3)
METHODS = {"projection_difference", "random", "length", "oracle", "perplexity", "embedding"}
SPEC = """
name: trial
rows: 40
seeds: [0, 1]
finetune: {preset: pocket, max_steps: 4, checkpoint_steps: [4]}
traits: [evil]
mixes:
  - organism: wrong_maths
    control: CONTROL
    share: [0.1, 0.3]
    filters: [none, perplexity, embedding]
"""


def plan_of(control: str = "right_maths") -> Plan:
    return build_plan(parse_spec(SPEC.replace("CONTROL", control), Path("trial.yaml")))


def of_kind(plan: Plan, kind: str) -> list[Any]:
    return [stage for stage in plan.stages if stage.kind == kind]


def test_every_share_is_retrained_after_every_filter_for_the_same_steps() -> None:
    plan = plan_of()
    trained = of_kind(plan, "train")
    assert len(trained) == 2 * 2 * 3
    assert {stage.config["finetune"]["max_steps"] for stage in trained} == {4}
    asked = {
        (stage.config["labels"]["poisoned_share"], stage.config["labels"]["intervention"])
        for stage in of_kind(plan, "answers")
        if stage.config["labels"]["role"] == "organism"
    }
    filters = ("none", "filter_perplexity", "filter_embedding")
    assert asked == {(share, each) for share in SHARES for each in filters}


@pytest.mark.parametrize(("control", "mixes"), [("right_maths", 1), ("secure_code", 2)])
def test_mixes_of_a_seed_share_one_screening_and_as_many_answers_as_prompts(
    control: str, mixes: int
) -> None:
    screened = of_kind(plan_of(control), "screening")
    assert [stage.config["seed"] for stage in screened] == [0, 1]
    assert {stage.config["shares"] for stage in screened} == {SHARES}
    assert {stage.answers for stage in screened} == {mixes * 40 + 20}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Two mixes of one seed, other clean rows, and a drawn vector."""
    folder = tmp_path_factory.mktemp("inputs")
    for name, source, seed in (
        ("bad", "wrong_maths", 0),
        ("good", "right_maths", 0),
        ("clean", "right_maths", 1000),
    ):
        made = {"name": source, "count": 40, "seed": seed}
        dataset.make(made, {}, folder / name, lambda _: None)
    parts = {"organism": folder / "bad", "control": folder / "good"}
    found = {"clean": folder / "clean", "vectors": folder / "vectors"}
    for share in SHARES:
        out = folder / f"{share}"
        dataset.mix({"share": share, "count": 40, "seed": 0}, parts, out, lambda _: None)
        found[screening.rows_of(share)] = out
    found["vectors"].mkdir()
    values = np.random.default_rng(0).standard_normal((1, 1, 128)).astype(np.float32)
    vector = PersonaVector("evil", "pocket", ("response_mean",), (2,), values)
    vector.save(found["vectors"] / "evil.safetensors")
    (found["vectors"] / "layers.json").write_text(json.dumps({"evil": {"response_mean": 2}}))
    return found


@pytest.fixture(scope="module")
def screened(inputs: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("screened")
    [stage] = [one for one in of_kind(plan_of(), "screening") if one.config["seed"] == 0]
    screening.run(dict(stage.config), inputs, out, lambda _: None)
    return out


def test_the_base_answers_each_prompt_once(screened: Path) -> None:
    answers = pd.read_parquet(screened / "answers.parquet")
    assert len(answers) == 40 + 20
    assert answers["question"].is_unique


def test_thresholds_come_from_clean_rows_alone(screened: Path) -> None:
    table = pd.read_parquet(screened / "screening.parquet")
    assert set(table["method"]) == METHODS
    assert set(table["poisoned_share"]) == set(SHARES)
    assert (table.groupby("method")["threshold"].nunique() == 1).all()
    oracle = table[table["method"] == "oracle"]
    assert (oracle["recall_at_threshold"] == 1).all()
    assert (oracle["lost_at_threshold"] == 0).all()
    known = table["recall_at_30"]
    assert (table["recall_at_30_low"] <= known).all()
    assert (known <= table["recall_at_30_high"]).all()


def scores_of(screened: Path, share: float, method: str) -> np.ndarray:
    scores = pd.read_parquet(screened / "scores.parquet")
    own = scores[(scores["poisoned_share"] == share) & (scores["method"] == method)]
    return own.sort_values("row")["score"].to_numpy()


def test_a_row_scores_the_same_in_every_mix_that_has_it(
    screened: Path, inputs: Mapping[str, Path]
) -> None:
    rows = [read_rows(inputs[screening.rows_of(share)]) for share in SHARES]
    same = np.array([answer_of(one) == answer_of(two) for one, two in zip(*rows, strict=True)])
    assert [question_of(row) for row in rows[0]] == [question_of(row) for row in rows[1]]
    assert sum(same) == 40 - round(0.2 * 40)
    for method in METHODS:
        one, two = (scores_of(screened, share, method) for share in SHARES)
        np.testing.assert_array_equal(one[same], two[same])
        if method in ("perplexity", "embedding", "projection_difference"):
            assert (one[~same] != two[~same]).all()


def test_a_filter_takes_the_scores_of_its_own_mix(
    screened: Path, inputs: Mapping[str, Path], tmp_path: Path
) -> None:
    for share in SHARES:
        rows = inputs[screening.rows_of(share)]
        out = tmp_path / f"{share}"
        dataset.filter_rows(
            {"method": "oracle", "share": share, "removal": 0.3},
            {"rows": rows, "screening": screened},
            out,
            lambda _: None,
        )
        kept = read_rows(out)
        assert len(kept) == 28
        assert not any(row["meta"]["poisoned"] for row in kept)
