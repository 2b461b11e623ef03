"""One row of the table `screening`: how well a score found the poisoned rows, what a filter kept,
and what a threshold from clean rows alone would do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persona_vectors.roc import auc, recall_share

Mask = NDArray[np.bool_]

BUDGETS: Final = (10, 30)
"""Percentages of the rows whose removal recall is told for."""


def screening_row(
    scores: ArrayLike, poisoned: ArrayLike, keep: Mask, labels: Mapping[str, object]
) -> dict[str, object]:
    """One row of the table `screening`, but for its threshold.

    Args:
        scores: [N] of one method, none NaN.
        poisoned: [N] the truth.
        keep: [N] what the filter kept.
        labels: base, dataset, trait, method, layer, position, poisoned_share, seed.
    """
    truth = np.asarray(poisoned, dtype=bool)
    area = auc(scores, truth)
    row: dict[str, object] = {**labels, "auc": area.estimate, "low": area.low, "high": area.high}
    for budget in BUDGETS:
        recall = recall_share(scores, truth, budget / 100)
        name = f"recall_at_{budget}"
        row |= {name: recall.estimate, f"{name}_low": recall.low, f"{name}_high": recall.high}
    kept = {"kept": int(keep.sum()), "kept_poisoned": int((keep & truth).sum())}
    return {**row, "n": len(truth), **kept}


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
