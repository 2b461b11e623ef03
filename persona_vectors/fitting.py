"""Vectors by a method that has to be fitted: at every layer and position, on halves of the
questions for their stability, and with permuted labels for their null."""

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
    question_N = _questions(made)
    weights_N = made.weights[0]
    vector = _everywhere(method, weights_N, activations_N_P_K_D, question_N)
    generator = np.random.default_rng(made.seed)
    found = []
    for _ in range(HALVINGS):
        first = np.isin(question_N, generator.permutation(number)[: number // 2])
        halves = [
            _everywhere(method, weights_N * rows, activations_N_P_K_D, question_N)
            for rows in (first, ~first)
        ]
        found.append(_cosine(*halves))
    return vector, Stability(np.mean(found, axis=0), np.full((2, *vector.shape[:2]), np.nan))


def permuted(method: Method, made: Contrast, activations_N_P_K_D: Activations) -> Floats:
    """Null directions [draws, P, K, D]: the method fitted anew to every permutation of the labels.

    The permutations are those of the difference of means (`null_directions.permuted_weights`), a
    row that sits out there does here. Each draw is a fit at every place, in coordinates of the
    rows' span: exact, and the cheaper the fewer rows than dimensions there are (10 ms of processor
    time for 192 rows). The first axis of differences needs no labels where the trait is what varies
    most within a question: its permuted draws are then the vector again, and only random directions
    are a null for it.

    Args:
        method: any but "difference_of_means".
        made: with weights of permutations, see `extraction.contrast`.
        activations_N_P_K_D: of the rows `made.rollouts`, in their order; finite.
    """
    question_N = _questions(made)
    draws = made.weights[1 + made.question_counts.size :]
    found = np.zeros((len(draws), *activations_N_P_K_D.shape[1:]))
    for place in np.ndindex(*activations_N_P_K_D.shape[1:3]):
        rows_N_D = activations_N_P_K_D[:, *place].astype(np.float64)
        basis_D_R = np.linalg.qr(rows_N_D.T).Q
        coordinates = rows_N_D @ basis_D_R
        for index, weights in enumerate(draws):
            used = weights != 0
            fitted_here = direction(
                method, coordinates[used], weights[used], question_N[used], len(basis_D_R)
            )
            found[(index, *place)] = basis_D_R @ fitted_here
    return found


def _questions(made: Contrast) -> NDArray[np.intp]:
    """The question [N] of each row, from 0."""
    number = made.question_counts.shape[1]
    found: NDArray[np.intp] = np.argmax(made.weights[1 : 1 + 2 * number] > 0, axis=0) % number
    return found


def _everywhere(
    method: Method, weights_N: Floats, activations: Activations, question_N: NDArray[np.intp]
) -> Floats:
    """The direction at every place from the rows that have weight: [P, K, D]."""
    used = weights_N != 0
    vector = np.zeros(activations.shape[1:])
    for place in np.ndindex(*activations.shape[1:3]):
        here = activations[used, *place].astype(np.float64)
        vector[place] = direction(method, here, weights_N[used], question_N[used])
    return vector


def _cosine(one: Floats, other: Floats) -> Floats:
    """[P, K], NaN where one is zero."""
    if not one.any() or not other.any():
        return np.full(one.shape[:2], np.nan)
    return cosine(one, other)
