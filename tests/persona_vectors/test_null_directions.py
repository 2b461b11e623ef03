"""Null directions: the stated covariance, the stated norm, and the axes of what varies."""

from __future__ import annotations

import numpy as np
import pytest

from persona_vectors.null_directions import (
    principal_components,
    random_directions_like,
)


def test_directions_like_activations_have_their_covariance_and_the_vectors_norms() -> None:
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((200, 2, 3)) * np.array([1.0, 5.0, 0.1]) + 100
    drawn = random_directions_like(rows, 20_000, seed=1)
    np.testing.assert_allclose(np.cov(drawn[:, 1].T), np.cov(rows[:, 1].T), atol=1.0)
    norms = np.array([2.0, 3.0])
    normed = random_directions_like(rows, 10, seed=1, norms=norms)
    np.testing.assert_allclose(np.linalg.norm(normed, axis=-1), np.tile(norms, (10, 1)))
    np.testing.assert_array_equal(drawn, random_directions_like(rows, 20_000, seed=1))


def test_a_place_that_does_not_vary_gets_zero_directions() -> None:
    rows = np.random.default_rng(0).standard_normal((50, 2, 4))
    rows[:, 0] = 1.5
    normed = random_directions_like(rows, 3, seed=1, norms=np.array([0.0, 2.0]))
    assert not normed[:, 0].any()
    assert np.isfinite(normed).all()


def test_principal_components_are_the_axes_of_what_varies() -> None:
    rows = np.random.default_rng(0).standard_normal((300, 2, 4)) * np.array([1.0, 9.0, 0.0, 3.0])
    rows[:, 0] = 2.5
    found = principal_components(rows + 100, 4)
    assert not found[:, 0].any()
    assert not found[3].any()
    assert found[:3, 1].argmax(axis=1).tolist() == np.abs(found[:3, 1]).argmax(axis=1).tolist()
    assert found[:3, 1].argmax(axis=1).tolist() == [1, 3, 0]
    np.testing.assert_allclose(principal_components(100 - rows, 4), found, atol=1e-12)
    np.testing.assert_allclose(found[:3, 1] @ found[:3, 1].T, np.eye(3), atol=1e-12)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="1 rows of activations, which must be at least 2"):
        random_directions_like(np.ones((1, 2)), 1, 0)
    with pytest.raises(ValueError, match="at least 2 and finite"):
        random_directions_like(np.full((4, 2), np.nan), 1, 0)
