"""The uncertainty of a mean whose values are alike within topics and within seeds.

It works on sums and counts of cells (topic x seed), for many studies at once: what a rate of one
table and a simulation of thousands of studies run is the same code.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import expit, logit, stdtrit

from evals.statistics.arrays import Floats
from evals.statistics.estimate import CONFIDENCE
from evals.statistics.proportions import wilson_ends, worth_of

RARE: Final = 5.0
"""Below this many effective events (or non-events) the t interval is too narrow by itself."""

SEED_SHARE: Final = 0.25
"""At least this share of the seeds' variance is taken to be of the seeds themselves."""


def interval_of_cells(sums: Floats, counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, lower and upper end of the 95% interval of a rate.

    The half width (`half_width`) is taken on the scale of log odds, so that a rare rate has the
    longer upper side that it needs. Where every value is 0, or every value is 1: Wilson on the
    effective n; next to it (fewer than 5 effective events) the wider of both on each side, so that
    one event more never narrows what is known.

    Args:
        sums: [..., topics, seeds] of the values, each from 0 to 1.
        counts: [..., topics, seeds] of answers; every topic and every seed has some.

    Returns:
        Three arrays [...].
    """
    mean = sums.sum(axis=(-2, -1)) / counts.sum(axis=(-2, -1))
    half = half_width(sums, counts)
    spread = mean * (1 - mean)
    certain = spread <= 0
    inside = np.where(certain, 0.5, mean)
    on_odds = half / np.where(certain, 1.0, spread)
    low, high = expit(logit(inside) - on_odds), expit(logit(inside) + on_odds)
    worth = worth_of(counts.sum(axis=-1))
    wilson_low, wilson_high = wilson_ends(mean, worth)
    rare = np.minimum(mean, 1 - mean) * worth < RARE
    low = np.where(certain, wilson_low, np.where(rare, np.minimum(low, wilson_low), low))
    high = np.where(certain, wilson_high, np.where(rare, np.maximum(high, wilson_high), high))
    return mean, low, high


def half_width(sums: Floats, counts: Floats) -> Floats:
    """Half the 95% interval around a pooled mean: single source of truth for rates and differences.

    One seed: t(topics - 1) times the cluster-robust standard error. Several: the two-way variance
    has a topic part and a seed part (`between_seeds`); each gets the t quantile of its own degrees
    of freedom and the squared half widths add up, so that two seeds that agree do not blow the
    interval up to everything, and two that disagree do.

    Args:
        sums: [..., topics, seeds] of the values.
        counts: [..., topics, seeds] of the values; every topic and every seed has some, and there
            are two topics at least.
    """
    n = counts.sum(axis=(-2, -1), keepdims=True)
    totals = sums - counts * (sums.sum(axis=(-2, -1), keepdims=True) / n)
    n = n[..., 0, 0]
    topics, seeds = counts.shape[-2:]
    squared = t_quantile(topics) ** 2 * _variance(totals.sum(axis=-1), n, topics)
    if seeds > 1:
        filled = np.count_nonzero(counts, axis=(-2, -1))
        cells = totals.reshape(*totals.shape[:-2], topics * seeds)
        of_seeds = _variance(totals.sum(axis=-2), n, seeds)
        part = between_seeds(of_seeds, _variance(cells, n, filled))
        squared = squared + t_quantile(seeds) ** 2 * part
    return np.sqrt(squared)


def between_seeds(seeds: Floats, cells: Floats) -> Floats:
    """The part of a mean's variance that is due to seeds alone.

    It is the variance over seeds less that of the cells, which the topic part holds already. Both
    are estimates from a few seeds, and their difference is often nothing by chance: a quarter of
    the variance over seeds is always kept (without it the intervals of two seeds cover 87 to 94% in
    the studies of `benchmarks/interval_coverage.py`).
    """
    return np.maximum(SEED_SHARE * seeds, seeds - cells)


def _variance(totals: Floats, n: Floats, groups: int | Floats) -> Floats:
    """Variance of a mean over n values from the totals [..., groups] of their deviations."""
    variance: Floats = (totals**2).sum(axis=-1) / n**2 * (groups / (groups - 1))
    return variance


def t_quantile(groups: int) -> float:
    """The t quantile of a 95% interval with groups - 1 degrees of freedom."""
    return float(stdtrit(groups - 1, 0.5 + CONFIDENCE / 2))
