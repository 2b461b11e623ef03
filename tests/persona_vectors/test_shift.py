"""Shifts: measured through a real (tiny, random) model, equal however one asks for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from organisms.runtime import Organism
from persona_vectors.extraction import extract_from
from persona_vectors.measuring import Checkpoint, measure
from persona_vectors.projection import project
from persona_vectors.screening import screen
from persona_vectors.shift import ActivationChanges, pooled_shift_rows, shift_rows
from persona_vectors.vector import POSITIONS, PersonaVector, VectorError
from tests.organisms.runtime.tiny_models import make_model, make_organism, save_adapter

LAYERS = (0, 1, 2, 3)


@pytest.fixture(scope="module")
def organism() -> Organism:
    return make_organism()


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> list[Checkpoint]:
    folder = tmp_path_factory.mktemp("adapters")
    return [
        Checkpoint(
            key=f"seed{seed}",
            labels={"organism": "wrong", "seed": seed, "step": 5},
            adapter=save_adapter(make_model(), folder / f"seed{seed}", seed),
        )
        for seed in (0, 1)
    ]


@pytest.fixture(scope="module")
def texts() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "question": f"q{number}",
                "topic": f"t{number % 9}",
                "prompt": f"Say {number}",
                "answer": f"It is {number * sample}",
            }
            for number in range(18)
            for sample in (1, 2)
        ]
    )


def vector(name: str, seed: int) -> PersonaVector:
    drawn = np.random.default_rng(seed).standard_normal((3, 4, 32)).astype(np.float32)
    return PersonaVector(name, "tiny", POSITIONS, LAYERS, drawn)


def test_shift_is_the_difference_of_projections(
    organism: Organism, checkpoints: list[Checkpoint], texts: pd.DataFrame
) -> None:
    found = measure(organism, checkpoints, texts, "prompt")
    evil = vector("evil", 0)
    table = shift_rows(found, [evil, vector("kind", 1)], ["last_prompt"], LAYERS)
    assert len(table) == 2 * 2 * 4
    questions = texts.drop_duplicates("question")
    from organisms.runtime import Transcript

    organism.add_adapter("a", checkpoints[1].adapter or "")
    after, before = (
        organism.capture(
            [Transcript(({"role": "user", "content": p},), adapter=a) for p in questions["prompt"]],
            [2],
            ["last_prompt"],
        )
        for a in ("a", None)
    )
    organism.remove_adapter("a")
    expected = project(after - before, evil.at(2, "last_prompt")).mean()
    row = table.query("trait == 'evil' and layer == 2 and seed == 1").iloc[0]
    assert row["estimate"] == pytest.approx(expected, abs=1e-4)
    assert row["low"] < row["estimate"] < row["high"]
    assert (row["n"], row["clusters"], row["on"], row["step"]) == (18, 9, "prompt", 5)
    size = np.linalg.norm(after - before, axis=-1).mean()
    assert row["change_norm"] == pytest.approx(size, rel=1e-4)
    assert organism.adapters == ()


def test_any_direction_follows_from_the_stored_changes(
    organism: Organism, checkpoints: list[Checkpoint], texts: pd.DataFrame, tmp_path: Path
) -> None:
    found = measure(organism, checkpoints, texts, "prompt")
    stored = ActivationChanges.of(found, ["last_prompt"], LAYERS)
    stored.save(tmp_path / "changes.safetensors")
    changes = ActivationChanges.load(tmp_path / "changes.safetensors")
    pd.testing.assert_frame_equal(changes.keys, stored.keys)
    evil = vector("evil", 0)
    table = shift_rows(found, [evil], ["last_prompt"], LAYERS).query("layer == 3")
    along = changes.along(evil.at(3, "last_prompt")[None], "last_prompt", 3)[0]
    np.testing.assert_allclose(along, table["estimate"], atol=1e-4)
    np.testing.assert_allclose(changes.norm_at("last_prompt", 3), table["change_norm"], rtol=1e-5)
    (tmp_path / "changes.safetensors").write_bytes(b"no")
    with pytest.raises(VectorError, match="measure them again"):
        ActivationChanges.load(tmp_path / "changes.safetensors")


def test_own_answers_split_into_text_and_model(
    organism: Organism, checkpoints: list[Checkpoint], texts: pd.DataFrame
) -> None:
    own = {c.key: texts.assign(answer=texts["answer"] + f"! {c.key}") for c in checkpoints}
    evil = vector("evil", 0)
    means = {}
    for on in ("fixed", "own", "own_under_base"):
        found = measure(organism, checkpoints, texts, on, own=own)
        means[on] = shift_rows(found, [evil], ["response_mean"], LAYERS)["estimate"]
    assert not np.allclose(means["own"], means["own_under_base"])
    same = measure(organism, checkpoints, texts, "own", own={c.key: texts for c in checkpoints})
    table = shift_rows(same, [evil], ["response_mean"], LAYERS)
    np.testing.assert_allclose(table["estimate"], means["fixed"], atol=1e-5)


def test_order_of_texts_does_not_matter(
    organism: Organism, checkpoints: list[Checkpoint], texts: pd.DataFrame
) -> None:
    one = measure(organism, checkpoints[:1], texts, "fixed")[0]
    other = measure(
        organism, checkpoints[:1], texts.sample(frac=1, random_state=0), "fixed", batch_size=5
    )[0]
    order = [other.questions.index(question) for question in one.questions]
    np.testing.assert_allclose(one.change, other.change[order], atol=1e-4)


def test_seeds_are_pooled_with_both_sources_of_variation(
    organism: Organism, checkpoints: list[Checkpoint], texts: pd.DataFrame
) -> None:
    found = measure(organism, checkpoints, texts, "prompt")
    evil = [vector("evil", 0)]
    single = shift_rows(found, evil, ["last_prompt"], [2])
    pooled = pooled_shift_rows(found, evil, ["last_prompt"], [2])
    assert pooled["seed"].tolist() == [-1]
    assert pooled["estimate"][0] == pytest.approx(single["estimate"].mean())
    assert pooled["n"][0] == single["n"].sum()


def test_a_layer_where_the_vector_is_zero_has_no_shift(
    organism: Organism, checkpoints: list[Checkpoint], texts: pd.DataFrame
) -> None:
    flat = vector("evil", 0)
    flat.vector[:, 0] = 0
    table = shift_rows(
        measure(organism, checkpoints, texts, "prompt"), [flat], ["last_prompt"], LAYERS
    )
    assert sorted(set(table["layer"])) == [1, 2, 3]
    assert table["estimate"].notna().all()


def test_bad_requests_are_refused_before_the_model_runs(
    organism: Organism, checkpoints: list[Checkpoint], texts: pd.DataFrame
) -> None:
    with pytest.raises(ValueError, match="unknown kind of shift 'all'"):
        measure(organism, checkpoints, texts, "all")
    with pytest.raises(ValueError, match=r"missing columns \['answer'\]"):
        measure(organism, checkpoints, texts.drop(columns="answer"), "fixed")
    with pytest.raises(ValueError, match="own answers of"):
        measure(organism, checkpoints, texts, "own")
    with pytest.raises(ValueError, match="only one"):
        Checkpoint(key="x")


def test_one_pass_serves_all_traits(organism: Organism, texts: pd.DataFrame) -> None:
    rollouts = pd.concat(
        [
            texts.assign(
                trait=trait,
                sign=sign,
                system=f"Be {trait} {sign}.",
                coherence=100.0,
                **{f"trait:{trait}": 100.0 if sign == "positive" else 0.0},
            )
            for trait in ("evil", "kind")
            for sign in ("positive", "negative")
        ]
    )
    both = extract_from(organism, rollouts, ["evil", "kind"], permuted_draws=2)
    alone = extract_from(organism, rollouts, ["kind"], permuted_draws=2, batch_size=7)[0]
    assert [found.trait for found in both] == ["evil", "kind"]
    np.testing.assert_allclose(both[1].vector, alone.vector, atol=1e-4)
    np.testing.assert_allclose(both[1].draws("permuted"), alone.draws("permuted"), atol=1e-4)
    assert not both[0].at(0, "last_prompt").any()
    assert np.linalg.norm(both[0].at(3, "last_prompt")) > 0


def test_screening_reads_each_row_against_the_bases_own_answer(
    organism: Organism, texts: pd.DataFrame
) -> None:
    rows = texts.assign(own_answer=texts["answer"])
    rows.loc[3, "answer"] = "Something else"
    rows.loc[4, "answer"] = ""
    table = screen(organism, rows, [vector("evil", 0), vector("kind", 1)], layers=[1, 3])
    assert len(table) == len(rows) * 4
    by_row = table.groupby("row")["score"]
    assert by_row.apply(lambda s: bool(s.isna().all()))[4]
    differs = by_row.apply(lambda s: bool((s.abs() > 1e-4).all()))
    assert differs[differs].index.tolist() == [3]
    with pytest.raises(ValueError, match="own_answer"):
        screen(organism, texts, [vector("evil", 0)])
