"""What fine-tuning does to a persona vector: the same trait's vector before and after, compared.

Both are differences of means over the same questions. Read on the same texts (the base's rollouts)
they differ by what the weights do to the representation; read on each model's own rollouts also by
what each model wrote. Intervals come from resampling the questions of both together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from persona_vectors.base_identity import identity_of
from persona_vectors.contrast import (
    Thresholds,
    check_floors,
    common_questions,
    is_positive,
    kept,
    kept_by_question,
    question_weights,
    yields,
)
from persona_vectors.reading import captured
from persona_vectors.stability import combination, cosines, quantiles
from persona_vectors.sums import Contrast, weighted_sums
from persona_vectors.vector import POSITIONS, PersonaVector

if TYPE_CHECKING:
    from organisms.runtime import Organism

Floats = NDArray[np.float64]

RESAMPLES: Final = 1000
"""Bootstrap resamples of the questions behind an interval."""


@dataclass(frozen=True)
class QuestionMeans:
    """One model's mean activations of each question and sign: what vector and interval follow from.

    Attributes:
        trait: its name.
        questions: the Q questions with kept rollouts of both signs, sorted.
        means: [2, Q, P, K, D] positive, then negative.
        kept: [2, Q] rollouts behind each.
        positions: the P positions.
        layers: the K layers.
    """

    trait: str
    questions: tuple[str, ...]
    means: Floats
    kept: Floats
    positions: tuple[str, ...]
    layers: tuple[int, ...]

    def of(self, questions: Sequence[str]) -> QuestionMeans:
        """The same of some questions only."""
        at = [self.questions.index(name) for name in questions]
        return replace(
            self,
            questions=tuple(questions),
            means=self.means[:, at],
            kept=self.kept[:, at],
        )

    def vector(self) -> Floats:
        """The persona vector [P, K, D]: mean over questions of their differences."""
        difference: Floats = (self.means[0] - self.means[1]).mean(axis=0)
        return difference


def question_means(
    organism: Organism,
    rollouts: pd.DataFrame,
    trait: str,
    *,
    adapter: str | None = None,
    thresholds: Thresholds | None = None,
    positions: Sequence[str] = POSITIONS,
    layers: Sequence[int] | None = None,
    batch_size: int = 64,
) -> QuestionMeans:
    """Read one trait's kept rollouts with the base or an adapter.

    Args:
        organism: the loaded base with its adapters.
        rollouts: as in `extraction.extract_from`; whoever wrote them.
        trait: its name.
        adapter: who reads; None is the base.
        thresholds: filter and floors; None: the published ones.
        positions: which of the three.
        layers: None for all.
        batch_size: rows read at a time.

    Raises:
        ExtractionError: too few rollouts are left; raised before the model is run.
    """
    thresholds = thresholds or Thresholds()
    frame = rollouts[rollouts["trait"] == trait].rename(columns={f"trait:{trait}": "trait_score"})
    frame = frame.reset_index(drop=True)
    keep = kept(frame, thresholds)
    check_floors(trait, frame, keep, thresholds)
    question, positive = frame["question"].tolist(), is_positive(frame)
    names = common_questions(question, positive, keep)
    weights = question_weights(question, positive, keep, names)
    used = np.flatnonzero(weights.any(axis=0))
    counts = kept_by_question(question, positive, keep, names)
    found = yields(frame, keep, thresholds)
    made = Contrast(trait, used, weights[:, used], counts, found, thresholds)
    read = captured(
        organism,
        frame,
        used,
        layers=layers,
        positions=positions,
        batch_size=batch_size,
        adapter=adapter,
    )
    sums = weighted_sums(read, [made])[0]
    there = range(organism.number_of_layers + 1) if layers is None else layers
    return QuestionMeans(
        trait=trait,
        questions=tuple(names),
        means=sums.reshape(2, len(names), *sums.shape[1:]),
        kept=counts,
        positions=tuple(positions),
        layers=tuple(there),
    )


def compare(before: QuestionMeans, after: QuestionMeans, *, seed: int = 0) -> pd.DataFrame:
    """The vector after against the vector before, on the questions that both have.

    Args:
        before: the base's.
        after: the organism's.
        seed: of the resamples.

    Returns:
        A row a position and layer: cosine and norm_ratio (|after| / |before|), each with the 2.5%
        and 97.5% quantile over resamples of the questions (_low, _high), and the number of
        questions. NaN where a vector is nothing but rounding.

    Raises:
        ValueError: other positions or layers, or fewer than two common questions.
    """
    if (before.positions, before.layers) != (after.positions, after.layers):
        raise ValueError(
            f"positions and layers differ: {before.positions} at {before.layers} and "
            f"{after.positions} at {after.layers}; read both at the same"
        )
    names = [name for name in before.questions if name in set(after.questions)]
    if len(names) < 2:
        raise ValueError(
            f"{len(names)} questions have kept rollouts of both signs in both models; two are "
            "needed: draw more samples a question"
        )
    number = len(names)
    pair = [before.of(names), after.of(names)]
    stacked = np.concatenate(
        [each.means.reshape(2 * number, *each.means.shape[2:]) for each in pair]
    )
    gram = np.einsum("gpkd,hpkd->pkgh", stacked, stacked)
    drawn = np.random.default_rng(seed).multinomial(
        number, np.full(number, 1 / number), size=RESAMPLES
    )
    counts = np.concatenate([np.ones((1, number)), drawn.astype(np.float64)])
    nothing = np.zeros((len(counts), 2 * number))
    sides = [combination(counts, each.kept, "question") for each in pair]
    one, other = np.hstack([sides[0], nothing]), np.hstack([nothing, sides[1]])
    between = cosines(gram, one, other)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = _norms(gram, other) / _norms(gram, one)
    ratios[np.isnan(between)] = np.nan
    (cosine_low, cosine_high), (ratio_low, ratio_high) = (
        quantiles(values[1:]) for values in (between, ratios)
    )
    return pd.DataFrame(
        {
            "position": position,
            "layer": layer,
            "cosine": between[0, p, k],
            "cosine_low": cosine_low[p, k],
            "cosine_high": cosine_high[p, k],
            "norm_ratio": ratios[0, p, k],
            "norm_ratio_low": ratio_low[p, k],
            "norm_ratio_high": ratio_high[p, k],
            "questions": number,
        }
        for p, position in enumerate(before.positions)
        for k, layer in enumerate(before.layers)
    )


def as_vector(
    found: QuestionMeans,
    organism: Organism,
    residual_norm: dict[str, NDArray[np.float64]],
    known: dict[str, object],
) -> PersonaVector:
    """The vector as a file holds it. Residual norms are the base's in every file, so that one
    coefficient in the unit `norm` adds vectors of one length to every model."""
    return PersonaVector(
        trait=found.trait,
        base=organism.base,
        positions=found.positions,
        layers=found.layers,
        vector=found.vector().astype(np.float32),
        residual_norm={
            name: norm[list(found.layers)].astype(np.float32)
            for name, norm in residual_norm.items()
        },
        metadata={**identity_of(organism).metadata(), **known},
    )


def _norms(gram_P_K_G_G: Floats, weights_B_G: Floats) -> Floats:
    half = np.einsum("bg,pkgh->bpkh", weights_B_G, gram_P_K_G_G)
    squared = np.einsum("bpkh,bh->bpk", half, weights_B_G)
    norms: Floats = np.sqrt(np.maximum(squared, 0.0))
    return norms
