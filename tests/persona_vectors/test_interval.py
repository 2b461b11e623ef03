"""Intervals of means: the same as those of rates where both apply."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import stdtrit

from evals.statistics import paired_difference
from persona_vectors.interval import clustered_mean


@pytest.mark.parametrize("seeds", [1, 3])
def test_equals_the_statistics_of_rates(seeds: int) -> None:
    generator = np.random.default_rng(0)
    topics = np.repeat([f"t{i}" for i in range(10)], 3 * seeds)
    seed = np.tile(np.repeat(np.arange(seeds), 3), 10)
    questions = [f"q{i % 3}-{t}" for i, t in enumerate(topics)]
    a, b = generator.uniform(0.2, 0.8, (2, len(topics)))
    a += 0.1 * seed
    expected = paired_difference(a, b, questions, topics, seed)
    found = clustered_mean((a - b)[:, None], topics.tolist(), seed.tolist())
    assert found.estimate[0] == pytest.approx(expected.estimate)
    assert found.low[0] == pytest.approx(expected.low)
    assert found.high[0] == pytest.approx(expected.high)
    assert (found.n, found.clusters) == (expected.n, expected.clusters)


def test_seeds_that_agree_by_chance_keep_a_part_of_their_variance() -> None:
    """Two seeds whose difference topics explain still have a wider interval than topics alone."""
    topics = [f"t{i}" for i in range(12) for _ in range(2)]
    seeds = [0, 1] * 12
    noise = np.random.default_rng(1).standard_normal(24)
    pooled = clustered_mean(noise, topics)
    both = clustered_mean(noise, topics, seeds)
    of_seeds = np.ptp([noise[::2].mean(), noise[1::2].mean()]) / 2
    wider = 0.25 * (stdtrit(1, 0.975) * of_seeds) ** 2
    assert both.high - both.estimate == pytest.approx(
        np.sqrt((pooled.high - pooled.estimate) ** 2 + wider)
    )


def test_many_columns_equal_one_by_one() -> None:
    values = 50 * np.random.default_rng(0).standard_normal((24, 2, 3))
    topics = [i % 12 for i in range(24)]
    found = clustered_mean(values, topics)
    one = clustered_mean(values[:, 1, 2], topics)
    assert found.low[1, 2] == pytest.approx(float(one.low))
    assert (found.low < found.estimate).all()


def test_few_topics_have_no_interval_and_nan_is_refused() -> None:
    found = clustered_mean(np.ones((14, 2)), [i % 7 for i in range(14)])
    assert np.isnan(found.low).all()
    assert found.estimate.tolist() == [1, 1]
    with pytest.raises(ValueError, match="NaN"):
        clustered_mean([1.0, np.nan], ["a", "b"])
    with pytest.raises(ValueError, match="need one each"):
        clustered_mean([1.0, 2.0], ["a"])
