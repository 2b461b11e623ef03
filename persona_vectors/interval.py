"""The 95% interval of a mean of unbounded values (projections), for many columns at once.

The arithmetic that `evals.statistics` has for differences of rates, but for the least share of the
seeds' variance that is kept there (a test holds them equal where that does not bind): clusters are
topics; with several seeds, seeds and topics both vary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from evals.statistics import CONFIDENCE, MINIMUM_CLUSTERS

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MeanInterval:
    """Means and 95% intervals, [...] each: one a column; low and high are NaN below 8 clusters."""

    estimate: Floats
    low: Floats
    high: Floats
    n: int
    clusters: int


def clustered_mean(
    values: ArrayLike, clusters: Sequence[object], seeds: Sequence[object] | None = None
) -> MeanInterval:
    """Mean over the first axis with a cluster-robust t interval.

    Args:
        values: [N, ...] one row a question (and seed), without NaN.
        clusters: [N] the topic of each row.
        seeds: [N] the fine-tune seed of each row, None for one seed.

    Raises:
        ValueError: no rows, NaN values, or lengths that differ.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) == 0 or len(values) != len(clusters):
        raise ValueError(
            f"{len(values)} rows of values with {len(clusters)} clusters: need one each"
        )
    if np.isnan(values).any():
        raise ValueError("values hold NaN: leave out questions that were not measured")
    mean = values.mean(axis=0)
    topic_N = _codes(clusters)
    number = int(topic_N.max()) + 1
    if number < MINIMUM_CLUSTERS:
        nothing = np.full_like(mean, np.nan)
        return MeanInterval(mean, nothing, nothing.copy(), len(values), number)
    deviations = values - mean
    squared = _t(number - 1) ** 2 * _variance(deviations, topic_N)
    seed_N = _codes(seeds if seeds is not None else [0] * len(values))
    number_of_seeds = int(seed_N.max()) + 1
    if number_of_seeds > 1:
        cells = _codes(list(zip(topic_N.tolist(), seed_N.tolist(), strict=True)))
        between = _variance(deviations, seed_N) - _variance(deviations, cells)
        squared = squared + _t(number_of_seeds - 1) ** 2 * np.maximum(0.0, between)
    half = np.sqrt(squared)
    return MeanInterval(mean, mean - half, mean + half, len(values), number)


def _variance(deviations: Floats, groups: NDArray[np.int64]) -> Floats:
    """Variance of a mean whose deviations [N, ...] are correlated within groups."""
    number = int(groups.max()) + 1
    totals = np.zeros((number, *deviations.shape[1:]))
    np.add.at(totals, groups, deviations)
    variance: Floats = (totals**2).sum(axis=0) / len(deviations) ** 2 * number / (number - 1)
    return variance


def _t(degrees: int) -> float:
    return float(stdtrit(degrees, 0.5 + CONFIDENCE / 2))


def _codes(labels: Sequence[object]) -> NDArray[np.int64]:
    """Labels as integers from 0 in order of first appearance."""
    seen: dict[object, int] = {}
    return np.array([seen.setdefault(label, len(seen)) for label in labels], dtype=np.int64)
