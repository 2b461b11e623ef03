"""Null directions: the stated covariance, the stated norm, and p-values that are never zero."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from persona_vectors.null import random_directions, random_directions_like, selection_aware_p


def test_random_directions_have_the_covariance() -> None:
    root = np.random.default_rng(0).standard_normal((5, 5))
    drawn = random_directions(root @ root.T, 40_000, seed=1)
    np.testing.assert_allclose(np.cov(drawn.T), root @ root.T, atol=0.3)
    normed = random_directions(root @ root.T, 10, seed=1, norm=7.0)
    np.testing.assert_allclose(np.linalg.norm(normed, axis=1), 7.0)
    np.testing.assert_array_equal(drawn[:5], random_directions(root @ root.T, 40_000, seed=1)[:5])


def test_directions_like_activations_have_their_covariance_and_the_vectors_norms() -> None:
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((200, 2, 3)) * np.array([1.0, 5.0, 0.1]) + 100
    drawn = random_directions_like(rows, 20_000, seed=1)
    np.testing.assert_allclose(np.cov(drawn[:, 1].T), np.cov(rows[:, 1].T), atol=1.0)
    norms = np.array([2.0, 3.0])
    normed = random_directions_like(rows, 10, seed=1, norms=norms)
    np.testing.assert_allclose(np.linalg.norm(normed, axis=-1), np.tile(norms, (10, 1)))


def test_a_place_that_does_not_vary_gets_zero_directions() -> None:
    rows = np.random.default_rng(0).standard_normal((50, 2, 4))
    rows[:, 0] = 1.5
    normed = random_directions_like(rows, 3, seed=1, norms=np.array([0.0, 2.0]))
    assert not normed[:, 0].any()
    assert np.isfinite(normed).all()


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[D, D\]"):
        random_directions(np.ones((2, 3)), 1, 0)
    with pytest.raises(ValueError, match="zero"):
        random_directions(np.zeros((2, 2)), 1, 0)
    with pytest.raises(ValueError, match="at least 2 and finite"):
        random_directions_like(np.full((4, 2), np.nan), 1, 0)


@given(st.floats(-1, 1), st.lists(st.floats(-1, 1), min_size=1, max_size=50))
def test_p_is_bounded_and_falls_as_the_real_figure_rises(real: float, null: list[float]) -> None:
    p = selection_aware_p(real, null)
    assert 1 / (len(null) + 1) <= p <= 1
    assert selection_aware_p(real + 0.1, null) <= p


def test_p_needs_draws() -> None:
    with pytest.raises(ValueError, match="needs draws"):
        selection_aware_p(0.5, [])
    with pytest.raises(ValueError, match="NaN"):
        selection_aware_p(0.5, [float("nan")])
