"""Which rows stay in a training set: thresholds from clean rows, budgets that ties cannot cheat.

Scores are high where a row is suspect. Thresholds come from clean rows or from the scores
themselves, never from the truth.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def clean_threshold(clean_scores: ArrayLike, false_positive_rate: float) -> float:
    """The score above which at most a stated share of clean reference rows lies.

    Args:
        clean_scores: scores of rows known to be clean; NaN is left out.
        false_positive_rate: share of clean rows one is ready to lose, 0..1.

    Raises:
        ValueError: a rate outside 0..1, or too few clean rows to place that quantile.
    """
    scores = np.asarray(clean_scores, dtype=np.float64)
    scores = np.sort(scores[~np.isnan(scores)])
    check_clean_rows(len(scores), false_positive_rate)
    return float(np.quantile(scores, 1 - false_positive_rate, method="higher"))


def check_clean_rows(rows: int, false_positive_rate: float) -> None:
    """Raise `ValueError` where so many clean rows cannot place a false positive rate."""
    if not 0 < false_positive_rate < 1:
        raise ValueError(f"false_positive_rate is between 0 and 1, not {false_positive_rate}")
    needed = math.ceil(1 / false_positive_rate)
    if rows < needed:
        raise ValueError(
            f"{rows} clean rows cannot place a false positive rate of "
            f"{false_positive_rate:g}: give at least {needed}"
        )


def keep_below(scores: ArrayLike, threshold: float) -> Mask:
    """Rows [N] to keep: those at or below a threshold; a row without a score is not kept."""
    return np.asarray(np.asarray(scores, dtype=np.float64) <= threshold)


def keep_by_budget(scores: ArrayLike, budget: float, seed: int = 0) -> Mask:
    """Rows [N] to keep after removing exactly round(budget N) with the highest scores.

    Equal scores are ordered by chance (by seed), so that the order of a file never decides.

    Raises:
        ValueError: NaN scores, or a budget outside 0..1.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if not 0 <= budget <= 1:
        raise ValueError(f"a removal budget is a share between 0 and 1, not {budget}")
    return keep_lowest(scores, len(scores) - round(budget * len(scores)), seed)


def keep_lowest(scores: ArrayLike, count: int, seed: int = 0) -> Mask:
    """Rows [N] to keep: exactly `count` with the lowest scores; ties as in `keep_by_budget`.

    Raises:
        ValueError: NaN scores, or a count that is not among 0..N.
    """
    scores = np.asarray(scores, dtype=np.float64)
    check_scores(scores)
    if not 0 <= count <= len(scores):
        raise ValueError(f"{count} rows to keep of {len(scores)}: give 0 to {len(scores)}")
    chance = np.random.default_rng(seed).permutation(len(scores))
    keep = np.zeros(len(scores), dtype=bool)
    keep[np.lexsort((chance, scores))[:count]] = True
    return keep


def check_scores(scores: Floats) -> None:
    """Raise `ValueError` where a score is NaN."""
    missing = int(np.isnan(scores).sum())
    if missing:
        raise ValueError(
            f"{missing} of {len(scores)} rows have no score (an empty answer?): drop these rows, "
            "or give them the highest score to remove them first"
        )
