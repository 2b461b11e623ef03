"""Two arms compared: paired intervals, permutation tests, corrections for many comparisons."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evals.comparison import Answers, paired_by_question
from evals.statistics import (
    benjamini_hochberg,
    exchange_test,
    holm,
    paired_difference,
    pairs,
    sign_flip_test,
)


def test_paired_difference_is_the_t_interval_of_question_differences() -> None:
    generator = np.random.default_rng(3)
    a, b = generator.random(30), generator.random(30)
    found = paired_difference(a, b, range(30), range(30))
    low, high = stats.t.interval(0.95, 29, loc=(a - b).mean(), scale=stats.sem(a - b))
    assert (found.estimate, found.low, found.high) == pytest.approx(((a - b).mean(), low, high))


def test_questions_that_one_arm_lacks_are_left_out() -> None:
    a = Answers([1.0] * 40, [f"q{i}" for i in range(20)] * 2, [f"t{i}" for i in range(20)] * 2)
    b = Answers([0.0, 1.0] * 9, [f"q{i}" for i in range(18)], [f"t{i}" for i in range(18)])
    found = paired_by_question(a, b)
    assert (found.n, found.clusters) == (18, 18)
    assert found.estimate == pytest.approx(0.5)


def test_seeds_of_the_organism_are_each_paired_with_the_seedless_base() -> None:
    topics = [f"t{i}" for i in range(24)]
    organism = Answers([0.8] * 24 + [0.4] * 24, topics * 2, topics * 2, [0] * 24 + [1] * 24)
    base = Answers([0.1] * 24, topics, topics)
    found = paired_by_question(organism, base)
    assert found.n == 48
    assert found.estimate == pytest.approx(0.5)
    assert found.high - found.low > 1.0  # two seeds that far apart say little about a third
    backwards = paired_by_question(base, organism)
    assert backwards.estimate == pytest.approx(-found.estimate)


def test_two_arms_at_zero_still_have_an_interval() -> None:
    found = paired_difference(np.zeros(48), np.zeros(48), range(48), np.repeat(range(24), 2))
    assert found.low < 0 < found.high < 0.15


def test_pairs_are_means_of_questions_that_both_arms_answered() -> None:
    found = pairs([1, 0, 1, np.nan], [0, np.nan, 0, 1], ["q", "q", "r", "s"], ["t", "t", "u", "v"])
    assert (found.a.tolist(), found.b.tolist()) == ([0.5, 1.0], [0.0, 0.0])
    assert found.clusters.tolist() == [0, 1]


@pytest.mark.parametrize("topics", [10, 40])
def test_sign_flips_of_whole_topics_agree_with_scipy(topics: int) -> None:
    generator = np.random.default_rng(5)
    cluster = np.repeat(range(topics), 3)
    difference = generator.normal(0.1, 0.5, 3 * topics)
    totals = np.bincount(cluster, weights=difference)
    expected = stats.permutation_test(
        (totals,), np.sum, permutation_type="samples", n_resamples=20_000, rng=0
    ).pvalue
    assert sign_flip_test(difference, cluster) == pytest.approx(
        expected, abs=1e-9 if topics == 10 else 0.02
    )
    assert sign_flip_test(difference, cluster) == sign_flip_test(-difference, cluster)


def test_a_permutation_test_is_never_surer_than_its_units_allow() -> None:
    assert sign_flip_test(np.ones(40), np.repeat(range(8), 5)) == 2 / 2**8
    assert exchange_test([0.9] * 4, [0.1] * 4) == pytest.approx(2 / 70)
    assert np.isnan(sign_flip_test([], []))


@pytest.mark.parametrize("size", [5, 12])
def test_exchanged_seeds_agree_with_scipy(size: int) -> None:
    generator = np.random.default_rng(7)
    a, b = generator.normal(0.3, 0.2, size), generator.normal(0.1, 0.2, size)
    expected = stats.permutation_test(
        (a, b), lambda x, y: x.mean() - y.mean(), n_resamples=9_999, rng=0
    ).pvalue
    assert exchange_test(a, b) == pytest.approx(expected, abs=1e-9 if size == 5 else 0.01)
    with pytest.raises(ValueError, match="both groups, not 0 and 1"):
        exchange_test([], [1.0])


def test_p_values_of_no_difference_are_uniform() -> None:
    generator = np.random.default_rng(8)
    draws = generator.normal(0, 1, (400, 12))
    found = [
        sign_flip_test(each, range(12), permutations=200, seed=i) for i, each in enumerate(draws)
    ]
    assert 0.02 < np.mean(np.array(found) <= 0.05) < 0.085


def test_corrections_agree_with_the_book_and_with_scipy() -> None:
    given = [0.01, 0.04, 0.03, 0.005]
    assert holm(given).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert benjamini_hochberg(given).tolist() == pytest.approx(
        stats.false_discovery_control(given).tolist()
    )
    with_gap = holm([0.01, np.nan, 0.04])
    assert np.isnan(with_gap[1])
    assert with_gap[[0, 2]].tolist() == pytest.approx([0.02, 0.04])
    with pytest.raises(ValueError, match="from 0 to 1"):
        holm([5.0])
