"""How scored rollouts become persona vectors: one pass for every trait, position and layer.

Source: arXiv 2507.21509, with the mean taken within each question first. Filter and weights are in
`contrast`, the nulls' weights in `null_directions`, the pass itself in `sums`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from persona_vectors.assembly import Place, from_fits, from_sums
from persona_vectors.base_identity import code_version, identity_of
from persona_vectors.contrast import (
    ExtractionError,
    Thresholds,
    check_floors,
    common_questions,
    contrast_weights,
    is_positive,
    kept,
    kept_by_question,
    question_weights,
    yields,
)
from persona_vectors.methods import METHODS, Method
from persona_vectors.null_directions import permuted_weights
from persona_vectors.reading import captured
from persona_vectors.sums import Contrast, weighted_sums
from persona_vectors.vector import NORM_OF_POSITION, POSITIONS, PersonaVector

if TYPE_CHECKING:
    from organisms.runtime import Organism

Activations = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]


def contrast(
    trait: str,
    frame: pd.DataFrame,
    thresholds: Thresholds,
    *,
    permuted_draws: int = 0,
    seed: int = 0,
) -> Contrast:
    """Filter scored rollouts and weigh what is left; raises before any model is run.

    Args:
        trait: its name.
        frame: one row a rollout: question, topic, sign ("positive" or "negative"), trait_score and
            coherence (0..100, NaN where unscored).
        thresholds: filter and floors.
        permuted_draws: how many label-permuted null directions to make beside the vector.
        seed: of the halvings and permutations.

    Raises:
        ExtractionError: too few rollouts are left.
        ValueError: the frame lacks a column or has an unknown sign.
    """
    keep = kept(frame, thresholds)
    check_floors(trait, frame, keep, thresholds)
    question, positive = frame["question"].tolist(), is_positive(frame)
    names = common_questions(question, positive, keep)
    if thresholds.weighting == "pooled":
        names = sorted({str(name) for name in frame.loc[keep, "question"]})
    if len(names) < 2:
        raise ExtractionError(
            f"trait {trait!r}: stability needs two questions with kept rollouts of both signs"
        )
    rows = [
        contrast_weights(question, positive, keep, thresholds.weighting)[None],
        question_weights(question, positive, keep, names),
    ]
    if permuted_draws:
        rows.append(permuted_weights(question, positive, keep, permuted_draws, seed))
    weights = np.concatenate(rows)
    used = np.flatnonzero(weights.any(axis=0))
    return Contrast(
        trait=trait,
        rollouts=used,
        weights=weights[:, used],
        question_counts=kept_by_question(question, positive, keep, names),
        yields=yields(frame, keep, thresholds),
        thresholds=thresholds,
        seed=seed,
    )


def extract(
    activations: Activations,
    frame: pd.DataFrame,
    *,
    trait: str,
    base: str,
    positions: Sequence[str] = POSITIONS,
    layers: Sequence[int] | None = None,
    thresholds: Thresholds | None = None,
    method: Method = "difference_of_means",
    residual_norm: Mapping[str, Activations] | None = None,
    permuted_draws: int = 0,
    seed: int = 0,
) -> PersonaVector:
    """The persona vector of activations that are already at hand.

    Args:
        activations: [N, P, K, D], one row for each row of the frame.
        frame: as in `contrast`.
        trait: its name.
        base: the model that wrote the rollouts and was read.
        positions: names of the P positions.
        layers: numbers of the K layers; None: 0..K-1.
        thresholds: filter and floors; None: the published ones.
        method: one of `methods.METHODS`.
        residual_norm: "response", "prompt", "last_prompt" -> [K].
        permuted_draws: how many label-permuted directions to store beside the vector.
        seed: of halvings and permutations.

    Raises:
        ExtractionError: too few rollouts are left.
        ValueError: shapes do not fit, or a kept rollout has no finite activation.
    """
    activations = np.asarray(activations)
    if activations.ndim != 4 or len(activations) != len(frame):
        raise ValueError(
            f"activations have shape {activations.shape}; {len(frame)} rollouts need "
            f"({len(frame)}, positions, layers, "
            "width)"
        )
    _check_method(method, thresholds)
    made = contrast(
        trait, frame, thresholds or Thresholds(), permuted_draws=permuted_draws, seed=seed
    )
    numbers = tuple(layers) if layers is not None else tuple(range(activations.shape[2]))
    place = Place(
        base, tuple(positions), numbers, residual_norm or {}, {"code_version": code_version()}
    )
    if method != "difference_of_means":
        return from_fits(made, place, method, activations[made.rollouts])
    sums = weighted_sums([(np.arange(len(activations)), activations)], [made])
    return from_sums(made, place, sums[0])


def contrasts(
    rollouts: pd.DataFrame,
    traits: Sequence[str],
    thresholds: Thresholds,
    *,
    method: Method = "difference_of_means",
    permuted_draws: int = 0,
    seed: int = 0,
) -> list[Contrast]:
    """Filter and weigh the rollouts of several traits, before any model is run; see `extract_from`.

    Raises:
        ExtractionError: too few rollouts are left for a trait.
        ValueError: the method cannot do what is asked, or a column is missing.
    """
    _check_method(method, thresholds)
    rollouts = rollouts.reset_index(drop=True)
    made = []
    for trait in traits:
        frame = rollouts[rollouts["trait"] == trait].rename(
            columns={f"trait:{trait}": "trait_score"}
        )
        found = contrast(trait, frame, thresholds, permuted_draws=permuted_draws, seed=seed)
        made.append(replace(found, rollouts=frame.index.to_numpy()[found.rollouts]))
    return made


def extract_from(
    organism: Organism,
    rollouts: pd.DataFrame,
    traits: Sequence[str],
    *,
    thresholds: Thresholds | None = None,
    method: Method = "difference_of_means",
    residual_norm: Mapping[str, Activations] | None = None,
    positions: Sequence[str] = POSITIONS,
    layers: Sequence[int] | None = None,
    permuted_draws: int = 0,
    seed: int = 0,
    batch_size: int = 64,
) -> list[PersonaVector]:
    """The persona vectors of several traits, reading every kept rollout once.

    Args:
        organism: the loaded base that wrote the rollouts.
        rollouts: one row a rollout: trait, sign, question, topic, system, prompt, answer, coherence
            and for each trait its score `trait:NAME`. Rows of a trait are those whose `trait` is
            its name.
        traits: their names.
        thresholds: filter and floors; None: the published ones.
        method: one of `methods.METHODS`. The difference of means keeps no activation; the others
            keep those of all kept rollouts, 4 N P K D bytes: choose layers for a large base.
        residual_norm: as measured by `Organism.residual_norms` on the base's neutral answers.
        positions: which of the three to store.
        layers: None for all.
        permuted_draws: label-permuted directions to store beside each vector.
        seed: of halvings and permutations.
        batch_size: rows read at a time.

    Raises:
        ExtractionError: too few rollouts are left for a trait; raised before the model is run.
    """
    rollouts = rollouts.reset_index(drop=True)
    made = contrasts(
        rollouts,
        traits,
        thresholds or Thresholds(),
        method=method,
        permuted_draws=permuted_draws,
        seed=seed,
    )
    used = np.unique(np.concatenate([found.rollouts for found in made]))
    read = captured(
        organism, rollouts, used, layers=layers, positions=positions, batch_size=batch_size
    )
    numbers = tuple(layers) if layers is not None else tuple(range(organism.number_of_layers + 1))
    place = Place(
        organism.base,
        tuple(positions),
        numbers,
        residual_norm or {},
        identity_of(organism).metadata(),
    )
    if method == "difference_of_means":
        sums = weighted_sums(read, made)
        return [from_sums(found, place, total) for found, total in zip(made, sums, strict=True)]
    activations = np.concatenate([rows for _, rows in read])
    return [
        from_fits(found, place, method, activations[np.searchsorted(used, found.rollouts)])
        for found in made
    ]


def vector_rows(vector: PersonaVector) -> pd.DataFrame:
    """The table `vectors` of one vector: norm, yields and stability by layer and position."""
    counts = vector.metadata.get("yields", {})
    norms = vector.norms()
    rows = []
    for p, position in enumerate(vector.positions):
        for k, layer in enumerate(vector.layers):
            known = NORM_OF_POSITION[position] in vector.residual_norm
            halves = vector.split_half_cosine
            rows.append(
                {
                    "trait": vector.trait,
                    "base": vector.base,
                    "layer": layer,
                    "position": position,
                    "norm": float(norms[p, k]),
                    "residual_norm": vector.residual_norm_at(layer, position) if known else np.nan,
                    "kept_positive": _kept(counts, "positive"),
                    "kept_negative": _kept(counts, "negative"),
                    "split_half_cosine": float(halves[p, k]) if halves is not None else np.nan,
                }
            )
    return pd.DataFrame(rows)


def _kept(counts: object, sign: str) -> int:
    return int(counts[sign]["kept"]) if isinstance(counts, Mapping) and sign in counts else 0


def _check_method(method: Method, thresholds: Thresholds | None) -> None:
    if method not in METHODS:
        raise ValueError(f"method {method!r} is not known; use one of {', '.join(METHODS)}")
    if thresholds and thresholds.weighting == "pooled" and method != "difference_of_means":
        raise ValueError(
            f"method {method!r} takes out each question's own content; weighting 'pooled' leaves "
            "it in: use weighting 'question'"
        )
