"""What a persona vector is: the direction of one trait in one base, per position and layer.

Layer k is the residual stream after k blocks, before the final norm; k = 0 is the embedding, k = L
the last block. Vectors are raw (not normalised), in the units of the residual stream. The file is
that of `vector_file`; other formats are those of `converting`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

POSITIONS: Final = ("response_mean", "prompt_mean", "last_prompt")
NORM_OF_POSITION: Final[Mapping[str, str]] = {
    "response_mean": "response",
    "prompt_mean": "prompt",
    "last_prompt": "last_prompt",
}
"""Which residual norm belongs to which position."""
VECTOR: Final = "vector"
"""The name of the persona vector itself among the directions of a file."""


class VectorError(ValueError):
    """A vector file is corrupt, or does not hold, or does not fit, what it is asked for."""


def direction_name(kind: str, draw: int = 0) -> str:
    """A direction's name in a file: "vector", or the kind of null and its draw ("random-007")."""
    return VECTOR if kind == VECTOR else f"{kind}-{draw:03d}"


@dataclass(frozen=True)
class PersonaVector:
    """The direction of one trait in one base, with the null directions drawn beside it.

    Attributes:
        trait: its name.
        base: name or folder of the base model it was extracted from.
        positions: the P positions, a subset of `POSITIONS`.
        layers: the K layer numbers, increasing.
        vector: [P, K, D] raw difference of means.
        residual_norm: for "response", "prompt" and "last_prompt" the median L2 norm [K] of a
            token's residual in the base's neutral answers; "response" is R of the steering unit
            `norm`.
        split_half_cosine: [P, K] mean cosine between vectors of two halves of the questions; NaN
            where unknown.
        cosine_interval: [2, P, K] 2.5% and 97.5% quantile of the cosine with vectors of bootstrap
            resamples of the questions; NaN where unknown.
        directions: further named directions [P, K, D], such as "random-000" and "permuted-000".
        post_norm: [P, D] what a file of another format has at the layer after `layers`, read after
            the final norm. It is not in the residual stream, so nothing steers or projects with
            it; it is kept so that the file can be written again as it was.
        metadata: thresholds, yields and whatever else should travel along; plain JSON values.
    """

    trait: str
    base: str
    positions: tuple[str, ...]
    layers: tuple[int, ...]
    vector: Floats
    residual_norm: Mapping[str, Floats] = field(default_factory=dict)
    split_half_cosine: Floats | None = None
    cosine_interval: Floats | None = None
    directions: Mapping[str, Floats] = field(default_factory=dict)
    metadata: Mapping[str, object] = field(default_factory=dict)
    post_norm: Floats | None = None

    def __post_init__(self) -> None:
        shape = (len(self.positions), len(self.layers))
        if self.vector.ndim != 3 or self.vector.shape[:2] != shape:
            raise VectorError(
                f"vector of {self.trait!r} has shape {self.vector.shape}; {shape[0]} positions and "
                f"{shape[1]} layers "
                f"need ({shape[0]}, {shape[1]}, width)"
            )
        unknown = [name for name in self.positions if name not in POSITIONS]
        if unknown:
            raise VectorError(f"unknown positions {unknown}; allowed are {list(POSITIONS)}")
        if not self.layers or list(self.layers) != sorted(set(self.layers)) or self.layers[0] < 0:
            raise VectorError(f"layers {list(self.layers)}: give increasing numbers from 0")
        for name, direction in self.directions.items():
            if direction.shape != self.vector.shape:
                raise VectorError(
                    f"direction {name!r} has shape {direction.shape}, the vector has "
                    f"{self.vector.shape}"
                )
        for name, norm in self.residual_norm.items():
            if norm.shape != shape[1:]:
                raise VectorError(f"residual norm {name!r} has shape {norm.shape}, not {shape[1:]}")
        width = self.vector.shape[-1]
        if self.post_norm is not None and self.post_norm.shape != (shape[0], width):
            raise VectorError(
                f"post-norm row has shape {self.post_norm.shape}, not {(shape[0], width)}"
            )
        for array in (self.vector, self.post_norm):
            if array is not None and not np.isfinite(array).all():
                raise VectorError(
                    f"vector of {self.trait!r} holds NaN or infinite values: extract it again"
                )

    def __repr__(self) -> str:
        layers = f"{self.layers[0]}..{self.layers[-1]}"
        positions = ", ".join(self.positions)
        return (
            f"PersonaVector({self.trait!r} of {self.base!r}: {positions} at layers {layers}, "
            f"width {self.width})"
        )

    @property
    def width(self) -> int:
        """D, the width of the residual stream."""
        return int(self.vector.shape[-1])

    def at(self, layer: int, position: str = "response_mean", direction: str = VECTOR) -> Floats:
        """The raw direction [D] at one layer and position.

        Args:
            layer: one of `layers`.
            position: one of `positions`.
            direction: "vector", or the name of one of `directions`.

        Raises:
            VectorError: names what is missing and what there is.
        """
        found: Floats = self.everywhere(direction)[self._position(position), self._layer(layer)]
        return found

    def everywhere(self, direction: str = VECTOR) -> Floats:
        """One direction at all positions and layers: [P, K, D]."""
        if direction == VECTOR:
            return self.vector
        if direction not in self.directions:
            names = [VECTOR, *self.directions]
            shown = ", ".join(names[:4]) + (f" ... ({len(names)} in all)" if len(names) > 4 else "")
            raise VectorError(
                f"no direction {direction!r} in the {self.trait!r} file; it has {shown}"
            )
        return self.directions[direction]

    def draws(self, kind: str) -> Floats:
        """All null directions of one kind in order of their draw: [draws, P, K, D]."""
        names = sorted(name for name in self.directions if name.rpartition("-")[0] == kind)
        if not names:
            kinds = sorted({name.rpartition("-")[0] for name in self.directions})
            raise VectorError(
                f"the {self.trait!r} file holds no {kind!r} directions; it has "
                f"{', '.join(kinds) or 'none'}: extract it with permuted draws, or draw others"
            )
        return np.stack([self.directions[name] for name in names])

    def norms(self) -> Floats:
        """L2 norm of the vector: [P, K]."""
        norms: Floats = np.linalg.norm(self.vector, axis=-1)
        return norms

    def residual_norm_at(self, layer: int, position: str = "response_mean") -> float:
        """Median L2 norm of a token at one layer; by default R of the steering unit `norm`."""
        name = NORM_OF_POSITION[position]
        if name not in self.residual_norm:
            raise VectorError(
                f"the {self.trait!r} file holds no residual norm {name!r}, which the unit 'norm' "
                "needs; "
                "extract it again with neutral answers, or steer in the unit 'raw'"
            )
        return float(self.residual_norm[name][self._layer(layer)])

    def with_directions(self, directions: Mapping[str, Floats]) -> PersonaVector:
        """The same vector with more named directions [P, K, D] beside it."""
        return replace(self, directions={**self.directions, **directions})

    def with_draws(self, kind: str, draws: Floats) -> PersonaVector:
        """The same vector with null directions [draws, P, K, D] of one kind beside it."""
        return self.with_directions({direction_name(kind, i): draw for i, draw in enumerate(draws)})

    def select(self, positions: Sequence[str], layers: Sequence[int]) -> PersonaVector:
        """The same vector at some positions and layers only.

        Raises:
            VectorError: one of them is not there.
        """
        places = np.ix_(
            [self._position(name) for name in positions], [self._layer(layer) for layer in layers]
        )
        halves, interval, post_norm = (self.split_half_cosine, self.cosine_interval, self.post_norm)
        last = self.layers[-1] in layers
        return replace(
            self,
            positions=tuple(positions),
            layers=tuple(layers),
            vector=self.vector[places],
            residual_norm={k: norm[places[1][0]] for k, norm in self.residual_norm.items()},
            split_half_cosine=None if halves is None else halves[places],
            cosine_interval=None if interval is None else interval[:, places[0], places[1]],
            directions={name: found[places] for name, found in self.directions.items()},
            post_norm=post_norm[places[0][:, 0]] if post_norm is not None and last else None,
        )

    def __add__(self, other: PersonaVector) -> PersonaVector:
        """The sum at every place; see `arithmetic.combined`."""
        from persona_vectors.arithmetic import combined

        return combined(self, other, 1.0) if isinstance(other, PersonaVector) else NotImplemented

    def __sub__(self, other: PersonaVector) -> PersonaVector:
        """The difference at every place; see `arithmetic.combined`."""
        from persona_vectors.arithmetic import combined

        return combined(self, other, -1.0) if isinstance(other, PersonaVector) else NotImplemented

    def __mul__(self, factor: float) -> PersonaVector:
        """The vector and its nulls times a number."""
        from persona_vectors.arithmetic import scaled

        return scaled(self, factor)

    __rmul__ = __mul__

    def __neg__(self) -> PersonaVector:
        return self * -1.0

    def orthogonalise(self, *others: PersonaVector) -> PersonaVector:
        """What is left when the others' span is taken out; see `arithmetic.orthogonalised`."""
        from persona_vectors.arithmetic import orthogonalised

        return orthogonalised(self, others)

    def cosine(self, other: PersonaVector) -> NDArray[np.float64]:
        """Cosine with another vector of the base at every place: [P, K], NaN where one is zero."""
        from persona_vectors.arithmetic import cosines

        return cosines(self, other)

    def save(self, path: str | Path) -> None:
        """Write the file in one step, never half of it. Equal vectors give equal bytes."""
        from persona_vectors.vector_file import write_vector

        write_vector(self, path)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        base: str | None = None,
        width: int | None = None,
        number_of_layers: int | None = None,
        directions: Sequence[str] | None = None,
    ) -> PersonaVector:
        """Read a file and check that it fits.

        Args:
            path: the file.
            base: the base it will be used with; another one is an error.
            width: D of that base.
            number_of_layers: L of that base; a layer above it is an error.
            directions: names of the further directions to read; None reads all.

        Raises:
            VectorError: the file is absent or corrupt, was made for another base or another width,
                or lacks a direction.
        """
        from persona_vectors.vector_file import read_vector

        found = read_vector(path, directions)
        found.check(path, base, width, number_of_layers)
        for name in directions or ():
            found.everywhere(name)
        return found

    def check(
        self,
        where: str | Path,
        base: str | None = None,
        width: int | None = None,
        number_of_layers: int | None = None,
    ) -> None:
        """Raise `VectorError` where the vector, which is from `where`, does not fit a base."""
        if base is not None and base != self.base:
            raise VectorError(
                f"{where} was extracted from {self.base!r}, not from {base!r}: extract it from "
                "this base"
            )
        if width is not None and width != self.width:
            raise VectorError(f"{where} has width {self.width}, the model has {width}")
        if number_of_layers is not None and max(self.layers) > number_of_layers:
            raise VectorError(
                f"{where} has layer {max(self.layers)}, the model has layers 0..{number_of_layers}"
            )

    def _position(self, position: str) -> int:
        if position not in self.positions:
            raise VectorError(
                f"no position {position!r} in the {self.trait!r} vector; it has "
                f"{list(self.positions)}"
            )
        return self.positions.index(position)

    def _layer(self, layer: int) -> int:
        if self.post_norm is not None and layer == self.layers[-1] + 1:
            raise VectorError(
                f"layer {layer} of the {self.trait!r} vector was read after the final norm: it is "
                "not in the residual stream, so it cannot steer and nothing is projected on it; "
                f"use layers {self.layers[0]}..{self.layers[-1]}"
            )
        if layer not in self.layers:
            raise VectorError(
                f"no layer {layer} in the {self.trait!r} vector; it has {list(self.layers)}"
            )
        return self.layers.index(layer)
