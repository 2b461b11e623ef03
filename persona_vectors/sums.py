"""How weighted sums of activations are taken: one pass over chunks serves every trait and null.

Knows neither scores nor models; the weights say what is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from persona_vectors.contrast import Thresholds

Activations = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]

ROUNDING: Final = 1e-6
"""A sum below this share of the summed norms is rounding of fp32 activations."""


@dataclass(frozen=True)
class Contrast:
    """What is to be summed for one trait: weights over rollouts, and what to say about them.

    Attributes:
        trait: its name.
        rollouts: [N] row numbers into the activations, only rows with weight.
        weights: [M, N]: the vector's first, then those of the 2Q means of each question and sign,
            then those of its permuted nulls.
        question_counts: [2, Q] kept rollouts of each question, positive and negative.
        yields: one row a sign, see `contrast.yields`.
        thresholds: the filter.
        seed: of the stability's halvings and resamples.
    """

    trait: str
    rollouts: NDArray[np.intp]
    weights: Floats
    question_counts: Floats
    yields: pd.DataFrame
    thresholds: Thresholds
    seed: int = 0


def weighted_sums(
    chunks: Iterable[tuple[NDArray[np.intp], Activations]], contrasts: Sequence[Contrast]
) -> list[Floats]:
    """Weighted sums of activations, [weights, P, K, D] for each contrast.

    Where a sum is nothing but rounding (the rows do not vary there) it is exactly zero.

    Args:
        chunks: row numbers [n] and their activations [n, P, K, D]; a row with weight comes once.
        contrasts: the weights.

    Raises:
        ValueError: a row with weight has no finite activation, or never came.
    """
    sums: list[Floats | float] = [0.0] * len(contrasts)
    sizes: list[Floats | float] = [0.0] * len(contrasts)
    seen = [0] * len(contrasts)
    for numbers, activations in chunks:
        for index, found in enumerate(contrasts):
            _, mine, here = np.intersect1d(found.rollouts, numbers, return_indices=True)
            if not len(mine):
                continue
            rows = activations[here].astype(np.float64)
            if not np.isfinite(rows).all():
                raise ValueError(
                    f"trait {found.trait!r}: a kept rollout has activations that are NaN or "
                    "infinite; an empty answer has no response_mean, so score it incoherent or "
                    "leave it out"
                )
            weights = found.weights[:, mine]
            sums[index] = sums[index] + np.tensordot(weights, rows, axes=1)
            norms = np.linalg.norm(rows, axis=-1)
            sizes[index] = sizes[index] + np.tensordot(np.abs(weights), norms, axes=1)
            seen[index] += len(mine)
    for found, number in zip(contrasts, seen, strict=True):
        if number != len(found.rollouts):
            raise ValueError(
                f"trait {found.trait!r}: {number} of {len(found.rollouts)} kept rollouts were read"
            )
    return [
        _without_rounding(np.asarray(total), np.asarray(size))
        for total, size in zip(sums, sizes, strict=True)
    ]


def _without_rounding(total: Floats, size: Floats) -> Floats:
    """Sums [M, P, K, D], zero where they are below rounding of what was summed ([M, P, K])."""
    real = np.linalg.norm(total, axis=-1) > ROUNDING * size
    return np.where(real[..., None], total, 0.0)
