"""Scores of several traits made one: the largest of them, or a logistic model of known truth."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persona_vectors.methods import logistic_probe

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

FOLDS: Final = 5
"""Parts of the rows that a logistic model is fitted without, in turn."""
MINIMUM: Final = 2 * FOLDS
"""Fewest rows of each kind that it is fitted on."""


def combine_max(scores: ArrayLike, reference: ArrayLike) -> Floats:
    """The largest of each row's scores, each in standard deviations above its reference's mean.

    Args:
        scores: [N, V], one column a trait.
        reference: [M, V] the same scores of the rows that say what is usual: clean ones, or the
            rows themselves. NaN is left out.

    Returns:
        [N]; NaN where one of a row's scores is.

    Raises:
        ValueError: the reference is empty, or a score of it does not vary.
    """
    usual = np.asarray(reference, dtype=np.float64)
    usual = usual[~np.isnan(usual).any(axis=1)]
    spread = usual.std(axis=0) if len(usual) else np.zeros(1)
    if not (spread > 0).all():
        raise ValueError(
            f"scores of {len(usual)} reference rows do not vary, so nothing can be held against "
            "them: give more rows, or screen along one trait"
        )
    return np.asarray(((np.asarray(scores) - usual.mean(axis=0)) / spread).max(axis=1))


@dataclass(frozen=True)
class Logistic:
    """A logistic model of the truth, and what it says of rows that it was not fitted on."""

    scores: Floats
    """[N] log odds of being poisoned, each from a model fitted without the row's fold; NaN where
    a score is missing."""
    centre: Floats
    """[V] midway between the means of poisoned and of clean rows: log odds 0."""
    weights: Floats
    """[V] log odds a unit of each score, fitted on all rows: for others than these."""

    def predict(self, scores: ArrayLike) -> Floats:
        """Log odds [M] of other rows [M, V]; NaN where a score is missing."""
        return np.asarray((np.asarray(scores, dtype=np.float64) - self.centre) @ self.weights)


def combine_logistic(
    scores: ArrayLike, poisoned: ArrayLike, groups: Sequence[str], seed: int = 0
) -> Logistic:
    """Fit the truth by the scores and score every row by a model that did not see its fold.

    The rows are parted into `FOLDS` by a hash of their group, so that rows of one group, such as
    those of one prompt, are never on both sides. An AUC of the result is one of held-out rows.
    Poisoned and clean rows weigh the same however many there are; the penalty is `methods.PENALTY`.

    Args:
        scores: [N, V].
        poisoned: [N] the truth.
        groups: [N] what rows must not be parted by, such as their prompt.
        seed: of the parting.

    Raises:
        ValueError: fewer than `MINIMUM` rows of one kind, or none of it outside a fold.
    """
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(poisoned, dtype=bool)
    check_both_kinds(truth)
    fold_N = np.array([zlib.crc32(f"{seed}|{group}".encode()) % FOLDS for group in groups])
    whole = ~np.isnan(values).any(axis=1)
    found = np.full(len(values), np.nan)
    for fold in sorted(set(fold_N)):
        here, others = fold_N == fold, (fold_N != fold) & whole
        centre, weights = _fitted(values[others], truth[others])
        found[here] = (values[here] - centre) @ weights
    return Logistic(found, *_fitted(values[whole], truth[whole]))


def _fitted(values: Floats, truth: Mask) -> tuple[Floats, Floats]:
    """Centre and weights [V] of a logistic model without an intercept."""
    if truth.all() or not truth.any():
        raise ValueError(
            "all poisoned or all clean rows share one prompt, so no model can be tested on rows "
            "that it has not seen: combine by max"
        )
    centre = (values[truth].mean(axis=0) + values[~truth].mean(axis=0)) / 2
    spread = values.std(axis=0)
    spread[spread == 0] = 1.0
    sizes = np.where(truth, 1 / truth.sum(), 1 / (~truth).sum())
    return centre, logistic_probe((values - centre) / spread, truth, sizes) / spread


def check_both_kinds(truth: Mask) -> None:
    """Raise `ValueError` unless there are `MINIMUM` poisoned and as many clean rows."""
    found, clean = int(truth.sum()), int((~truth).sum())
    if min(found, clean) < MINIMUM:
        raise ValueError(
            f"{found} poisoned and {clean} clean rows: a logistic combination is fitted on at "
            f"least {MINIMUM} of each; combine by max"
        )
