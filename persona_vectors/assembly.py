"""How what was measured becomes a persona vector with its stability, yields and origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from persona_vectors.fitting import fitted, permuted
from persona_vectors.methods import Method
from persona_vectors.stability import Stability, stability
from persona_vectors.sums import Contrast
from persona_vectors.vector import PersonaVector

Activations = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """What vectors of one reading have in common."""

    base: str
    """Name of the base that was read."""
    positions: tuple[str, ...]
    """The P positions."""
    layers: tuple[int, ...]
    """The K layers."""
    residual_norm: Mapping[str, Activations]
    """"response", "prompt", "last_prompt" -> [K]."""
    known: Mapping[str, object]
    """Metadata that all of them share."""


def from_sums(made: Contrast, place: Place, sums: Floats) -> PersonaVector:
    """The difference of means out of the sums of its weights, means of questions and nulls."""
    groups = made.question_counts.size
    stable = stability(
        sums[1 : 1 + groups], made.question_counts, made.thresholds.weighting, made.seed
    )
    found = _assembled(made, place, "difference_of_means", sums[0], stable)
    return found.with_draws("permuted", sums[1 + groups :].astype(np.float32))


def from_fits(
    made: Contrast, place: Place, method: Method, activations_N_P_K_D: Activations
) -> PersonaVector:
    """A fitted method's vector and nulls out of the activations of the rows `made.rollouts`."""
    found = _assembled(made, place, method, *fitted(method, made, activations_N_P_K_D))
    draws = permuted(method, made, activations_N_P_K_D)
    return found.with_draws("permuted", draws.astype(np.float32))


def _assembled(
    made: Contrast, place: Place, method: Method, vector: Floats, stable: Stability
) -> PersonaVector:
    """The vector [P, K, D] with its stability and where it is from."""
    return PersonaVector(
        trait=made.trait,
        base=place.base,
        positions=place.positions,
        layers=place.layers,
        vector=vector.astype(np.float32),
        residual_norm={
            name: np.asarray(norm, dtype=np.float32) for name, norm in place.residual_norm.items()
        },
        split_half_cosine=stable.split_half_cosine.astype(np.float32),
        cosine_interval=stable.cosine_interval.astype(np.float32),
        metadata={
            **place.known,
            "method": method,
            "thresholds": made.thresholds.model_dump(),
            "yields": made.yields.set_index("sign").to_dict(orient="index"),
        },
    )
