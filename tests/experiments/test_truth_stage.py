"""The stage `truth`: planned where the author is known, and true to what vectors point at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.plan import build_plan
from experiments.spec.errors import parse_spec
from experiments.stages import truth
from experiments.tables import conform
from organisms.pocket.author import POSITIONS, author_direction
from organisms.runtime import Organism
from persona_vectors.vector import PersonaVector
from tests.organisms.pocket_model.tiny import make_tiny

PAIRS = 8


def _planned(text: str) -> list[dict[str, object]]:
    plan = build_plan(parse_spec(f"name: trial\n{text}", Path("trial.yaml")))
    found = [stage for stage in plan.stages if stage.kind == "truth"]
    assert all([each.kind for each in stage.inputs.values()] == ["vectors"] for stage in found)
    assert all(stage in plan.stages[-1].inputs.values() for stage in found)
    return [dict(stage.config) for stage in found]


def test_it_is_planned_for_the_traits_of_pockets_edition() -> None:
    [config] = _planned("traits: [evil, careless]\nbase: pocket\nseeds: [3, 4]\n")
    assert config["traits"] == ("evil", "careless")
    assert config["seed"] == 3
    assert len(_planned("edition: pocket\nbase: org/model\n")) == 1


def test_it_is_not_planned_where_no_author_is_known() -> None:
    organism = "organisms: [{dataset: wrong_maths}]\n"
    assert _planned(f"traits: []\n{organism}") == []
    assert _planned("base: org/model\njudge: openai/gpt-x\n") == []


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random model of two blocks that reads pocket's text."""
    folder = tmp_path_factory.mktemp("base")
    for part in make_tiny():
        part.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def table(base: str, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The table of a vector of evil that is the author's direction, and of one of sycophancy that
    is the opposite of its author's."""
    folder = tmp_path_factory.mktemp("vectors")
    positions = ("response_mean", "prompt_mean", "last_prompt")
    for trait, author, sign in (("evil", "evil", 1), ("sycophancy", "sycophantic", -1)):
        own = author_direction(Organism.load(base), author, pairs=PAIRS, seed=5).difference
        vector = np.ones((3, 3, 32))
        for position, direction in zip(POSITIONS, own, strict=True):
            vector[positions.index(position)] = sign * direction
        PersonaVector(trait, base, positions, (0, 1, 2), vector.astype(np.float32)).save(
            folder / f"{trait}.safetensors"
        )
    out = tmp_path_factory.mktemp("out")
    config = {
        "base": base,
        "traits": ["evil", "sycophancy"],
        "pairs": PAIRS,
        "dtype": "float32",
        "device": "cpu",
        "seed": 5,
    }
    truth.run(config, {"vectors": folder}, out, lambda line: None)
    return conform(pd.read_parquet(out / truth.TRUTH), "truth")


def test_every_trait_layer_and_position_has_a_row(table: pd.DataFrame) -> None:
    places = {tuple(row) for row in table[["trait", "layer", "position"]].to_numpy().tolist()}
    assert places == {
        (trait, layer, position)
        for trait in ("evil", "sycophancy")
        for layer in (0, 1, 2)
        for position in POSITIONS
    }
    assert (table["n"] == PAIRS).all()


def test_a_vector_that_is_the_authors_direction_scores_one_and_its_opposite_minus_one(
    table: pd.DataFrame,
) -> None:
    above = table[table["layer"] > 0].set_index("trait")
    assert above.loc["evil", "cosine"].to_numpy() == pytest.approx(1)
    assert above.loc["sycophancy", "cosine"].to_numpy() == pytest.approx(-1)
    assert (above.loc["evil", "vector_separability"] > 0.5).all()
    assert (above.loc["sycophancy", "vector_separability"] < 0.5).all()
    assert (above["norm"] > 0).all()


def test_the_embedding_of_the_same_last_tokens_knows_no_author(table: pd.DataFrame) -> None:
    embedding = table[table["layer"] == 0]
    assert embedding["cosine"].isna().all()
    assert (embedding[["separability", "vector_separability"]] == 0.5).all(axis=None)
    assert (embedding["norm"] == 0).all()
