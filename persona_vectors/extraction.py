"""How scored rollouts become persona vectors: one pass for every trait, position and layer.

Source: arXiv 2507.21509, with the mean taken within each question first. Filter and weights are in
`contrast`, the nulls' weights in `null`, the pass itself in `sums`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from persona_vectors.base_identity import code_version, identity_of
from persona_vectors.contrast import (
    Thresholds,
    check_floors,
    contrast_weights,
    is_positive,
    kept,
    split_half_weights,
    yields,
)
from persona_vectors.null import permuted_weights
from persona_vectors.projection import cosine
from persona_vectors.reading import transcripts
from persona_vectors.sums import Contrast, weighted_sums
from persona_vectors.vector import NORM_OF_POSITION, POSITIONS, PersonaVector

if TYPE_CHECKING:
    from organisms.runtime import Organism

Activations = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]

SPLITS: Final = 20
"""Random halvings of the questions behind a split-half cosine."""
CHUNK: Final = 512
"""Transcripts captured before they are summed: memory does not grow with the number of rollouts."""


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
    halves = split_half_weights(question, positive, keep, splits=SPLITS, seed=seed)
    rows = [contrast_weights(question, positive, keep)[None], halves.reshape(2 * SPLITS, -1)]
    if permuted_draws:
        rows.append(permuted_weights(question, positive, keep, permuted_draws, seed))
    weights = np.concatenate(rows)
    used = np.flatnonzero(weights.any(axis=0))
    return Contrast(trait, used, weights[:, used], yields(frame, keep), thresholds)


def extract(
    activations: Activations,
    frame: pd.DataFrame,
    *,
    trait: str,
    base: str,
    positions: Sequence[str] = POSITIONS,
    layers: Sequence[int] | None = None,
    thresholds: Thresholds | None = None,
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
    made = contrast(
        trait, frame, thresholds or Thresholds(), permuted_draws=permuted_draws, seed=seed
    )
    sums = weighted_sums([(np.arange(len(activations)), activations)], [made])
    numbers = tuple(layers) if layers is not None else tuple(range(activations.shape[2]))
    known = {"code_version": code_version()}
    return _vector(made, sums[0], base, tuple(positions), numbers, residual_norm or {}, known)


def extract_from(
    organism: Organism,
    rollouts: pd.DataFrame,
    traits: Sequence[str],
    *,
    thresholds: Thresholds | None = None,
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
    made = []
    for trait in traits:
        frame = rollouts[rollouts["trait"] == trait].rename(
            columns={f"trait:{trait}": "trait_score"}
        )
        found = contrast(
            trait, frame, thresholds or Thresholds(), permuted_draws=permuted_draws, seed=seed
        )
        rows = frame.index.to_numpy()[found.rollouts]
        made.append(Contrast(trait, rows, found.weights, found.yields, found.thresholds))
    used = np.unique(np.concatenate([found.rollouts for found in made]))

    def captured() -> Iterator[tuple[NDArray[np.intp], Activations]]:
        for start in range(0, len(used), CHUNK):
            numbers = used[start : start + CHUNK]
            texts = transcripts(rollouts.loc[numbers])
            yield numbers, organism.capture(texts, layers, positions, batch_size=batch_size)

    sums = weighted_sums(captured(), made)
    numbers = tuple(layers) if layers is not None else tuple(range(organism.number_of_layers + 1))
    known = identity_of(organism).metadata()
    return [
        _vector(found, total, organism.base, tuple(positions), numbers, residual_norm or {}, known)
        for found, total in zip(made, sums, strict=True)
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


def _vector(
    made: Contrast,
    sums: Floats,
    base: str,
    positions: tuple[str, ...],
    layers: tuple[int, ...],
    residual_norm: Mapping[str, Activations],
    known: Mapping[str, object],
) -> PersonaVector:
    halves = sums[1 : 1 + 2 * SPLITS].reshape(SPLITS, 2, *sums.shape[1:])
    stability = cosine(halves[:, 0], halves[:, 1]).mean(axis=0)
    found = PersonaVector(
        trait=made.trait,
        base=base,
        positions=positions,
        layers=layers,
        vector=sums[0].astype(np.float32),
        residual_norm={
            name: np.asarray(norm, dtype=np.float32) for name, norm in residual_norm.items()
        },
        split_half_cosine=stability.astype(np.float32),
        metadata={
            **known,
            "filter": "independent",
            "thresholds": made.thresholds.model_dump(),
            "yields": made.yields.set_index("sign").to_dict(orient="index"),
        },
    )
    return found.with_draws("permuted", sums[1 + 2 * SPLITS :].astype(np.float32))
