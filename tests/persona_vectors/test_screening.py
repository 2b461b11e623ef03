"""Screening: thresholds from clean rows, budgets that ties cannot cheat, figures by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evals.statistics import wilson
from persona_vectors.baseline_scores import length_scores, random_scores
from persona_vectors.roc import auc, precision_at, recall_at, roc_curve
from persona_vectors.screening import projection_difference
from persona_vectors.screening_table import screening_row
from persona_vectors.thresholds import clean_threshold, keep_below, keep_by_budget, keep_lowest

SCORES = arrays(np.float64, 40, elements=st.integers(-5, 5).map(float))
TRUTH = arrays(np.bool_, 40)


@settings(max_examples=50, deadline=None)
@given(SCORES, TRUTH)
def test_auc_is_the_share_of_pairs_in_order(scores: np.ndarray, truth: np.ndarray) -> None:
    found = auc(scores, truth)
    if truth.all() or not truth.any():
        assert np.isnan(found.estimate)
        return
    gaps = scores[truth][:, None] - scores[~truth][None, :]
    assert found.estimate == pytest.approx(((gaps > 0) + 0.5 * (gaps == 0)).mean())
    if truth.sum() > 1 and (~truth).sum() > 1:
        assert 0 <= found.low <= found.estimate + 1e-12
        assert found.estimate - 1e-12 <= found.high <= 1


def test_auc_interval_covers() -> None:
    generator = np.random.default_rng(0)
    truth = np.arange(100) < 30
    expected = 0.7602
    inside = 0
    for _ in range(400):
        found = auc(generator.standard_normal(100) + truth, truth)
        inside += found.low <= expected <= found.high
    assert 0.91 < inside / 400 < 0.98


@settings(max_examples=50, deadline=None)
@given(SCORES, st.floats(0, 1), st.integers(0, 99))
def test_budget_removes_exactly_so_many_and_the_highest(
    scores: np.ndarray, budget: float, seed: int
) -> None:
    keep = keep_by_budget(scores, budget, seed)
    assert (~keep).sum() == round(budget * 40)
    if keep.any() and not keep.all():
        assert scores[~keep].min() >= scores[keep].max()


def test_recall_of_a_constant_score_is_its_budget() -> None:
    truth = np.arange(100) < 30
    assert recall_at(np.zeros(100), truth, 0.3) == pytest.approx(0.3)
    recalls = [(~keep_by_budget(np.zeros(100), 0.3, s) & truth).sum() / 30 for s in range(300)]
    assert np.mean(recalls) == pytest.approx(0.3, abs=0.02)


def test_oracle_recalls_all_at_its_share() -> None:
    truth = np.random.default_rng(0).random(200) < 0.3
    assert recall_at(truth.astype(float), truth, truth.mean()) == 1.0
    assert recall_at(truth, truth, 0.0) == 0.0
    assert np.isnan(recall_at(truth, np.zeros(200, bool), 0.3))


def test_threshold_comes_from_clean_rows_and_costs_no_more_than_said() -> None:
    clean = np.random.default_rng(0).standard_normal(500)
    threshold = clean_threshold(clean, 0.05)
    assert 0 < (clean > threshold).mean() <= 0.05
    assert keep_below([threshold, threshold + 1, np.nan], threshold).tolist() == [
        True,
        False,
        False,
    ]
    with pytest.raises(ValueError, match="give at least 100"):
        clean_threshold(clean[:20], 0.01)
    with pytest.raises(ValueError, match="between 0 and 1"):
        clean_threshold(clean, 1.5)


def test_projection_difference_is_zero_for_the_bases_own_answers() -> None:
    generator = np.random.default_rng(0)
    own, vector = generator.standard_normal((6, 2, 8)), generator.standard_normal(8)
    assert not projection_difference(own, own, vector).any()
    np.testing.assert_allclose(
        projection_difference(own + 3 * vector, own, vector), 3 * np.linalg.norm(vector)
    )


def test_scores_without_a_model() -> None:
    assert length_scores([1, 5, 9], [4, 5, 6]).tolist() == [4, 0, 4]
    np.testing.assert_array_equal(random_scores(5, 1), random_scores(5, 1))
    assert (random_scores(5, 1) != random_scores(5, 2)).any()


def test_a_row_of_the_table_counts_what_was_kept() -> None:
    truth = np.arange(10) < 3
    row = screening_row(
        truth.astype(float), truth, keep_by_budget(truth, 0.2), {"method": "oracle"}
    )
    assert (row["method"], row["n"], row["kept"], row["kept_poisoned"]) == ("oracle", 10, 8, 1)
    assert row["auc"] == 1.0
    assert isinstance(row["low"], float)
    assert row["low"] < 1.0


def test_missing_scores_are_refused() -> None:
    for call in (
        lambda: keep_by_budget([1.0, np.nan], 0.5),
        lambda: auc([1.0, np.nan], [True, False]),
    ):
        with pytest.raises(ValueError, match="1 of 2 rows have no score"):
            call()
    with pytest.raises(ValueError, match="one each"):
        recall_at([1.0], [True, False], 0.5)


@settings(max_examples=50, deadline=None)
@given(SCORES, TRUTH)
def test_the_area_below_the_curve_is_the_auc(scores: np.ndarray, truth: np.ndarray) -> None:
    if truth.all() or not truth.any():
        with pytest.raises(ValueError, match="needs poisoned and clean rows"):
            roc_curve(scores, truth)
        return
    clean, found = roc_curve(scores, truth)
    assert (clean[0], found[0], clean[-1], found[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(found, clean) == pytest.approx(auc(scores, truth).estimate)


def test_precision_counts_ties_in_expectation_and_has_an_interval() -> None:
    scores, truth = [3.0, 2.0, 2.0, 2.0, 1.0], [True, True, False, False, True]
    assert precision_at(scores, truth, 1).estimate == 1.0
    found = precision_at(scores, truth, 2)
    assert found.estimate == pytest.approx((1 + 1 / 3) / 2)
    assert (found.low, found.high) == pytest.approx(wilson(4 / 3, 2))
    with pytest.raises(ValueError, match="precision at 6 of 5 rows"):
        precision_at(scores, truth, 6)


def test_so_many_rows_are_kept_as_are_asked_for() -> None:
    assert keep_lowest([1.0, 3.0, 2.0], 2).tolist() == [True, False, True]
    assert keep_lowest(np.zeros(9), 4).sum() == 4
    with pytest.raises(ValueError, match="4 rows to keep of 3"):
        keep_lowest([1.0, 3.0, 2.0], 4)
