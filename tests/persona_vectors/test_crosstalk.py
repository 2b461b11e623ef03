"""Crosstalk: planted links stand on the diagonal, planted spill-over beside it."""

from __future__ import annotations

import numpy as np
import pytest

from persona_vectors.correlation import pearson
from persona_vectors.crosstalk import shift_crosstalk, steering_crosstalk


def test_the_matrix_finds_what_was_planted() -> None:
    generator = np.random.default_rng(0)
    evil, kind = generator.standard_normal((2, 40))
    expressions = {
        "evil": evil + 0.2 * generator.standard_normal(40),
        "kind": kind + evil + 0.2 * generator.standard_normal(40),
    }
    expressions["evil"][0] = np.nan  # a model without scored answers
    organisms = [f"o{i // 4}" for i in range(40)]
    table = shift_crosstalk({"evil": evil, "kind": kind}, expressions, organisms)
    table = table.set_index(["trait", "expression"])
    assert table.loc[("evil", "evil"), "r"] > 0.9
    assert 0.4 < table.loc[("evil", "kind"), "r"] < 0.9
    assert abs(table.loc[("kind", "evil"), "r"]) < 0.4
    assert table["n"].tolist() == [39, 40, 39, 40]
    assert set(table["groups"]) == {10}
    row = table.loc[("evil", "evil")]
    assert row["low"] < row["r"] < row["high"]
    few = shift_crosstalk({"evil": evil[:12]}, {"kind": expressions["kind"][:12]}, organisms[:12])
    assert np.isnan(few["low"][0])
    assert not np.isnan(few["r"][0])


def test_places_of_a_sweep_are_compared_within_themselves() -> None:
    coefficients = np.tile([1.0, 2.0, 4.0], 6)
    places = np.repeat([f"layer {i}" for i in range(6)], 3)
    strength = np.repeat([0.01, 0.02, 0.05, 0.1, 0.15, 0.2], 3)
    generator = np.random.default_rng(0)
    unrelated = 0.3 + 0.05 * generator.standard_normal(18)
    expressions = {"evil": 0.1 + strength * coefficients, "kind": unrelated}
    table = steering_crosstalk(
        coefficients, places.tolist(), expressions, {"evil": 0.1, "kind": 0.3}
    ).set_index("expression")
    assert table.loc["evil", "r"] > pearson(coefficients, expressions["evil"]) + 0.1
    assert abs(table.loc["kind", "r"]) < 0.4
    assert table["n"].tolist() == [18, 18]
    assert table["groups"].tolist() == [6, 6]
    assert 0 < table.loc["evil", "low"] < table.loc["evil", "high"] <= 1


def test_what_does_not_vary_has_no_correlation() -> None:
    table = steering_crosstalk([1.0, 2.0], ["a", "a"], {"evil": [0.0, 0.0]}, {"evil": 0.0})
    assert np.isnan(table["r"][0])
    assert table["n"][0] == pytest.approx(2)
