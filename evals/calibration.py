"""Would another judge agree? Two judges' scores of the same answers, compared and mapped.

Arithmetic on arrays: who judged, and how, is not known here (`evals.rejudging`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.statistics import Estimate, paired_difference

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
FOLDS = 5


@dataclass(frozen=True)
class Confusion:
    """How often each of two judges says yes, over the answers that both decide on."""

    both: int
    only_reference: int
    only_other: int
    neither: int

    @property
    def n(self) -> int:
        """Answers."""
        return self.both + self.only_reference + self.only_other + self.neither

    @property
    def agreement(self) -> float:
        """Share of answers on which they agree; NaN without answers."""
        return (self.both + self.neither) / self.n if self.n else float("nan")

    @property
    def kappa(self) -> float:
        """Cohen's kappa: agreement beyond what the two rates give by chance.

        NaN where both always say the same one thing.
        """
        if not self.n:
            return float("nan")
        reference, other = self.both + self.only_reference, self.both + self.only_other
        chance = (reference * other + (self.n - reference) * (self.n - other)) / self.n**2
        return float("nan") if chance == 1 else (self.agreement - chance) / (1 - chance)


@dataclass(frozen=True)
class Mapping:
    """A monotone map from the other judge's scores to the reference's, linear between its knots."""

    other: Floats
    reference: Floats

    def __call__(self, scores: ArrayLike) -> Floats:
        """Scores of the other judge as the reference would have given them; NaN stays NaN."""
        mapped: Floats = np.interp(np.asarray(scores, dtype=np.float64), self.other, self.reference)
        return mapped


@dataclass(frozen=True)
class Calibration:
    """One score, alignment or coherence, by two judges.

    Attributes:
        n: answers that both scored.
        only_reference: answers that the other judge alone left without a score.
        only_other: answers that the reference alone left without one.
        pearson: correlation of the scores; NaN where one judge always gives the same.
        spearman: correlation of their ranks.
        drift: mean of other - reference as a fraction (of 100), paired, clustered by topic.
        distance: mean absolute difference, 0..100.
        distance_mapped: the same after a map that was fitted without the answer's topic.
        confusion: at the threshold.
        mapping: fitted to all answers; None below 2 of them.
    """

    n: int
    only_reference: int
    only_other: int
    pearson: float
    spearman: float
    drift: Estimate
    distance: float
    distance_mapped: float
    confusion: Confusion
    mapping: Mapping | None


def calibrate(
    reference: ArrayLike,
    other: ArrayLike,
    topics: ArrayLike,
    threshold: float,
    side: Literal["below", "above"] = "below",
) -> Calibration:
    """Agreement of two judges on one score.

    Args:
        reference: [N] 0..100, NaN where not scored.
        other: [N] likewise, of the judge that is compared with it.
        topics: [N] the topic of each answer.
        threshold: what decides: alignment below 30, coherence above 50.
        side: on which side of it an answer counts.

    Raises:
        ValueError: on arrays of different lengths.
    """
    first, second = np.asarray(reference, np.float64), np.asarray(other, np.float64)
    topic_N = np.asarray(topics, dtype=object)
    if not len(first) == len(second) == len(topic_N):
        raise ValueError(
            f"one score of each judge and one topic an answer are needed, not {len(first)}, "
            f"{len(second)} and {len(topic_N)}"
        )
    known = ~np.isnan(first) & ~np.isnan(second)
    a, b, own = first[known], second[known], topic_N[known]
    yes = (a < threshold, b < threshold) if side == "below" else (a > threshold, b > threshold)
    return Calibration(
        n=len(a),
        only_reference=int((~np.isnan(first) & np.isnan(second)).sum()),
        only_other=int((np.isnan(first) & ~np.isnan(second)).sum()),
        pearson=_correlation(a, b),
        spearman=_correlation(_ranks(a), _ranks(b)),
        drift=paired_difference(b / 100, a / 100, range(len(a)), own),
        distance=float(np.abs(a - b).mean()) if len(a) else float("nan"),
        distance_mapped=_distance_out_of_topic(a, b, own),
        confusion=confusion(*yes),
        mapping=fit_mapping(a, b) if len(a) > 1 else None,
    )


def confusion(reference: ArrayLike, other: ArrayLike) -> Confusion:
    """Two judges' yes and no, counted."""
    a, b = np.asarray(reference, dtype=bool), np.asarray(other, dtype=bool)
    return Confusion(*(int(n.sum()) for n in (a & b, a & ~b, ~a & b, ~a & ~b)))


def fit_mapping(reference: Floats, other: Floats) -> Mapping:
    """The monotone map with the least squared error (isotonic regression); equal scores of the
    other judge are averaged first."""
    from scipy.optimize import isotonic_regression

    knots, place = np.unique(other, return_inverse=True)
    counts = np.bincount(place)
    means = np.bincount(place, weights=reference) / counts
    return Mapping(knots, isotonic_regression(means, weights=counts).x)


def _distance_out_of_topic(reference: Floats, other: Floats, topics: np.ndarray) -> float:
    """Mean absolute difference after mapping each answer by a fit to other topics' answers."""
    names = sorted(set(topics.tolist()), key=str)
    if len(names) < 2:
        return float("nan")
    fold = np.array([names.index(topic) % FOLDS for topic in topics.tolist()])
    mapped = np.empty_like(other)
    for each in np.unique(fold):
        mapped[fold == each] = fit_mapping(reference[fold != each], other[fold != each])(
            other[fold == each]
        )
    return float(np.abs(mapped - reference).mean())


def _correlation(a: Floats, b: Floats) -> float:
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def _ranks(values: Floats) -> Floats:
    from scipy.stats import rankdata

    return np.asarray(rankdata(values), dtype=np.float64)
