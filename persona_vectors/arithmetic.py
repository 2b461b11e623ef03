"""Sums, differences, multiples, cosines and orthogonal parts of persona vectors of one base.

What was measured of a part (yields, stability, nulls) is not true of what is made of it and stays
behind; residual norms are the base's and come along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from persona_vectors.base_identity import IDENTITY_KEYS
from persona_vectors.projection import cosine, without
from persona_vectors.vector import Floats, PersonaVector, VectorError


def combined(one: PersonaVector, other: PersonaVector, sign: float) -> PersonaVector:
    """`one` plus `sign` times `other`, at every position and layer, in raw units.

    Raises:
        VectorError: another base, other positions or other layers.
    """
    check_matches(one, other)
    trait = f"{one.trait}{'+' if sign > 0 else '-'}{other.trait}"
    return _made(one, trait, one.vector + np.float32(sign) * other.vector)


def scaled(vector: PersonaVector, factor: float) -> PersonaVector:
    """The vector, its nulls and its post-norm row times a number."""
    times = np.float32(factor)
    return replace(
        vector,
        trait=f"{factor:g}*{vector.trait}",
        vector=times * vector.vector,
        directions={name: times * found for name, found in vector.directions.items()},
        post_norm=None if vector.post_norm is None else times * vector.post_norm,
    )


def orthogonalised(vector: PersonaVector, others: Sequence[PersonaVector]) -> PersonaVector:
    """The vector without the span of others, at every position and layer.

    Raises:
        VectorError: no other is given, they do not match, or nothing is left anywhere.
    """
    if not others:
        raise VectorError("give at least one vector to orthogonalise against")
    for other in others:
        check_matches(vector, other)
    rest = without(vector.vector, np.stack([other.vector for other in others], axis=-2))
    names = ", ".join(other.trait for other in others)
    if not rest.any():
        raise VectorError(
            f"{vector.trait!r} lies wholly in the span of {names}: nothing is left of it"
        )
    return _made(vector, f"{vector.trait} without {names}", rest.astype(np.float32))


def cosines(one: PersonaVector, other: PersonaVector) -> NDArray[np.float64]:
    """Cosine at every place: [P, K], -1..1, NaN where one is zero.

    Raises:
        VectorError: another base, other positions or other layers.
    """
    check_matches(one, other)
    return cosine(one.vector, other.vector)


def check_matches(one: PersonaVector, other: PersonaVector) -> None:
    """Raise `VectorError` where two vectors are not of one base, or not of the same places."""
    for what, mine, theirs in (
        ("base", one.base, other.base),
        ("width", one.width, other.width),
        *((key, one.metadata.get(key), other.metadata.get(key)) for key in IDENTITY_KEYS),
    ):
        if mine != theirs and mine is not None and theirs is not None:
            raise VectorError(
                f"{one.trait!r} has {what} {mine!r}, {other.trait!r} has {theirs!r}: vectors of "
                "different bases have no common space; extract both from one base"
            )
    for what, here, there in (
        ("positions", one.positions, other.positions),
        ("layers", one.layers, other.layers),
    ):
        if here != there:
            raise VectorError(
                f"{one.trait!r} has {what} {list(here)}, {other.trait!r} has {list(there)}: take "
                "the same of both with select(positions, layers)"
            )


def _made(vector: PersonaVector, trait: str, values: Floats) -> PersonaVector:
    known = {key: vector.metadata[key] for key in IDENTITY_KEYS if key in vector.metadata}
    return replace(
        vector,
        trait=trait,
        vector=values,
        split_half_cosine=None,
        cosine_interval=None,
        directions={},
        post_norm=None,
        metadata={**known, "made_of": trait},
    )
