"""The difference of two arms, organism and base or organism and control, paired by question."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evals.statistics.arrays import Codes, Floats, cells_of, codes, codes_or_one, same_length
from evals.statistics.clustered import half_width
from evals.statistics.estimate import TOO_FEW, Estimate, note_on, nothing
from evals.statistics.proportions import effective_n, wilson


@dataclass(frozen=True)
class Pairs:
    """Both arms' means of every question and seed that both answered.

    Attributes:
        a: [P] means of the first arm, 0..1.
        b: [P] means of the second.
        clusters: [P] topics, as numbers.
        seeds: [P] fine-tune seeds, as numbers.
    """

    a: Floats
    b: Floats
    clusters: Codes
    seeds: Codes


def pairs(
    a: ArrayLike,
    b: ArrayLike,
    question: ArrayLike,
    clusters: ArrayLike,
    seeds: ArrayLike | None = None,
) -> Pairs:
    """Rows of one question and seed, averaged in each arm apart; a question that one arm lacks is
    left out.

    Args:
        a: [N] 0..1, NaN where this arm has no answer in the row.
        b: [N] 0..1, likewise.
        question: [N] the question of each row.
        clusters: [N] its topic.
        seeds: [N] the fine-tune seed of each row.

    Raises:
        ValueError: on arrays of different lengths.
    """
    a_N, b_N = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    question_N, clusters_N = codes(question), codes(clusters)
    seeds_N = codes_or_one(seeds, len(a_N))
    same_length(a=a_N, b=b_N, question=question_N, clusters=clusters_N, seeds=seeds_N)
    cells = question_N * (int(seeds_N.max(initial=0)) + 1) + seeds_N
    _, first, cell_N = np.unique(cells, return_index=True, return_inverse=True)
    mean_a, mean_b = (_cell_means(values, cell_N, len(first)) for values in (a_N, b_N))
    both = ~np.isnan(mean_a) & ~np.isnan(mean_b)
    return Pairs(
        mean_a[both],
        mean_b[both],
        codes(clusters_N[first][both]),
        codes(seeds_N[first][both]),
    )


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    question: ArrayLike,
    clusters: ArrayLike,
    seeds: ArrayLike | None = None,
) -> Estimate:
    """The mean of a - b, paired by question (and seed), with its 95% interval.

    Where both arms are constant at 0 or 1, the interval combines the arms' Wilson intervals
    (Newcombe's method 10), as the pairs say nothing about their spread. Arguments and errors are
    those of `pairs`.
    """
    found = pairs(a, b, question, clusters, seeds)
    n = len(found.a)
    if n == 0:
        return nothing("no pairs")
    difference = found.a - found.b
    estimate, number = float(difference.mean()), len(np.unique(found.clusters))
    note = note_on(number)
    if note == TOO_FEW:
        return Estimate(estimate, np.nan, np.nan, n, number, note)
    means = float(found.a.mean()), float(found.b.mean())
    if all(mean in (0.0, 1.0) for mean in means):
        topics = np.asarray(clusters, dtype=object)
        worths = [
            effective_n(topics[~np.isnan(np.asarray(arm, dtype=np.float64))]) for arm in (a, b)
        ]
        low, high = _newcombe(means, (worths[0], worths[1]))
    else:
        half = float(half_width(*cells_of(difference, found.clusters, found.seeds)))
        low, high = estimate - half, estimate + half
    return Estimate(estimate, max(-1.0, low), min(1.0, high), n, number, note)


def _newcombe(means: tuple[float, float], worth: tuple[float, float]) -> tuple[float, float]:
    """The interval of a difference of two proportions from their Wilson intervals."""
    (low_a, high_a), (low_b, high_b) = (
        wilson(mean * n, n) for mean, n in zip(means, worth, strict=True)
    )
    a, b = means
    return (
        a - b - float(np.hypot(a - low_a, high_b - b)),
        a - b + float(np.hypot(high_a - a, b - low_b)),
    )


def _cell_means(values: Floats, cells: np.ndarray, size: int) -> Floats:
    """Mean of the known values of each cell; NaN for a cell without any."""
    known = ~np.isnan(values)
    counts = np.bincount(cells[known], minlength=size)
    sums = np.bincount(cells[known], weights=values[known], minlength=size)
    means: Floats = sums / np.where(counts > 0, counts, np.nan)
    return means
