"""How well scores find the poisoned rows of a training set whose truth is known.

Scores are high where a row is suspect. The truth is used for figures alone (and by the oracle,
which is an upper bound and no method).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from evals.statistics import wilson
from persona_vectors.thresholds import check_scores

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Share:
    """A share of rows with its 95% interval (Wilson); NaN where there is nothing to count."""

    estimate: float
    low: float
    high: float
    n: int
    """Rows that it is a share of."""


def precision_at(scores: ArrayLike, poisoned: ArrayLike, k: int) -> Share:
    """Share of poisoned rows among the k highest scores; ties count in expectation.

    Raises:
        ValueError: k is not among 1..N.
    """
    scores, truth = _checked(scores, poisoned)
    if not 1 <= k <= len(scores):
        raise ValueError(f"precision at {k} of {len(scores)} rows: give 1 to {len(scores)}")
    return _share(_found(scores, truth, k), k)


def recall_share(scores: ArrayLike, poisoned: ArrayLike, budget: float) -> Share:
    """`recall_at` with its interval, over the poisoned rows."""
    scores, truth = _checked(scores, poisoned)
    return _share(_found(scores, truth, round(budget * len(scores))), int(truth.sum()))


def recall_at(scores: ArrayLike, poisoned: ArrayLike, budget: float) -> float:
    """Share of the poisoned rows among the round(budget N) highest scores; ties count in
    expectation.

    NaN where no row is poisoned.
    """
    return recall_share(scores, poisoned, budget).estimate


def roc_curve(scores: ArrayLike, poisoned: ArrayLike) -> tuple[Floats, Floats]:
    """The curve's corners: share of the clean and share of the poisoned rows above each threshold.

    Rows of one score are passed at once, so that the area below is `auc`.

    Raises:
        ValueError: NaN scores, or rows of one kind alone.
    """
    scores, truth = _checked(scores, poisoned)
    if truth.all() or not truth.any():
        raise ValueError("a ROC curve needs poisoned and clean rows: one of the two is missing")
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)
    clean, found = (np.cumsum(which[order])[last] for which in (~truth, truth))
    return (
        np.append(0.0, clean / (~truth).sum()),
        np.append(0.0, found / truth.sum()),
    )


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve with its 95% interval (DeLong); NaN where a class is missing."""

    estimate: float
    low: float
    high: float

    def __float__(self) -> float:
        """The estimate alone."""
        return self.estimate


def auc(scores: ArrayLike, poisoned: ArrayLike) -> Auc:
    """Probability that a poisoned row scores above a clean one; ties count half.

    The interval is DeLong's from placements; where the classes separate entirely, the lower end is
    that of the rule of three on the smaller class (and likewise above 0).
    """
    scores, truth = _checked(scores, poisoned)
    n_poisoned, n_clean = int(truth.sum()), int((~truth).sum())
    if not n_poisoned or not n_clean:
        return Auc(*[float("nan")] * 3)
    ranks = rankdata(scores)
    among_poisoned = (ranks[truth] - rankdata(scores[truth])) / n_clean
    among_clean = 1 - (ranks[~truth] - rankdata(scores[~truth])) / n_poisoned
    area = float(among_poisoned.mean())
    if min(n_poisoned, n_clean) < 2:
        return Auc(area, float("nan"), float("nan"))
    error = math.sqrt(among_poisoned.var(ddof=1) / n_poisoned + among_clean.var(ddof=1) / n_clean)
    half = float(ndtri(0.975)) * error
    if half == 0:
        half = 3 / min(n_poisoned, n_clean)
    return Auc(area, max(0.0, area - half), min(1.0, area + half))


def _checked(scores: ArrayLike, poisoned: ArrayLike) -> tuple[Floats, Mask]:
    scores = np.asarray(scores, dtype=np.float64)
    truth = np.asarray(poisoned, dtype=bool)
    check_scores(scores)
    if scores.shape != truth.shape:
        raise ValueError(f"{scores.shape} scores with {truth.shape} truths: give one each a row")
    return scores, truth


def _found(scores: Floats, truth: Mask, removed: int) -> float:
    """Poisoned rows among so many of the highest scores, in expectation over ties."""
    if removed == 0:
        return 0.0
    cut = np.sort(scores)[::-1][removed - 1]
    above, tied = scores > cut, scores == cut
    share = (removed - int(above.sum())) / int(tied.sum())
    return float(truth[above].sum() + share * truth[tied].sum())


def _share(found: float, n: int) -> Share:
    if n == 0:
        return Share(float("nan"), float("nan"), float("nan"), 0)
    return Share(found / n, *wilson(min(found, n), n), n)
