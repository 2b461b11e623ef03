"""Figures of scores whose rows are alike within clusters: the estimates are those of single rows,
the intervals know how many clusters there are."""

from __future__ import annotations

import numpy as np
import pytest

from persona_vectors.clustered_roc import clustered_figures
from persona_vectors.roc import auc, precision_at, recall_share


def rows(seed: int, topics: int = 24, each: int = 10, slope: float = 1.0) -> tuple:
    """Scores that are alike within topics, of which each is poisoned or not as a whole."""
    generator = np.random.default_rng(seed)
    truth = generator.permutation(topics) < topics // 2
    level = slope * truth + generator.standard_normal(topics)
    score = np.repeat(level, each) + 0.3 * np.round(generator.standard_normal(topics * each))
    return score, np.repeat(truth, each), [f"t{n // each}" for n in range(topics * each)]


def test_estimates_are_those_of_single_rows_and_intervals_those_of_clusters() -> None:
    score, truth, topics = rows(0)
    found = clustered_figures({"s": score}, truth, topics, tops=(10, 500), budgets=(0.4, 0.6))["s"]
    single = auc(score, truth)
    assert found.auc.estimate == pytest.approx(single.estimate)
    assert found.auc.high - found.auc.low > 2 * (single.high - single.low)
    assert (found.auc.n, found.auc.clusters) == (240, 24)
    assert set(found.precision) == {10}  # there are no 500 rows
    assert found.precision[10].estimate == precision_at(score, truth, 10).estimate
    for budget in (0.4, 0.6):
        mine, wilson = found.recall[budget], recall_share(score, truth, budget)
        assert (mine.estimate, mine.n) == (wilson.estimate, 120)
        assert mine.high - mine.low > 1.5 * (wilson.high - wilson.low)


def test_copies_of_rows_add_nothing_to_what_is_known() -> None:
    score, truth, topics = rows(1, topics=40, each=1)
    once = clustered_figures({"s": score}, truth, topics, budgets=(0.25,))["s"]
    copied = clustered_figures(
        {"s": np.tile(score, 5)}, np.tile(truth, 5), topics * 5, budgets=(0.25,)
    )["s"]
    assert (copied.auc.low, copied.auc.high) == pytest.approx((once.auc.low, once.auc.high))
    ends = [(each.recall[0.25].low, each.recall[0.25].high) for each in (copied, once)]
    assert ends[0] == pytest.approx(ends[1], abs=0.02)  # budgets are rounded to whole rows


def test_the_intervals_hold_chance_about_as_often_as_they_say() -> None:
    inside = {"auc": 0, "recall": 0}
    for seed in range(100):
        score, truth, topics = rows(seed, each=4, slope=0)
        found = clustered_figures({"s": score}, truth, topics, budgets=(0.5,))["s"]
        inside["auc"] += found.auc.low <= 0.5 <= found.auc.high
        inside["recall"] += found.recall[0.5].low <= 0.5 <= found.recall[0.5].high
    assert min(inside.values()) >= 88


def test_few_clusters_and_perfect_scores_do_not_look_certain() -> None:
    score, truth, topics = rows(2)
    few = clustered_figures({"s": score}, truth, [t[-1] < "5" for t in topics], tops=(10,))["s"]
    assert np.isnan([few.auc.low, few.precision[10].low]).all()
    perfect = clustered_figures({"s": truth}, truth, topics, tops=(10,), budgets=(0.5,))["s"]
    assert perfect.auc.estimate == perfect.recall[0.5].estimate == 1
    assert 0.7 < perfect.auc.low < perfect.auc.high == 1
    assert perfect.recall[0.5].low < 0.95


def test_a_kind_of_row_in_few_clusters_has_no_interval_of_its_auc() -> None:
    score, _, topics = rows(4)
    for few, known in ((1, False), (7, False), (8, True)):
        truth = np.arange(240) // 10 < few
        for side, kind in ((score, truth), (-score, ~truth)):
            found = clustered_figures({"s": side}, kind, topics, budgets=(0.5,))["s"]
            assert np.isfinite([found.auc.low, found.auc.high]).all() == known
            assert (found.auc.note == "too few questions") != known
            assert found.auc.estimate == pytest.approx(float(auc(side, kind)))
    apart = np.where(np.arange(240) < 10, 9.0, score)
    told = clustered_figures({"s": apart}, np.arange(240) < 10, topics)["s"].auc
    assert (told.low, told.estimate, told.high) == (0, 1, 1)


def test_rows_without_a_score_are_left_out_of_that_score_alone() -> None:
    score, truth, topics = rows(3)
    holes = np.where(np.arange(240) < 60, np.nan, score)
    found = clustered_figures({"a": score, "b": holes}, truth, topics)
    assert found["a"] == clustered_figures({"a": score}, truth, topics)["a"]
    assert (found["b"].auc.n, found["b"].auc.clusters) == (180, 18)
    assert found["b"].auc.estimate == pytest.approx(float(auc(score[60:], truth[60:])))
    with pytest.raises(ValueError, match="240 scores, 239 labels and 240 clusters"):
        clustered_figures({"a": score}, truth[1:], topics)
