"""Vectors by a method that has to be fitted: at every layer and position, and on halves of the
questions for their stability."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from persona_vectors.methods import Method, direction
from persona_vectors.projection import cosine
from persona_vectors.stability import Stability
from persona_vectors.sums import Contrast

Floats = NDArray[np.float64]
Activations = NDArray[np.floating[Any]]

HALVINGS: Final = 5
"""Random halvings of the questions behind the split-half cosine of a fitted vector: each is two
fits at every place."""


def fitted(
    method: Method, made: Contrast, activations_N_P_K_D: Activations
) -> tuple[Floats, Stability]:
    """The vector [P, K, D] and its stability, of which a fitted method has the split half alone.

    Args:
        method: any but "difference_of_means".
        made: which rows, and what they weigh.
        activations_N_P_K_D: of the rows `made.rollouts`, in their order.

    Raises:
        ValueError: an activation is NaN or infinite.
    """
    if not np.isfinite(activations_N_P_K_D).all():
        raise ValueError(
            f"trait {made.trait!r}: a kept rollout has activations that are NaN or infinite; an "
            "empty answer has no response_mean, so score it incoherent or leave it out"
        )
    number = made.question_counts.shape[1]
    question_N = np.argmax(made.weights[1 : 1 + 2 * number] > 0, axis=0) % number
    vector = _everywhere(method, made, activations_N_P_K_D, question_N)
    generator = np.random.default_rng(made.seed)
    found = []
    for _ in range(HALVINGS):
        first = np.isin(question_N, generator.permutation(number)[: number // 2])
        halves = [
            _everywhere(method, made, activations_N_P_K_D, question_N, rows)
            for rows in (first, ~first)
        ]
        found.append(_cosine(*halves))
    return vector, Stability(np.mean(found, axis=0), np.full((2, *vector.shape[:2]), np.nan))


def _everywhere(
    method: Method,
    made: Contrast,
    activations: Activations,
    question_N: NDArray[np.intp],
    rows: NDArray[np.bool_] | None = None,
) -> Floats:
    kept = np.ones(len(question_N), dtype=bool) if rows is None else rows
    weights = made.weights[0, kept]
    vector = np.zeros(activations.shape[1:])
    for place in np.ndindex(*activations.shape[1:3]):
        here = activations[kept, *place].astype(np.float64)
        vector[place] = direction(method, here, weights, question_N[kept])
    return vector


def _cosine(one: Floats, other: Floats) -> Floats:
    """[P, K], NaN where one is zero."""
    if not one.any() or not other.any():
        return np.full(one.shape[:2], np.nan)
    return cosine(one, other)
