"""The directions that a vector's steering must beat, in one file with it and at its norm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from persona_vectors.vector import PersonaVector, VectorError, direction_name

PERMUTED: Final = "permuted"
RANDOM: Final = "random"
OTHERS: Final = "other_traits"
NULLS: Final = (RANDOM, PERMUTED, OTHERS)
"""Directions from the residual covariance, label-permuted vectors, and other traits' vectors."""


def with_matched_nulls(
    vector: PersonaVector,
    draws: int,
    others: Sequence[PersonaVector],
    position: str,
    layers: Sequence[int],
) -> PersonaVector:
    """The vector at some places, beside its null directions, each as long as it there.

    Args:
        vector: whose file holds at least so many random and permuted directions.
        draws: how many of each.
        others: vectors of other traits of the same base.
        position: where they were read.
        layers: layers that are steered at.

    Raises:
        VectorError: there are too few draws, a trait twice, or a direction that is zero or missing
            at a place.
    """
    held = {
        kind: sum(name.rpartition("-")[0] == kind for name in vector.directions)
        for kind in (PERMUTED, RANDOM)
    }
    if min(held.values()) < draws:
        raise VectorError(
            f"the {vector.trait!r} file holds {held[PERMUTED]} permuted and {held[RANDOM]} random "
            f"directions, and {draws} of each are asked for: extract it again with --permuted "
            f"{draws} --random {draws}, or ask for fewer"
        )
    traits = [each.trait for each in (vector, *others)]
    if len(set(traits)) < len(traits):
        raise VectorError(f"vectors of {', '.join(traits)}: give one of each trait")
    part = vector.select([position], layers)
    kept = {
        direction_name(kind, draw): part.draws(kind)[draw]
        for kind in (RANDOM, PERMUTED)
        for draw in range(draws)
    }
    for number, other in enumerate(others):
        kept[direction_name(OTHERS, number)] = other.select([position], layers).vector
    norms = part.norms()[..., None]
    matched = {}
    for name, direction in kept.items():
        lengths = np.linalg.norm(direction, axis=-1, keepdims=True)
        if not lengths.all():
            layer = part.layers[int(np.argmin(lengths[0, :, 0]))]
            raise VectorError(
                f"the direction {name} beside {vector.trait!r} is zero at layer {layer}, position "
                f"{position}: leave that layer out"
            )
        matched[name] = (direction * (norms / lengths)).astype(np.float32)
    return replace(
        part,
        directions=matched,
        metadata={**part.metadata, OTHERS: [other.trait for other in others]},
    )
