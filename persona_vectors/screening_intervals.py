"""What the table `screening` tells of a score beside its figures: intervals of recall at a budget,
and what a threshold from clean rows alone would do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.statistics import wilson

BUDGETS = (10, 30)
"""Percentages of the rows whose removal recall is told for."""


def recall_intervals(row: Mapping[str, Any], poisoned: int) -> dict[str, float]:
    """The 95% interval (Wilson) of `recall_at_10` and `recall_at_30`; NaN without poisoned rows.

    Args:
        row: holds both recalls, 0..1.
        poisoned: poisoned rows among those scored, of which a recall is a share.
    """
    found: dict[str, float] = {}
    for budget in BUDGETS:
        recall = float(row[f"recall_at_{budget}"])
        low, high = wilson(recall * poisoned, poisoned) if poisoned else (float("nan"),) * 2
        found |= {f"recall_at_{budget}_low": low, f"recall_at_{budget}_high": high}
    return found


def at_threshold(
    scores: NDArray[np.float64], poisoned: ArrayLike, threshold: float
) -> dict[str, float]:
    """What removing all rows above a threshold does to a mix.

    Args:
        scores: [N], none NaN.
        poisoned: [N], the truth.
        threshold: from clean rows that are not in the mix.

    Returns:
        threshold; recall_at_threshold, the share of poisoned rows removed; lost_at_threshold, the
        share of clean rows removed. NaN where there are no such rows.
    """
    truth, removed = np.asarray(poisoned, dtype=bool), scores > threshold
    return {
        "threshold": threshold,
        "recall_at_threshold": _share(removed[truth]),
        "lost_at_threshold": _share(removed[~truth]),
    }


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else float("nan")
