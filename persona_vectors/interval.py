"""The 95% interval of a mean of unbounded values (projections), for many columns at once.

How wide it is comes from `evals.statistics`, as for rates and their differences: clusters are
topics; with several seeds, seeds and topics both vary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.statistics import MINIMUM_CLUSTERS, half_width

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
    seed_N = _codes(seeds if seeds is not None else [0] * len(values))
    half = half_width(*_cells(values, topic_N, seed_N))
    return MeanInterval(mean, mean - half, mean + half, len(values), number)


def _cells(
    values: Floats, topics: NDArray[np.int64], seeds: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Sums [..., topics, seeds] of values [N, ...], and counts [topics, seeds]."""
    shape = (int(topics.max()) + 1, int(seeds.max()) + 1)
    sums = np.zeros((*shape, *values.shape[1:]))
    np.add.at(sums, (topics, seeds), values)
    counts = np.zeros(shape)
    np.add.at(counts, (topics, seeds), 1.0)
    return np.moveaxis(sums, (0, 1), (-2, -1)), counts


def _codes(labels: Sequence[object]) -> NDArray[np.int64]:
    """Labels as integers from 0 in order of first appearance."""
    seen: dict[object, int] = {}
    return np.array([seen.setdefault(label, len(seen)) for label in labels], dtype=np.int64)
