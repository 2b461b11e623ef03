"""What a projection is: the part of an activation along a direction, in residual units."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def unit(directions: Floats) -> NDArray[np.float64]:
    """Directions [..., D] scaled to norm 1.

    Raises:
        ValueError: on a zero, NaN or infinite direction, which has no unit vector.
    """
    directions = np.asarray(directions, dtype=np.float64)
    norms = np.linalg.norm(directions, axis=-1, keepdims=True)
    if not (np.isfinite(norms) & (norms > 0)).all():
        raise ValueError("a direction of norm 0 or NaN has no unit vector: was its filter empty?")
    return np.asarray(directions / norms)


def project(activations: Floats, vector: Floats) -> NDArray[np.float64]:
    """Projection a . v / |v| along the last axis (arXiv 2507.21509).

    Args:
        activations: [..., D].
        vector: [D], or [..., D] with leading axes that broadcast against those of the activations
            (such as [P, K, D] against [N, P, K, D]).

    Returns:
        [...], NaN where the activation is NaN.

    Raises:
        ValueError: the widths differ, or the vector is zero.
    """
    activations, vector = np.asarray(activations), np.asarray(vector)
    if activations.shape[-1:] != vector.shape[-1:]:
        raise ValueError(
            f"activations have width {activations.shape[-1:]}, the vector has {vector.shape[-1:]}: "
            "use a vector extracted from this base"
        )
    projected: NDArray[np.float64] = np.einsum("...d,...d->...", activations, unit(vector))
    return projected


def cosine(a: Floats, b: Floats) -> NDArray[np.float64]:
    """Cosine along the last axis of [..., D] and [..., D]: -1..1."""
    product: NDArray[np.float64] = np.einsum("...d,...d->...", unit(a), unit(b))
    return np.clip(product, -1.0, 1.0)
