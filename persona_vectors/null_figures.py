"""Whether a vector's figure beats that of null directions which chose as it did.

Knows figures and how one is chosen among layers, scopes and coefficients; where the directions come
from is in `null_directions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from persona_vectors.vector import PersonaVector

Floats = NDArray[np.float64]
Statistic = Callable[[NDArray[np.floating[Any]], int], ArrayLike]
"""Figures [M] of M directions [M, D] at a layer, larger meaning more; or [M, ...] with further
axes to choose over, such as scope and coefficient."""

SIGNIFICANT: Final = 0.05
"""A null is beaten at this p and below."""
TAILS: Final = 40
"""Fewest draws with a 2.5% tail; the range of fewer is from the least to the greatest."""


@dataclass(frozen=True)
class NullTest:
    """A figure beside its null.

    Attributes:
        real: the vector's figure where it is largest, or was chosen.
        low: 2.5% quantile of the draws' figures, each where that draw chose; their least where
            there are fewer than `TAILS`.
        high: 97.5% quantile, or the greatest.
        p: share of draws at least as large, the real one counted in: never below 1 / (draws + 1).
        draws: how many.
        layer: where the vector chose; None where that is not known here.
    """

    real: float
    low: float
    high: float
    p: float
    draws: int
    layer: int | None = None

    @property
    def beaten(self) -> bool:
        """Whether the figure is beyond its null: p at most 0.05, which takes 19 draws."""
        return self.p <= SIGNIFICANT

    def __str__(self) -> str:
        where = "" if self.layer is None else f" at layer {self.layer}"
        verdict = "beats" if self.beaten else "does not beat"
        return (
            f"{self.real:.3g}{where}; null [{self.low:.3g}, {self.high:.3g}] of {self.draws:,} "
            f"draws that chose alike, p = {self.p:.2g}: the vector {verdict} its null"
        )


def null(
    vector: PersonaVector,
    statistic: Statistic,
    *,
    draws: str | ArrayLike = "permuted",
    position: str = "response_mean",
    layers: Sequence[int] | None = None,
    chance: float = 0.0,
    either_way: bool = True,
) -> NullTest:
    """The vector's largest figure over layers, beside that of null directions that choose alike.

    Every draw goes through the same statistic at the same layers (scopes, coefficients) and takes
    its own largest, so that choosing costs the vector what it gains by it.

    Args:
        vector: whose figure it is.
        statistic: (directions [M, D], layer) -> [M] or [M, ...], larger meaning more. NaN counts as
            `chance`.
        draws: directions [draws, P, K, D] at the vector's own positions and layers, as
            `random_directions_like` gives; or the kind that the vector's file holds.
        position: one of the vector's.
        layers: candidates; None: all of the vector's where it is not zero. Give the one that was
            chosen on other data to choose nothing here.
        chance: the figure of a direction that says nothing: 0 for r, 0.5 for an AUC.
        either_way: a null direction may point either way, so its distance from chance counts;
            False for figures in which the sign is part of the direction, as in steering.

    Raises:
        ValueError: the draws have another shape than the vector, or there are none.
    """
    part = vector.select([position], vector.layers)
    given = vector.draws(draws) if isinstance(draws, str) else np.asarray(draws)
    if given.shape[1:] != vector.vector.shape:
        shape = ", ".join(map(str, vector.vector.shape))
        raise ValueError(
            f"draws have shape {given.shape}; the {vector.trait!r} vector needs (draws, {shape}), "
            "that is positions, layers and width: draw them where the vector was read"
        )
    draws_M_K_D = given[:, vector.positions.index(position)]
    if layers is None:
        layers = [k for k, norm in zip(part.layers, part.norms()[0], strict=True) if norm > 0]
    figures = []
    for layer in layers:
        both = np.concatenate(
            [part.at(layer, position)[None], draws_M_K_D[:, part.layers.index(layer)]]
        )
        figures.append(np.asarray(statistic(both, layer), dtype=np.float64).reshape(len(both), -1))
    if not figures:
        raise ValueError(f"the {vector.trait!r} vector is zero at {position}, or layers is empty")
    cells_M_K_C = np.stack(figures, axis=1)
    real, cell = largest(cells_M_K_C[:1], chance=chance)
    drawn, _ = largest(cells_M_K_C[1:], chance=chance, either_way=either_way)
    layer = layers[int(cell[0]) // cells_M_K_C.shape[2]]
    return beside_null(float(real[0]), drawn, chance=chance, either_way=either_way, layer=layer)


def largest(
    figures: Floats, *, chance: float = 0.0, either_way: bool = False
) -> tuple[Floats, NDArray[np.intp]]:
    """Each row's largest figure [M], and the number [M] of its cell; of equal ones the first.

    Single source of truth for how the vector and its nulls choose.

    Args:
        figures: [M, ...]; NaN counts as `chance`.
        chance: the figure of a direction that says nothing.
        either_way: take the figure that is furthest from chance, on either side.
    """
    cells = np.asarray(figures, dtype=np.float64)
    cells = np.where(np.isnan(cells), chance, cells).reshape(len(cells), -1)
    where = (np.abs(cells - chance) if either_way else cells).argmax(axis=1)
    return np.take_along_axis(cells, where[:, None], axis=1)[:, 0], where


def beside_null(
    real: float,
    drawn: ArrayLike,
    *,
    chance: float = 0.0,
    either_way: bool = True,
    layer: int | None = None,
) -> NullTest:
    """A figure beside those of null directions, each chosen in the same way; see `NullTest`.

    Args:
        real: the figure, larger meaning more.
        drawn: [draws] the same figure of every draw.
        chance: the figure of a direction that says nothing.
        either_way: whether a draw counts by its distance from chance.
        layer: where the real figure is.

    Raises:
        ValueError: there are no draws, or a value is NaN.
    """
    values = np.asarray(drawn, dtype=np.float64)
    beyond = np.abs(values - chance) if either_way else values - chance
    p = selection_aware_p(real - chance, beyond)
    ends = [0.025, 0.975] if len(values) >= TAILS else [0.0, 1.0]
    low, high = np.quantile(values, ends)
    return NullTest(float(real), float(low), float(high), p, len(values), layer)


def selection_aware_p(real: float, null: ArrayLike) -> float:
    """(1 + number of draws at least as large) / (draws + 1): never below 1 / (draws + 1).

    Args:
        real: the figure, larger meaning more; chosen as it was.
        null: the same figure of every draw, each chosen in the same way.

    Raises:
        ValueError: there are no draws, or a value is NaN.
    """
    values = np.asarray(null, dtype=np.float64)
    if len(values) == 0 or np.isnan(values).any() or np.isnan(real):
        raise ValueError("a p-value needs draws, and neither they nor the real figure may be NaN")
    return float((1 + int((values >= real).sum())) / (len(values) + 1))
