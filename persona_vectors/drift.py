"""How far a model in training has drifted along persona vectors, in units of a null's spread.

The shift of the mean activation over fixed texts along a vector, beside what the same change comes
to along directions drawn from the residual covariance of the base on those texts. Pure arithmetic:
it reads no model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from persona_vectors.null_directions import random_directions_like
from persona_vectors.projection import unit

Floats = NDArray[np.floating[Any]]

DRAWS: Final = 1000
"""Null directions; their spread is then known to about 2%."""
MINIMUM_TEXTS: Final = 8
"""Fewest texts that a covariance is taken from."""


@dataclass(frozen=True)
class Reading:
    """The drift along one vector at one moment.

    Attributes:
        trait: whose vector.
        shift: mean projection now minus that of the base, in residual units.
        null_sd: root mean square of the same along the null's directions, which point either way.
        drift: shift / null_sd; 0 where nothing has changed.
    """

    trait: str
    shift: float
    null_sd: float
    drift: float


class Drift:
    """What changes are measured against: the base on fixed texts, at one layer and position."""

    def __init__(
        self, base: Floats, vectors: Mapping[str, Floats], *, draws: int = DRAWS, seed: int = 0
    ) -> None:
        """Draw the null's directions.

        Args:
            base: [N, D] activations of the base, one row a text.
            vectors: trait -> direction [D] at the same layer and position.
            draws: how many null directions.
            seed: of them.

        Raises:
            ValueError: fewer than 8 texts, activations that are not finite or do not vary, widths
                that differ, or a vector that is zero.
        """
        base = np.asarray(base, dtype=np.float64)
        if len(base) < MINIMUM_TEXTS:
            raise ValueError(
                f"{len(base)} fixed texts: the null's directions are drawn from how they differ, "
                f"so give at least {MINIMUM_TEXTS}"
            )
        if np.ptp(base, axis=0).max() <= 1e-9 * max(1.0, float(np.abs(base).max())):
            raise ValueError(
                "the base's activations are the same on every text (layer 0 at last_prompt?): "
                "choose a deeper layer or another position"
            )
        for trait, direction in vectors.items():
            if np.shape(direction) != base.shape[1:] or not np.any(direction):
                raise ValueError(
                    f"the {trait!r} vector has shape {np.shape(direction)} and norm "
                    f"{np.linalg.norm(direction):.3g}; needed is a direction of width "
                    f"{base.shape[1]} that is not zero: choose another layer or position"
                )
        self._mean = base.mean(axis=0)
        self._traits = tuple(vectors)
        self._along = unit(np.stack([np.asarray(vectors[trait]) for trait in self._traits]))
        self._null = unit(random_directions_like(base, draws, seed))

    def read(self, activations: Floats) -> tuple[Reading, ...]:
        """The drift along every vector, given the same texts' activations [N, D] now."""
        change = np.asarray(activations, dtype=np.float64).mean(axis=0) - self._mean
        null_sd = float(np.sqrt(np.mean((self._null @ change) ** 2)))
        return tuple(
            Reading(trait, float(shift), null_sd, float(shift) / null_sd if null_sd > 0 else 0.0)
            for trait, shift in zip(self._traits, self._along @ change, strict=True)
        )
