"""AUC, precision and recall of scores whose rows are alike within clusters (topics, prompts), with
95% intervals that draw whole clusters anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.statistics import MINIMUM_CLUSTERS, Estimate, effective_n, wilson
from evals.statistics.clustered import RARE
from evals.statistics.estimate import note_on
from persona_vectors.roc import precision_at, recall_share

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

DRAWS: Final = 2000
CELLS: Final = 20_000
"""Rows times draws that are in memory at a time."""


@dataclass(frozen=True)
class ClusteredFigures:
    """What one score is worth; intervals are NaN below 8 clusters."""

    auc: Estimate
    """Of all rows; NaN where they are of one kind. No interval where one kind is in fewer than 8
    clusters, unless the two are told apart entirely."""
    precision: Mapping[int, Estimate]
    """k -> share of poisoned rows among the k highest scores, of these k."""
    recall: Mapping[float, Estimate]
    """Budget -> share of the poisoned rows among so large a share of the highest scores."""


def clustered_figures(
    scores: Mapping[str, ArrayLike],
    poisoned: ArrayLike,
    clusters: Sequence[object],
    *,
    tops: Sequence[int] = (),
    budgets: Sequence[float] = (),
    seed: int = 0,
) -> dict[str, ClusteredFigures]:
    """Every score's figures, from the same 2,000 draws of as many clusters as there are.

    Rows of one prompt share it, and wordings of one topic are alike, so intervals over single rows
    (DeLong's, Wilson's) would be too narrow. Ties count half, or in expectation. Where a share has
    fewer than 5 effective rows of one kind, the interval is at least Wilson's on the effective n;
    where an AUC is 0 or 1, the other end is that of the rule of three on the clusters that hold the
    rarer kind.

    Args:
        scores: method -> [N], high is suspect; NaN where it has none: such rows are left out of
            that method's figures.
        poisoned: [N] the truth.
        clusters: [N] the topic or prompt of each row.
        tops: the k of precision at k; those beyond a method's rows are left out.
        budgets: shares of the rows removed, 0..1, for recall.
        seed: of the draws.

    Raises:
        ValueError: lengths that differ, or a k below 1.
    """
    truth = np.asarray(poisoned, dtype=bool)
    names, code = np.unique(np.array([str(name) for name in clusters]), return_inverse=True)
    ranked = {}
    for method, values in scores.items():
        score = np.asarray(values, dtype=np.float64)
        if not len(score) == len(truth) == len(code):
            raise ValueError(
                f"{len(score)} scores, {len(truth)} labels and {len(code)} clusters: need one each"
            )
        here = ~np.isnan(score)
        fitting = [k for k in tops if k <= here.sum()]
        ranked[method] = _Ranked(score[here], truth[here], code[here], fitting, budgets)
    if len(names) < MINIMUM_CLUSTERS:
        return {method: rows.estimates(None) for method, rows in ranked.items()}
    generator = np.random.default_rng(seed)
    even = np.full(len(names), 1 / len(names))
    drawn: dict[str, list[Floats]] = {method: [] for method in ranked}
    chunk = max(1, CELLS // max(1, len(truth)))
    for first in range(0, DRAWS, chunk):
        size = min(chunk, DRAWS - first)
        times_M_C = generator.multinomial(len(names), even, size=size)
        for method, rows in ranked.items():
            drawn[method].append(rows.figures(times_M_C))
    return {
        method: rows.estimates(np.concatenate(drawn[method])) for method, rows in ranked.items()
    }


class _Ranked:
    """The rows of one score from the highest on."""

    def __init__(
        self, score: Floats, truth: Mask, code: NDArray[np.intp], tops: Sequence[int],
        budgets: Sequence[float],
    ) -> None:  # fmt: skip
        order = np.argsort(-score, kind="stable")
        self._score, self._truth, self._code = score[order], truth[order], code[order]
        self._ends = np.flatnonzero(np.append(np.diff(self._score) != 0, True)[: len(score)])
        self._tops, self._budgets = tuple(tops), tuple(budgets)

    def figures(self, times_M_C: NDArray[np.int64]) -> Floats:
        """AUC, precision at every k and recall at every budget [M, 1 + tops + budgets], where each
        draw takes each cluster so many times."""
        times_M_N = times_M_C[:, self._code]
        rows, found = self._above(times_M_N), self._above(times_M_N * self._truth)
        clean = rows - found
        won = (np.diff(clean) * (found[:, 1:] + found[:, :-1])).sum(axis=1) / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            area = won / (found[:, -1] * clean[:, -1])
            shares = [self._shares(*draw) for draw in zip(rows, found, strict=True)]
        return np.column_stack([area, np.reshape(shares, (len(area), -1))])

    def _above(self, times_M_N: NDArray[np.int64]) -> Floats:
        """Rows down to each score, none to begin with: [M, 1 + scores]."""
        down = np.cumsum(times_M_N, axis=1)[:, self._ends]
        return np.pad(down, ((0, 0), (1, 0))).astype(np.float64)

    def _shares(self, rows: Floats, found: Floats) -> list[float]:
        """Precision and recall. Within ties rows come in expectation: a straight line to their
        end."""
        tops = [min(k, rows[-1]) for k in self._tops]
        taken = [*tops, *(round(budget * int(rows[-1])) for budget in self._budgets)]
        if not taken:
            return []
        of = np.array([*tops, *[found[-1]] * len(self._budgets)])
        found_of: list[float] = (np.interp(taken, rows, found) / of).tolist()
        return found_of

    def estimates(self, drawn: Floats | None) -> ClusteredFigures:
        """The figures with their intervals, from those of the draws [draws, 1 + tops + budgets]."""
        number = len(np.unique(self._code))
        ends = np.full((2, 1 + len(self._tops) + len(self._budgets)), np.nan)
        if drawn is not None and number >= MINIMUM_CLUSTERS:
            ends = np.stack([_interval(column) for column in drawn.T], axis=1)
        shares: list[Estimate] = []
        for place, at in enumerate((*self._tops, *self._budgets), start=1):
            if place <= len(self._tops):
                share = precision_at(self._score, self._truth, int(at))
                counted = self._code[: int(at)]
            else:
                share = recall_share(self._score, self._truth, at)
                counted = self._code[self._truth]
            low, high = _widened(share.estimate, ends[:, place], counted)
            shares.append(Estimate(share.estimate, low, high, share.n, number, note_on(number)))
        return ClusteredFigures(
            auc=self._auc(ends[:, 0], number),
            precision=dict(zip(self._tops, shares[: len(self._tops)], strict=True)),
            recall=dict(zip(self._budgets, shares[len(self._tops) :], strict=True)),
        )

    def _auc(self, ends: Floats, number: int) -> Estimate:
        n = len(self._truth)
        if self._truth.all() or not self._truth.any():
            return Estimate(np.nan, np.nan, np.nan, n, number, "rows of one kind")
        area = float(self.figures(np.ones((1, int(self._code.max()) + 1), dtype=np.int64))[0, 0])
        fewest = min(len(np.unique(self._code[kind])) for kind in (self._truth, ~self._truth))
        low, high = ends.tolist()
        if low == low and area in (0.0, 1.0):
            beyond = min(1.0, 3 / fewest)
            low, high = max(0.0, area - beyond), min(1.0, area + beyond)
        elif fewest < MINIMUM_CLUSTERS:
            # Draws say nothing of other clusters of a kind that is in one or a few.
            return Estimate(area, np.nan, np.nan, n, number, note_on(fewest))
        return Estimate(area, low, high, n, number, note_on(number))


def _interval(drawn: Floats) -> Floats:
    """The middle 95% of the draws that had rows to count."""
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return np.full(2, np.nan)
    found: Floats = np.quantile(known, [0.025, 0.975])
    return found


def _widened(share: float, ends: Floats, counted: NDArray[np.intp]) -> tuple[float, float]:
    """The ends, at least as wide as Wilson's where the draws hold few rows of one kind."""
    low, high = ends.tolist()
    if low != low:
        return low, high
    worth = effective_n(counted)
    if min(share, 1 - share) * worth < RARE:
        wide = wilson(share * worth, worth)
        low, high = min(low, wide[0]), max(high, wide[1])
    return low, high
