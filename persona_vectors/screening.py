"""Which training rows look like a trait before training: scores, thresholds and budgets.

Scores are high where a row is suspect. Thresholds come from clean rows alone; the truth is used
only to say how well a score did (and by the oracle, which is an upper bound and no method).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from persona_vectors.projection import project
from persona_vectors.reading import transcripts
from persona_vectors.vector import PersonaVector

if TYPE_CHECKING:
    from organisms.runtime import Organism

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

CHUNK: Final = 512
"""Rows read at a time: memory does not grow with the data set."""


def projection_difference(
    row: NDArray[np.floating[Any]], own: NDArray[np.floating[Any]], vector: ArrayLike
) -> Floats:
    """Projection of a row's answer minus that of the base's own answer to the same prompt.

    Source: arXiv 2507.21509, the section on flagging training data.

    Args:
        row: [N, ..., D] activations of the rows' answers, read by the base.
        own: the same of the base's own answers, read by the base.
        vector: [D], or [..., D] that broadcasts against the rows.

    Returns:
        [N, ...], in residual units.
    """
    direction = np.asarray(vector)
    return project(row, direction) - project(own, direction)


def screen(
    organism: Organism,
    rows: pd.DataFrame,
    vectors: Sequence[PersonaVector],
    *,
    layers: Sequence[int] | None = None,
    position: str = "response_mean",
    batch_size: int = 64,
) -> pd.DataFrame:
    """Projection difference of every row along every vector at every layer, in one pass.

    Args:
        organism: the loaded base.
        rows: prompt, answer (the row's) and own_answer (the base's), optionally system.
        vectors: one a trait.
        layers: None: the layers of the first vector.
        position: `response_mean`; the activation and the vector are both taken there.
        batch_size: texts read at a time.

    Returns:
        One row a row, trait and layer: row (its number), trait, layer, position, score. A row whose
        answer, or whose base's answer, is empty has a NaN score.

    Raises:
        ValueError: a column is missing, or the vectors do not fit the model.
    """
    missing = [name for name in ("prompt", "answer", "own_answer") if name not in rows]
    if missing:
        raise ValueError(f"rows to screen lack the columns {missing}")
    numbers = tuple(layers or vectors[0].layers)
    directions = np.stack([[vector.at(layer, position) for layer in numbers] for vector in vectors])
    if directions.shape[-1] != organism.width:
        raise ValueError(
            f"vectors have width {directions.shape[-1]}, {organism.base!r} has {organism.width}: "
            "use vectors extracted from this base"
        )
    scores = np.empty((len(rows), len(vectors), len(numbers)))
    for start in range(0, len(rows), CHUNK):
        part = rows.iloc[start : start + CHUNK]
        answer_N_1_K_D, own_N_1_K_D = (
            organism.capture(transcripts(part, column), numbers, (position,), batch_size=batch_size)
            for column in ("answer", "own_answer")
        )
        found = projection_difference(answer_N_1_K_D, own_N_1_K_D, directions)
        scores[start : start + CHUNK] = found
    index = pd.MultiIndex.from_product(
        [range(len(rows)), [vector.trait for vector in vectors], numbers],
        names=["row", "trait", "layer"],
    )
    table = pd.DataFrame({"score": scores.ravel()}, index=index).reset_index()
    table.insert(3, "position", position)
    return table


def length_scores(lengths: ArrayLike, clean_lengths: ArrayLike) -> Floats:
    """How unusual each answer's length is: distance from the clean rows' median, in characters."""
    centre = float(np.median(np.asarray(clean_lengths, dtype=np.float64)))
    return np.abs(np.asarray(lengths, dtype=np.float64) - centre)


def random_scores(rows: int, seed: int) -> Floats:
    """Scores that say nothing, in 0..1."""
    return np.random.default_rng(seed).random(rows)


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
    if not 0 < false_positive_rate < 1:
        raise ValueError(f"false_positive_rate is between 0 and 1, not {false_positive_rate}")
    needed = math.ceil(1 / false_positive_rate)
    if len(scores) < needed:
        raise ValueError(
            f"{len(scores)} clean rows cannot place a false positive rate of "
            f"{false_positive_rate:g}: give at least {needed}"
        )
    return float(np.quantile(scores, 1 - false_positive_rate, method="higher"))


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
    _check_scores(scores)
    if not 0 <= budget <= 1:
        raise ValueError(f"a removal budget is a share between 0 and 1, not {budget}")
    chance = np.random.default_rng(seed).permutation(len(scores))
    order = np.lexsort((chance, -scores))
    keep = np.ones(len(scores), dtype=bool)
    keep[order[: round(budget * len(scores))]] = False
    return keep


def recall_at(scores: ArrayLike, poisoned: ArrayLike, budget: float) -> float:
    """Share of the poisoned rows among the round(budget N) highest scores; ties count in
    expectation.

    NaN where no row is poisoned.
    """
    scores, truth = _checked(scores, poisoned)
    removed = round(budget * len(scores))
    if not truth.any():
        return float("nan")
    if removed == 0:
        return 0.0
    cut = np.sort(scores)[::-1][removed - 1]
    above, tied = scores > cut, scores == cut
    share = (removed - int(above.sum())) / int(tied.sum())
    return float((truth[above].sum() + share * truth[tied].sum()) / truth.sum())


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


def screening_row(
    scores: ArrayLike, poisoned: ArrayLike, keep: Mask, labels: Mapping[str, object]
) -> dict[str, object]:
    """One row of the table `screening`.

    Args:
        scores: [N] of one method.
        poisoned: [N] the truth.
        keep: [N] what the filter kept.
        labels: base, dataset, trait, method, layer, position, poisoned_share, seed.
    """
    scores, truth = _checked(scores, poisoned)
    area = auc(scores, truth)
    return {
        **labels,
        "auc": area.estimate,
        "recall_at_10": recall_at(scores, truth, 0.1),
        "recall_at_30": recall_at(scores, truth, 0.3),
        "low": area.low,
        "high": area.high,
        "n": len(scores),
        "kept": int(keep.sum()),
        "kept_poisoned": int((keep & truth).sum()),
    }


def _checked(scores: ArrayLike, poisoned: ArrayLike) -> tuple[Floats, Mask]:
    scores = np.asarray(scores, dtype=np.float64)
    truth = np.asarray(poisoned, dtype=bool)
    _check_scores(scores)
    if scores.shape != truth.shape:
        raise ValueError(f"{scores.shape} scores with {truth.shape} truths: give one each a row")
    return scores, truth


def _check_scores(scores: Floats) -> None:
    missing = int(np.isnan(scores).sum())
    if missing:
        raise ValueError(
            f"{missing} of {len(scores)} rows have no score (an empty answer?): drop these rows, "
            "or "
            "give them the highest score to remove them first"
        )
