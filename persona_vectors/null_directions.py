"""What directions a vector must beat: random ones, principal components, and ones made without
labels.

Random directions are drawn from the residual covariance; permuted ones come from the same rollouts
as the vector. Both are weighted sums of activations, so one pass makes them with the vector itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from persona_vectors.projection import RANK_TOLERANCE, unit

Floats = NDArray[np.float64]
Activations = NDArray[np.floating[Any]]


def random_directions_like(
    activations: Activations, draws: int, seed: int, norms: Activations | None = None
) -> Floats:
    """Directions [draws, ..., D] drawn from the covariance of activations, at every position and
    layer.

    One draw weighs the rows alike everywhere, so it is one direction followed through the layers,
    as a vector is.

    Args:
        activations: [N, ..., D], such as [N, P, K, D] of the base reading neutral questions.
        draws: how many.
        seed: the draws are a function of it.
        norms: [...] L2 norm of each direction, usually the vector's; None keeps the drawn one.

    Raises:
        ValueError: fewer than two rows, or rows that hold NaN.
    """
    activations = np.asarray(activations)
    if len(activations) < 2 or not np.isfinite(activations).all():
        raise ValueError(
            f"{len(activations)} rows of activations, which must be at least 2 and finite "
            "(response_mean is NaN "
            "without an answer: choose positions, or give answers)"
        )
    weights = covariance_weights(len(activations), draws, seed)
    directions: Floats = np.tensordot(weights, activations.astype(np.float64), axes=1)
    if norms is None:
        return directions
    return np.nan_to_num(unit(directions)) * np.asarray(norms)[..., None]


def principal_components(activations: Activations, number: int) -> Floats:
    """The first principal components [number, ..., D], of norm 1, at every position and layer.

    Zero where the activations have fewer components: nothing varies along more. A component has no
    sign of its own; here its largest number is positive, so that every machine finds the same one.

    Args:
        activations: [N, ..., D] without NaN, such as [N, K, D] of the base reading neutral
            questions.
        number: how many.
    """
    activations = np.asarray(activations, dtype=np.float64)
    places = activations.shape[1:-1]
    components = np.zeros((number, *activations.shape[1:]))
    for place in np.ndindex(*places):
        rows = activations[(slice(None), *place)]
        _, sizes, basis = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
        real = int((sizes > RANK_TOLERANCE * np.linalg.norm(rows)).sum())
        for index in range(min(number, real)):
            largest = basis[index][np.abs(basis[index]).argmax()]
            components[(index, *place)] = basis[index] * np.sign(largest)
    return components


def covariance_weights(rows: int, draws: int, seed: int) -> Floats:
    """Weights [draws, rows] whose weighted sums of activations have the activations' covariance."""
    drawn = np.random.default_rng(seed).standard_normal((draws, rows))
    weights: Floats = (drawn - drawn.mean(axis=1, keepdims=True)) / np.sqrt(rows - 1)
    return weights


def permuted_weights(
    question: Sequence[object],
    positive: NDArray[np.bool_],
    kept: NDArray[np.bool_],
    draws: int,
    seed: int,
) -> Floats:
    """Weights [draws, N] of differences of means with the labels permuted within each question.

    Each of the two groups gets as many trait-positive as trait-negative rows (odd ones sit out). A
    free permutation would leave some of the vector itself in every draw by chance imbalance; as a
    correlation does not see a direction's length, such draws would be the vector again rather than
    a null.

    Raises:
        ValueError: no question has two kept rows of both signs.
    """
    generator = np.random.default_rng(seed)
    labels = np.array([str(q) for q in question])
    groups = []
    for name in dict.fromkeys(labels.tolist()):
        rows = [
            np.flatnonzero((labels == name) & kept & (positive == sign)) for sign in (True, False)
        ]
        if min(map(len, rows)) >= 2:
            groups.append(rows)
    if not groups:
        raise ValueError(
            "no question has two kept rows of both signs: draw more rollouts a question"
        )
    weights = np.zeros((draws, len(labels)))
    for draw in range(draws):
        for rows in groups:
            sizes = [len(found) // 2 for found in rows]
            share = 1 / (len(groups) * sum(sizes))
            for found, size in zip(rows, sizes, strict=True):
                order = generator.permutation(found)
                weights[draw, order[:size]] = share
                weights[draw, order[size : 2 * size]] = -share
    return weights
