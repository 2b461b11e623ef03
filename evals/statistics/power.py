"""How large a study has to be: topics, answers and seeds for an interval of a given width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evals.statistics.arrays import cells_of, codes, codes_or_one, same_length
from evals.statistics.clustered import between_seeds, t_quantile
from evals.statistics.estimate import MINIMUM_CLUSTERS
from evals.statistics.proportions import ASSUMED_INTRACLASS_CORRELATION

MOST_TOPICS = 5_000
"""More topics than anybody writes: then the planner says that the width is out of reach."""


@dataclass(frozen=True)
class Shares:
    """What the variance of one answer, p (1 - p), is made of; the rest is chance.

    Attributes:
        topic: share of the topic: how alike two answers to one topic are.
        seed: share of the fine-tune's seed.
        both: share of the topic and the seed together: seeds that differ by topic.
    """

    topic: float = ASSUMED_INTRACLASS_CORRELATION
    seed: float = 0.01
    both: float = 0.02

    def __post_init__(self) -> None:
        """Raise `ValueError` on shares that are none."""
        parts = (self.topic, self.seed, self.both)
        if min(parts) < 0 or sum(parts) > 1 + 1e-9:
            raise ValueError(f"shares from 0 to 1 that sum to 1 at most are needed, not {parts}")

    @property
    def rest(self) -> float:
        """What is left to chance."""
        return max(0.0, 1 - self.topic - self.seed - self.both)


@dataclass(frozen=True)
class Study:
    """One way of reaching a width.

    Attributes:
        topics: topics to ask; None where no number of them is enough.
        samples: answers a topic and seed, over all its paraphrases.
        seeds: fine-tunes.
        half_width: what is to be expected, a fraction; with topics None, what stays however many.
    """

    topics: int | None
    samples: int
    seeds: int
    half_width: float

    @property
    def answers(self) -> int | None:
        """Answers in all."""
        return None if self.topics is None else self.topics * self.samples * self.seeds


def plan_studies(
    rate: float,
    half_width: float,
    *,
    shares: Shares | None = None,
    seeds: Sequence[int] = (1, 3, 5),
    samples: Sequence[int] = (1, 6, 20, 100),
) -> tuple[Study, ...]:
    """For every number of seeds and of samples, the fewest topics that reach a half width.

    The width is that of `rate` where it is not next to 0 or 1. One seed says nothing of others: its
    interval is that of this one fine-tune.

    Args:
        rate: the rate that is expected, between 0 and 1.
        half_width: half the 95% interval, a fraction: 0.03 for +-3 points.
        shares: of the variance; from a pilot by `variance_shares`, else the usual ones.
        seeds: numbers of fine-tunes to plan for.
        samples: numbers of answers a topic and seed to plan for.

    Raises:
        ValueError: on a rate, a width or numbers that no study can have.
    """
    if not (0 < rate < 1 and 0 < half_width < 1):
        raise ValueError(
            f"a rate and a half width between 0 and 1 are needed, not {rate:g} and {half_width:g}; "
            "3 points are 0.03, and a rate of 0 is planned for as the largest that may be missed"
        )
    if min(*seeds, *samples, 1) < 1:
        raise ValueError(f"at least 1 seed and 1 sample are needed, not {seeds} and {samples}")
    given = shares or Shares()
    return tuple(
        _fewest(rate, half_width, given, number, each) for number in seeds for each in samples
    )


def expected_half_width(
    rate: float, topics: int, samples: int, seeds: int, shares: Shares
) -> float:
    """Half the 95% interval that a study is to expect (see `evals.statistics.clustered`)."""
    spread = rate * (1 - rate)
    chance = (shares.both + shares.rest / samples) / (topics * seeds)
    if seeds == 1:
        return t_quantile(topics) * float(np.sqrt(spread * (shares.topic / topics + chance)))
    of_seeds = shares.seed / seeds + chance
    cells = chance + (shares.topic + shares.seed) / (topics * seeds)
    seed_part = float(between_seeds(np.array(of_seeds), np.array(cells)))
    squared = (
        t_quantile(topics) ** 2 * (shares.topic / topics + chance)
        + t_quantile(seeds) ** 2 * seed_part
    )
    return float(np.sqrt(spread * squared))


def variance_shares(
    values: ArrayLike, clusters: ArrayLike, seeds: ArrayLike | None = None
) -> Shares:
    """What the variance of a pilot's answers is made of, by the method of moments.

    Cells of one topic and seed need about equal numbers of answers, two at least; without seeds the
    usual share of the seed is taken. Parts that come out negative are 0.

    Args:
        values: [N] 0..1 without NaN, not all the same.
        clusters: [N] the topic of each answer.
        seeds: [N] the fine-tune seed of each answer.

    Raises:
        ValueError: on too little to tell the parts apart, and arrays of different lengths.
    """
    values_N = np.asarray(values, dtype=np.float64)
    clusters_N, seeds_N = codes(clusters), codes_or_one(seeds, len(values_N))
    same_length(values=values_N, clusters=clusters_N, seeds=seeds_N)
    if len(values_N) == 0 or np.isnan(values_N).any() or np.ptp(values_N) == 0:
        raise ValueError(
            "a pilot needs scored answers that are not all the same; plan with the usual shares"
        )
    sums, counts = cells_of(values_N, clusters_N, seeds_N)
    topics, number_of_seeds = sums.shape
    if topics < 2 or counts.min() < 2:
        raise ValueError(
            f"a pilot needs 2 topics and 2 answers of every topic under every seed, not {topics} "
            f"and {counts.min():g}; leave out topics that some seed lacks"
        )
    means = sums / counts
    within = float(((values_N - means[clusters_N, seeds_N]) ** 2).sum() / (counts - 1).sum())
    chance = within * float((1 / counts).mean())
    by_topic = float(means.mean(axis=1).var(ddof=1))
    if number_of_seeds == 1:
        parts = np.array([by_topic - chance, 0.0, 0.0])
    else:
        by_seed = float(means.mean(axis=0).var(ddof=1))
        rest = means - means.mean(axis=1, keepdims=True) - means.mean(axis=0) + means.mean()
        left = float((rest**2).sum()) / ((topics - 1) * (number_of_seeds - 1))
        parts = np.array(
            [by_topic - left / number_of_seeds, by_seed - left / topics, left - chance]
        )
    mean = float(values_N.mean())
    shares = np.clip(parts / (mean * (1 - mean)), 0.0, None)
    if number_of_seeds == 1:
        shares[1] = Shares().seed
    topic, seed, both = (shares / max(1.0, float(shares.sum()))).tolist()
    return Shares(topic=topic, seed=seed, both=both)


def _fewest(rate: float, wanted: float, shares: Shares, seeds: int, samples: int) -> Study:
    low, high = MINIMUM_CLUSTERS, MOST_TOPICS
    reached = expected_half_width(rate, high, samples, seeds, shares)
    if reached > wanted:
        return Study(None, samples, seeds, reached)
    while low < high:
        middle = (low + high) // 2
        if expected_half_width(rate, middle, samples, seeds, shares) <= wanted:
            high = middle
        else:
            low = middle + 1
    return Study(low, samples, seeds, expected_half_width(rate, low, samples, seeds, shares))
