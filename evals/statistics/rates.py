"""A rate with its 95% interval, and its bounds where answers could not be scored."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from evals.statistics.arrays import cells_of, codes, codes_or_one, same_length
from evals.statistics.clustered import interval_of_cells
from evals.statistics.estimate import TOO_FEW, Estimate, note_on, nothing


def rate(values: ArrayLike, clusters: ArrayLike, seeds: ArrayLike | None = None) -> Estimate:
    """The mean of values between 0 and 1 with its 95% interval.

    Student's t on cluster totals around the pooled mean (with equal clusters this is t on cluster
    means), on the scale of log odds: without a remark from 20 clusters on, with "few clusters" from
    8 on, none below. Several seeds: clusters and seeds both vary. At and next to 0 and 1: Wilson.
    See `interval_of_cells`.

    Args:
        values: [N] 0..1 without NaN (choose a denominator first).
        clusters: [N] the topic of each answer.
        seeds: [N] the fine-tune seed of each answer.

    Raises:
        ValueError: on NaN, values outside 0..1 and arrays of different lengths.
    """
    values_N = np.asarray(values, dtype=np.float64)
    clusters_N, seeds_N = codes(clusters), codes_or_one(seeds, len(values_N))
    same_length(values=values_N, clusters=clusters_N, seeds=seeds_N)
    if np.isnan(values_N).any():
        raise ValueError("rate got NaN values: select answers with `denominators` first")
    if len(values_N) and (values_N.min() < 0 or values_N.max() > 1):
        raise ValueError(
            f"rate takes values from 0 to 1, not {values_N.min():g}..{values_N.max():g}; "
            "divide scores by 100"
        )
    if len(values_N) == 0:
        return nothing("no answers")
    sums, counts = cells_of(values_N, clusters_N, seeds_N)
    note = note_on(len(sums))
    if note == TOO_FEW:
        return Estimate(float(values_N.mean()), np.nan, np.nan, len(values_N), len(sums), note)
    mean, low, high = interval_of_cells(sums, counts)
    return Estimate(float(mean), float(low), float(high), len(values_N), len(sums), note)


def bounds(
    values: ArrayLike, clusters: ArrayLike, seeds: ArrayLike | None = None
) -> tuple[Estimate, Estimate]:
    """What a rate would be if every answer without a score were 0, and if every one were 1.

    Whatever the unscored answers are, the rate over all answers lies between the two.

    Args:
        values: [N] 0..1, NaN where not scored.
        clusters: [N] the topic of each answer.
        seeds: [N] the fine-tune seed of each answer.
    """
    values_N = np.asarray(values, dtype=np.float64)
    unknown = np.isnan(values_N)
    lower, upper = np.where(unknown, 0.0, values_N), np.where(unknown, 1.0, values_N)
    return rate(lower, clusters, seeds), rate(upper, clusters, seeds)
