"""Correlations: a planted link beats its nulls, no link does not, size of change is told apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from persona_vectors.correlation import (
    Observations,
    centred_within,
    correlate,
    interval_over_groups,
    partial_r,
    pearson,
)
from persona_vectors.shift import ActivationChanges
from persona_vectors.vector import PersonaVector

WIDTH, LAYERS, ORGANISMS, STEPS = 40, 3, 8, 5


def world(linked: bool, seed: int = 0) -> tuple[Observations, PersonaVector, dict[str, np.ndarray]]:
    """Checkpoints that move along the vector by expression (or by chance), amid large drift."""
    generator = np.random.default_rng(seed)
    direction = generator.standard_normal((LAYERS, WIDTH))
    number = ORGANISMS * STEPS
    expression = generator.uniform(0, 1, number)
    along = expression if linked else generator.uniform(0, 1, number)
    change = generator.standard_normal((number, 1, LAYERS, WIDTH)) * 2
    unit = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    across = change - np.einsum("cpkd,kd->cpk", change, unit)[..., None] * unit
    change = across + 3 * along[:, None, None, None] * unit
    keys = pd.DataFrame({"organism": np.repeat(range(ORGANISMS), STEPS), "on": "prompt"})
    changes = ActivationChanges(
        keys,
        ("last_prompt",),
        (1, 2, 3),
        change.astype(np.float32),
        np.linalg.norm(change, axis=-1).astype(np.float32),
    )
    vector = PersonaVector(
        "evil", "toy", ("last_prompt",), (1, 2, 3), direction[None].astype(np.float32)
    )
    observations = Observations(
        changes, expression, keys["organism"].tolist(), step=np.tile(range(STEPS), ORGANISMS)
    )
    nulls = {"random_covariance": generator.standard_normal((200, LAYERS, WIDTH))}
    return observations, vector, nulls


def test_a_planted_link_beats_random_directions() -> None:
    observations, vector, nulls = world(linked=True)
    table = correlate(
        observations,
        vector,
        what="checkpoints",
        position="last_prompt",
        layers=[1, 2, 3],
        nulls=nulls,
    ).set_index("null")
    row = table.loc["random_covariance"]
    assert row["r"] > 0.95
    assert row["p"] == pytest.approx(1 / 201)
    assert row["null_high"] < row["low"] <= row["r"] <= row["high"]
    assert (row["n"], row["draws"], row["on"]) == (40, 200, "prompt")
    assert np.isnan(table.loc["step", "p"])
    assert table.loc["change_norm", "null_low"] == table.loc["change_norm", "null_high"]


def test_no_link_does_not_beat_them_and_selection_is_paid_for() -> None:
    p_values = []
    for seed in range(30):
        observations, vector, nulls = world(linked=False, seed=seed)
        table = correlate(
            observations,
            vector,
            what="checkpoints",
            position="last_prompt",
            layers=[1, 2, 3],
            nulls=nulls,
        )
        p_values.append(float(table["p"].dropna().iloc[0]))
    assert np.mean(np.array(p_values) < 0.05) < 0.17


def test_one_run_has_no_interval_and_no_p() -> None:
    observations, vector, nulls = world(linked=True)
    first = observations.changes.select(observations.changes.keys["organism"] == 0)
    one = Observations(first, np.asarray(observations.expression)[:STEPS], [0] * STEPS)
    table = correlate(
        one,
        vector,
        what="checkpoints",
        position="last_prompt",
        layers=[2],
        nulls={"random_covariance": nulls["random_covariance"][:, [1]]},
    )
    assert table[["p", "low", "high"]].isna().all().all()
    assert table["r"].notna().all()


def test_within_takes_out_what_families_share() -> None:
    x = np.concatenate([np.arange(5.0), 100 + np.arange(5.0)])
    y = np.concatenate([-np.arange(5.0), 100 - np.arange(5.0)])
    family = ["a"] * 5 + ["b"] * 5
    assert pearson(x, y) > 0.99
    assert pearson(centred_within(x, family), centred_within(y, family)) == pytest.approx(-1)


def test_partial_r_removes_a_common_cause() -> None:
    generator = np.random.default_rng(0)
    size = generator.standard_normal(300)
    x, y = size + 0.3 * generator.standard_normal((2, 300))
    assert pearson(x, y) > 0.8
    assert abs(partial_r(x, y, size)) < 0.15
    assert np.isnan(partial_r(size, y, size))


def test_degenerate_correlations_are_nan_not_errors() -> None:
    assert np.isnan(pearson([1, 1, 1], [1, 2, 3]))
    assert np.isnan(pearson([0.1 + 0.2] * 4, [1, 2, 3, 5]))
    assert np.isnan(pearson([1, 2], [1, 2]))
    assert np.isnan(interval_over_groups([1, 2, 3], [1, 2, 3], ["a", "b", "c"])[0])


def test_directions_of_other_layers_and_missing_expressions_are_refused() -> None:
    observations, vector, nulls = world(linked=True)
    with pytest.raises(ValueError, match="draw them at the same layers"):
        correlate(observations, vector, what="x", position="last_prompt", layers=[1], nulls=nulls)
    with pytest.raises(ValueError, match="need one each"):
        Observations(observations.changes, [1.0], ["a"])
    with pytest.raises(ValueError, match="NaN"):
        Observations(observations.changes, [np.nan] * 40, ["a"] * 40)


def test_interval_resamples_whole_organisms() -> None:
    generator = np.random.default_rng(0)
    x = np.repeat(generator.standard_normal(12), 20)
    y = x + np.repeat(generator.standard_normal(12), 20)
    low, high = interval_over_groups(x, y, np.repeat(range(12), 20).tolist())
    assert low < pearson(x, y) < high
    naive_low, naive_high = interval_over_groups(x, y, list(range(240)))
    assert high - low > 2 * (naive_high - naive_low)
