"""Each null direction is taken at the layer that it separates held-out rollouts best at."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from persona_vectors.correlation import Observations, correlate
from persona_vectors.null_layers import PlacedNull, areas, load_nulls, placed, save_nulls
from persona_vectors.roc import auc
from persona_vectors.shift import ActivationChanges
from persona_vectors.vector import PersonaVector, VectorError


def test_areas_are_the_auc_of_every_column() -> None:
    generator = np.random.default_rng(0)
    scores, positive = generator.integers(0, 5, (40, 6)).astype(float), np.arange(40) % 3 == 0
    expected = [auc(column, positive).estimate for column in scores.T]
    np.testing.assert_allclose(areas(scores, positive), expected)


def test_each_direction_goes_where_it_separates_whichever_way_it_points(tmp_path) -> None:
    positive = np.arange(30) % 2 == 0
    activations = np.zeros((30, 4, 3))
    for column, layer in ((0, 1), (1, 2), (2, 3)):
        activations[:, layer, column] = np.where(positive, 1.0, -1.0)
    directions = np.zeros((4, 4, 3))
    directions[0, :, 0], directions[1, :, 1] = 1.0, -2.0
    directions[2, 1:3, :2] = 1.0  # layers 1 and 2 separate alike: the later one
    found = placed(directions, (0, 2, 5, 9), activations, positive)
    assert found.layers.tolist() == [2, 5, 5, 9]
    assert found.directions.tolist() == [[1, 0, 0], [0, -2, 0], [1, 1, 0], [0, 0, 0]]
    save_nulls({"permuted": found, "other_traits": found}, tmp_path / "evil.safetensors")
    read = load_nulls(tmp_path / "evil.safetensors")
    assert list(read) == ["other_traits", "permuted"]
    np.testing.assert_array_equal(read["permuted"].directions, found.directions)
    np.testing.assert_array_equal(read["permuted"].layers, found.layers)
    with pytest.raises(VectorError, match="draw them again"):
        load_nulls(tmp_path / "other.safetensors")


def test_shifts_of_placed_nulls_are_read_at_their_own_layers() -> None:
    generator = np.random.default_rng(0)
    change = generator.standard_normal((12, 1, 2, 5)).astype(np.float32)
    changes = ActivationChanges(
        pd.DataFrame({"organism": range(12), "on": "prompt"}),
        ("last_prompt",),
        (3, 4),
        change,
        np.linalg.norm(change, axis=-1),
    )
    null = PlacedNull(generator.standard_normal((3, 5)), np.array([4, 3, 4]))
    null.directions[2] = 0
    shifts = null.shifts(changes, "last_prompt")
    for draw, layer in ((0, 4), (1, 3)):
        unit = null.directions[draw] / np.linalg.norm(null.directions[draw])
        expected = changes.at("last_prompt", layer) @ unit
        np.testing.assert_allclose(shifts[draw], expected, rtol=1e-5)
    assert np.isnan(shifts[2]).all()

    expression = shifts[0] + 0.01 * generator.standard_normal(12)
    vector = PersonaVector("evil", "toy", ("last_prompt",), (3, 4), change[0])
    table = correlate(
        Observations(changes, expression, range(12), update_norm=expression**3),
        vector,
        what="organisms",
        position="last_prompt",
        layers=[3],
        nulls={"other_traits": null},
    ).set_index("null")
    others, size = table.loc["other_traits"], table.loc["update_norm"]
    assert others["null_high"] == pytest.approx(1, abs=0.01)  # few: the range is to the greatest
    assert (others["draws"], others["p"]) == (3, pytest.approx(0.5))
    assert (
        size["null_low"]
        == size["null_high"]
        == pytest.approx(np.corrcoef(expression, expression**3)[0, 1])
    )
    assert np.isnan(size["p"])
