"""A figure beside its null: planted directions beat it, others do not, and choosing is paid for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

import persona_vectors
from persona_vectors.extraction import extract
from persona_vectors.null_directions import random_directions_like
from persona_vectors.null_figures import beside_null, largest, null, selection_aware_p
from persona_vectors.vector import PersonaVector
from tests.persona_vectors.planted import planted

DRAWS = 1000


def areas(activations, positive):
    """AUC [M] of the sign by the projection on directions, at a layer of activations [N, K, D]."""

    def statistic(directions, layer):
        ranks = rankdata(activations[:, layer] @ directions.T, axis=0)
        n = positive.sum()
        return (ranks[positive].sum(axis=0) - n * (n + 1) / 2) / (n * (len(positive) - n))

    return statistic


def held_out(seed, direction, strength):
    """Activations [60, 3, D] that differ by the direction at layer 1 alone, and their signs."""
    generator = np.random.default_rng(seed)
    positive = np.arange(60) % 2 == 0
    activations = generator.standard_normal((60, 3, len(direction)))
    activations[:, 0] = 0
    activations[positive, 1] += strength * direction / np.linalg.norm(direction)
    return activations, positive


@pytest.mark.parametrize("kind", ["permuted", "random"])
def test_a_true_vector_beats_its_null_and_a_false_one_does_not(kind: str) -> None:
    rows, frame, direction = planted()
    true = extract(rows, frame, trait="evil", base="toy", permuted_draws=DRAWS)
    neutral = np.random.default_rng(1).standard_normal((100, *rows.shape[1:]))
    random = random_directions_like(neutral, DRAWS, seed=2).astype(np.float32)
    true = true.with_draws("random", random)
    wrong = np.random.default_rng(3).standard_normal(true.vector.shape).astype(np.float32)
    false = PersonaVector("evil", "toy", true.positions, true.layers, wrong).with_draws(
        kind, true.draws(kind)
    )
    statistic = areas(*held_out(4, direction, 3.0))
    found = null(true, statistic, draws=kind, chance=0.5)
    assert (found.layer, found.draws, found.beaten) == (1, DRAWS, True)
    assert found.p == pytest.approx(1 / (DRAWS + 1))
    assert found.low < 0.5 < found.high < found.real
    assert "p = 0.001: the vector beats its null" in str(found)
    missed = null(false, statistic, draws=kind, chance=0.5)
    assert not missed.beaten
    assert missed.low < missed.real < missed.high
    assert "does not beat its null" in str(missed)


def test_without_the_choice_of_layer_p_would_be_too_small() -> None:
    layers, models, worlds = 12, 30, 300
    generator = np.random.default_rng(0)
    naive, aware = [], []
    for _ in range(worlds):
        shifts = generator.standard_normal((200, layers, models))  # the first direction's is real
        expression = generator.standard_normal(models)
        centred = shifts - shifts.mean(axis=-1, keepdims=True)
        r = centred @ (expression - expression.mean())
        r /= np.linalg.norm(centred, axis=-1) * np.linalg.norm(expression - expression.mean())
        real, where = largest(r[:1])
        naive.append(beside_null(float(real[0]), r[1:, where[0]]).p)
        chosen, _ = largest(r[1:], either_way=True)
        aware.append(beside_null(float(real[0]), chosen).p)
    assert np.mean(np.array(naive) <= 0.05) > 0.15
    assert np.mean(np.array(aware) <= 0.05) < 0.08


def test_scopes_and_coefficients_are_chosen_over_like_layers() -> None:
    values = np.zeros((1, 2, 3), dtype=np.float32) + 1
    vector = PersonaVector("evil", "toy", ("last_prompt",), (1, 2), values[:, :, :])
    draws = np.ones((40, 1, 2, 3), dtype=np.float32)
    figures = {1: np.array([[0.1, 0.3]]), 2: np.array([[0.2, 0.9]])}

    def statistic(directions, layer):
        cells = np.repeat(figures[layer], len(directions), axis=0)
        cells[1:, 1] -= 0.5  # a draw's second cell is no better than its first
        return cells

    found = null(vector, statistic, draws=draws, position="last_prompt", either_way=False)
    assert (found.layer, found.real, found.low, found.high) == (2, 0.9, 0.4, 0.4)
    assert found.p == pytest.approx(1 / 41)


def test_few_directions_have_a_range_but_no_tails() -> None:
    few = beside_null(0.9, [-0.2, 0.5, 0.1])
    assert (few.low, few.high, few.p, few.beaten) == (-0.2, 0.5, 0.25, False)
    assert beside_null(0.9, [-0.95, 0.1]).p == pytest.approx(2 / 3)
    assert beside_null(0.9, [-0.95, 0.1], either_way=False).p == pytest.approx(1 / 3)


def test_null_is_a_function_of_the_package_and_says_what_it_needs() -> None:
    rows, frame, _ = planted()
    vector = extract(rows, frame, trait="evil", base="toy")
    assert persona_vectors.null is null
    with pytest.raises(ValueError, match="holds no 'permuted' directions"):
        null(vector, lambda directions, _: directions[:, 0])
    with pytest.raises(ValueError, match=r"shape \(5, 3, 24\).*needs \(draws, 3, 3, 24\)"):
        null(vector, lambda directions, _: directions[:, 0], draws=rows[:5, 0])
    with pytest.raises(ValueError, match="no position 'answer'"):
        null(vector, lambda directions, _: directions[:, 0], draws=rows, position="answer")
    with pytest.raises(ValueError, match="no layer 9"):
        null(vector, lambda directions, _: directions[:, 0], draws=rows, layers=[9])


@given(st.floats(-1, 1), st.lists(st.floats(-1, 1), min_size=1, max_size=50))
def test_p_is_bounded_and_falls_as_the_real_figure_rises(real: float, drawn: list[float]) -> None:
    p = selection_aware_p(real, drawn)
    assert 1 / (len(drawn) + 1) <= p <= 1
    assert selection_aware_p(real + 0.1, drawn) <= p


def test_p_needs_draws() -> None:
    with pytest.raises(ValueError, match="needs draws"):
        selection_aware_p(0.5, [])
    with pytest.raises(ValueError, match="NaN"):
        selection_aware_p(0.5, [float("nan")])
