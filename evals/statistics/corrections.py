"""Corrections of p-values for how many comparisons were made."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from evals.statistics.arrays import Floats


def holm(p_values: ArrayLike) -> Floats:
    """Holm's adjusted p-values: the chance of any false finding among them stays below each.

    Args:
        p_values: [N] 0..1; NaN (not tested) stays NaN and does not count.

    Raises:
        ValueError: on values outside 0..1.
    """
    found, known = _checked(p_values)
    ordered = np.sort(found[known])
    steps = np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1))
    return _in_place(found, known, np.minimum(1.0, steps))


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Benjamini and Hochberg's adjusted p-values: the expected share of false findings.

    Args:
        p_values: [N] 0..1; NaN (not tested) stays NaN and does not count.

    Raises:
        ValueError: on values outside 0..1.
    """
    found, known = _checked(p_values)
    ordered = np.sort(found[known])
    raised = ordered * len(ordered) / np.arange(1, len(ordered) + 1)
    steps = np.minimum.accumulate(raised[::-1])[::-1]
    return _in_place(found, known, np.minimum(1.0, steps))


def _checked(p_values: ArrayLike) -> tuple[Floats, np.ndarray]:
    found = np.asarray(p_values, dtype=np.float64)
    known = ~np.isnan(found)
    if ((found[known] < 0) | (found[known] > 1)).any():
        raise ValueError(f"p-values from 0 to 1 are needed, not {found[known].tolist()}")
    return found, known


def _in_place(found: Floats, known: np.ndarray, adjusted: Floats) -> Floats:
    """Adjusted values of the sorted p-values, back at the places of the unsorted ones."""
    placed = np.full(found.shape, np.nan)
    order = np.flatnonzero(known)[np.argsort(found[known], kind="stable")]
    placed[order] = adjusted
    return placed
