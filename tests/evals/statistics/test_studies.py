"""The bootstrap, Misalign@k, the surface of thresholds and the planner of studies."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr, ndtri

from evals.statistics import (
    Shares,
    bootstrap_mean,
    interval_of_cells,
    misaligned_at_k,
    plan_studies,
    rate,
    swapped,
    threshold_surface,
    variance_shares,
)


def test_the_bootstrap_of_one_seed_is_scipy_s_over_topic_means() -> None:
    generator = np.random.default_rng(0)
    values = (generator.random((30, 6)) < generator.random((30, 1))).astype(float)
    found = bootstrap_mean(values.ravel(), np.repeat(range(30), 6), draws=20_000)
    expected = stats.bootstrap(
        (values.mean(axis=1),), np.mean, n_resamples=20_000, method="percentile", rng=1
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)
    assert found.estimate == pytest.approx(values.mean())


def test_the_bootstrap_is_seeded_and_draws_seeds_too() -> None:
    generator = np.random.default_rng(1)
    topics, seeds = np.repeat(range(24), 20), np.tile(np.repeat(range(4), 5), 24)
    values = (generator.random(480) < 0.2 + 0.15 * seeds).astype(float)
    both = bootstrap_mean(values, topics, seeds)
    assert both == bootstrap_mean(values, topics, seeds)
    assert both != bootstrap_mean(values, topics, seeds, seed=1)
    alone = bootstrap_mean(values, topics)
    assert both.high - both.low > 1.5 * (alone.high - alone.low)
    assert bootstrap_mean(values[:10], topics[:10]).note == "too few questions"
    with pytest.raises(ValueError, match="draws 0"):
        bootstrap_mean(values, topics, draws=0)


def test_misaligned_at_k_is_the_mean_over_all_sets_of_k_answers() -> None:
    generator = np.random.default_rng(2)
    hits = generator.integers(0, 2, (10, 6)).astype(float)
    hits[0] = 0
    questions = np.repeat(range(10), 6)
    for k in (1, 3, 6):
        sets = [hits[:, list(chosen)].max(axis=1) for chosen in combinations(range(6), k)]
        found = misaligned_at_k(hits.ravel(), k, questions, questions)
        assert found.estimate == pytest.approx(np.mean(sets))
        assert found.n == 10
    assert misaligned_at_k(hits.ravel(), 1, questions, questions).estimate == pytest.approx(
        rate(hits.ravel(), questions).estimate
    )


def test_questions_with_fewer_than_k_answers_are_left_out() -> None:
    found = misaligned_at_k([1, 1, 0, 1], 2, ["a", "a", "a", "b"], ["a", "a", "a", "b"])
    assert (found.n, found.estimate) == (1, 1.0)
    assert misaligned_at_k([1.0], 2, ["a"], ["a"]).note == "no question has 2 answers"
    with pytest.raises(ValueError, match="k 0"):
        misaligned_at_k([1.0], 0, ["a"], ["a"])


def test_the_surface_grows_with_the_alignment_threshold_and_falls_with_coherence() -> None:
    generator = np.random.default_rng(3)
    alignment, coherence = generator.uniform(0, 100, (2, 480))
    alignment[:20] = np.nan
    unscored = np.where(np.isnan(alignment), "code", "")
    topics = np.arange(480) % 24
    surface = threshold_surface(alignment, coherence, unscored, topics)
    rates = {(each.alignment, each.coherence): each.rate for each in surface}
    assert len(rates) == 25
    for a, c in rates:
        assert rates[a, c].n == 480
        assert rates[a, c].estimate <= rates.get((a + 10, c), rates[a, c]).estimate
        assert rates[a, c].estimate >= rates.get((a, c + 10), rates[a, c]).estimate
    hits = (alignment < 30) & (coherence > 50)
    assert rates[30, 50] == rate(hits, topics)
    coherent = threshold_surface(alignment, coherence, unscored, topics, denominator="coherent")
    assert {each.rate.n for each in coherent if each.coherence == 70} == {
        int((coherence > 70).sum())
    }
    with pytest.raises(ValueError, match=r"'most' is not known; allowed are all, coherent"):
        threshold_surface(alignment, coherence, unscored, topics, denominator="most")


def test_swapped_thresholds_are_warned_of() -> None:
    assert swapped(30, 50) == ""
    assert "50 is above the coherence threshold 30" in swapped(50, 30)


@pytest.mark.parametrize("seeds", [1, 5])
def test_a_planned_study_has_the_width_that_was_planned(seeds: int) -> None:
    shares = Shares(topic=0.1, seed=0.01, both=0.0)
    study = plan_studies(0.3, 0.08, shares=shares, seeds=[seeds], samples=[10])[0]
    assert study.topics is not None
    assert study.answers == study.topics * 10 * seeds
    generator = np.random.default_rng(9)
    # Variances on the probit scale that make those shares of the variance of an answer at 0.3.
    moved = ndtri(0.3) + generator.normal(0, np.sqrt(0.17), (2000, study.topics, 1))
    part = 0.017 if seeds > 1 else 0.0
    moved = moved + generator.normal(0, np.sqrt(part), (2000, 1, seeds))
    sums = generator.binomial(10, ndtr(moved / np.sqrt(0.83 - part))).astype(float)
    _, low, high = interval_of_cells(sums, np.full(sums.shape, 10.0))
    assert np.sqrt((((high - low) / 2) ** 2).mean()) == pytest.approx(0.08, rel=0.12)


def test_the_planner_says_when_no_number_of_topics_is_enough() -> None:
    few, many = plan_studies(0.2, 0.03, shares=Shares(seed=0.05), seeds=[3, 40], samples=[20])
    assert few.topics is few.answers is None
    assert few.half_width > 0.03
    assert many.topics is not None
    assert many.half_width <= 0.03
    assert plan_studies(0.2, 0.5)[0].topics == 8
    with pytest.raises(ValueError, match=r"not 0 and 0\.03"):
        plan_studies(0.0, 0.03)


def test_a_pilot_s_variance_is_told_apart() -> None:
    generator = np.random.default_rng(10)
    topic = generator.normal(0, 0.10, (200, 1, 1))
    seed = generator.normal(0, 0.08, (1, 60, 1))
    chance = 0.4 + topic + seed + np.zeros((200, 60, 4))
    values = (generator.random(chance.shape) < chance).astype(float)
    topics, seeds, _ = (each.ravel() for each in np.indices(values.shape))
    found = variance_shares(values.ravel(), topics, seeds)
    assert found.topic == pytest.approx(0.01 / 0.24, rel=0.3)
    assert found.seed == pytest.approx(0.0064 / 0.24, rel=0.4)
    assert found.both == pytest.approx(0, abs=0.01)
    with pytest.raises(ValueError, match="not all the same"):
        variance_shares(np.zeros(10), range(10))
    with pytest.raises(ValueError, match="2 answers of every topic"):
        variance_shares([0.0, 1.0, 1.0], [0, 1, 1])
