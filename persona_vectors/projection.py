"""What a projection is: the part of an activation along a direction, in residual units."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

RANK_TOLERANCE: Final = 1e-6
"""Below this share of the largest a direction is rounding of fp32 values."""


def unit(directions: Floats) -> NDArray[np.float64]:
    """Directions [..., D] scaled to norm 1; NaN for a zero direction among others.

    A vector of many layers has an honest zero where nothing varies, such as the embedding of the
    last prompt token.

    Raises:
        ValueError: a direction is NaN or infinite, or all are zero.
    """
    _check_is_array(directions)
    directions = np.asarray(directions, dtype=np.float64)
    norms = np.linalg.norm(directions, axis=-1, keepdims=True)
    if not np.isfinite(norms).all():
        raise ValueError("a direction holds NaN or infinite values: extract it again")
    if not norms.any():
        raise ValueError("a direction of norm 0 points nowhere: choose another layer or position")
    unit_vectors: NDArray[np.float64] = np.divide(
        directions, norms, out=np.full_like(directions, np.nan), where=norms > 0
    )
    return unit_vectors


def project(activations: Floats, vector: Floats) -> NDArray[np.float64]:
    """Projection a . v / |v| along the last axis (arXiv 2507.21509).

    Args:
        activations: [..., D].
        vector: [D], or [..., D] with leading axes that broadcast against those of the activations
            (such as [P, K, D] against [N, P, K, D]).

    Returns:
        [...], NaN where the activation is NaN or the direction zero (see `unit`).

    Raises:
        ValueError: the widths differ, or the vector points nowhere.
    """
    _check_is_array(vector)
    activations, vector = np.asarray(activations), np.asarray(vector)
    if activations.shape[-1:] != vector.shape[-1:]:
        raise ValueError(
            f"activations have width {activations.shape[-1:]}, the vector has {vector.shape[-1:]}: "
            "use a vector extracted from this base"
        )
    projected: NDArray[np.float64] = np.einsum("...d,...d->...", activations, unit(vector))
    return projected


def cosine(a: Floats, b: Floats) -> NDArray[np.float64]:
    """Cosine along the last axis of [..., D] and [..., D]: -1..1, NaN where one is zero."""
    product: NDArray[np.float64] = np.einsum("...d,...d->...", unit(a), unit(b))
    return np.clip(product, -1.0, 1.0)


def without(vectors: Floats, others: Floats) -> NDArray[np.float64]:
    """Vectors [..., D] with the span of others [..., M, D] taken out.

    What is left of a vector that lies in the span, but for rounding, is exactly zero.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    _, sizes, basis = np.linalg.svd(np.asarray(others, dtype=np.float64), full_matrices=False)
    real = sizes > RANK_TOLERANCE * sizes.max(axis=-1, keepdims=True)
    basis = np.where(real[..., None], basis, 0.0)
    rest = vectors - np.einsum(
        "...md,...m->...d", basis, np.einsum("...md,...d->...m", basis, vectors)
    )
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    left = np.linalg.norm(rest, axis=-1, keepdims=True)
    return np.where(left > RANK_TOLERANCE * length, rest, 0.0)


def _check_is_array(given: object) -> None:
    if hasattr(given, "positions"):
        raise TypeError(
            "a persona vector has a direction at every layer and position; give one of them: "
            "vector.at(layer, position)"
        )
