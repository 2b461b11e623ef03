"""Scores of several traits made one: the largest of them, or a logistic model of known truth."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

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
    model: Pipeline
    """Fitted on all rows, for others than these."""

    def predict(self, scores: ArrayLike) -> Floats:
        """Log odds [M] of other rows [M, V]; NaN where a score is missing."""
        return _log_odds(self.model, np.asarray(scores, dtype=np.float64))


def combine_logistic(
    scores: ArrayLike, poisoned: ArrayLike, groups: Sequence[str], seed: int = 0
) -> Logistic:
    """Fit the truth by the scores and score every row by a model that did not see its fold.

    The rows are parted into `FOLDS` by a hash of their group, so that rows of one group, such as
    those of one prompt, are never on both sides. An AUC of the result is one of held-out rows.

    Args:
        scores: [N, V].
        poisoned: [N] the truth.
        groups: [N] what rows must not be parted by, such as their prompt.
        seed: of the parting.

    Raises:
        ValueError: fewer than `MINIMUM` rows of one kind, or none of it outside a fold.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(poisoned, dtype=bool)
    check_both_kinds(truth)
    fold_N = np.array([zlib.crc32(f"{seed}|{group}".encode()) % FOLDS for group in groups])
    whole = ~np.isnan(values).any(axis=1)

    def fitted(rows: Mask) -> Pipeline:
        if len(set(truth[rows])) < 2:
            raise ValueError(
                "all poisoned or all clean rows share one prompt, so no model can be tested on "
                "rows that it has not seen: combine by max"
            )
        return make_pipeline(StandardScaler(), LogisticRegression()).fit(values[rows], truth[rows])

    found = np.full(len(values), np.nan)
    for fold in range(FOLDS):
        here = fold_N == fold
        if here.any():
            found[here] = _log_odds(fitted(~here & whole), values[here])
    return Logistic(found, fitted(whole))


def check_both_kinds(truth: Mask) -> None:
    """Raise `ValueError` unless there are `MINIMUM` poisoned and as many clean rows."""
    found, clean = int(truth.sum()), int((~truth).sum())
    if min(found, clean) < MINIMUM:
        raise ValueError(
            f"{found} poisoned and {clean} clean rows: a logistic combination is fitted on at "
            f"least {MINIMUM} of each; combine by max"
        )


def _log_odds(model: Pipeline, values: Floats) -> Floats:
    found = np.full(len(values), np.nan)
    whole = ~np.isnan(values).any(axis=1)
    if whole.any():
        found[whole] = model.decision_function(values[whole])
    return found
