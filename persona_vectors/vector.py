"""What a persona vector is and how it lies on disk: one safetensors file for each trait and base.

Layer k is the residual stream after k blocks, before the final norm; k = 0 is the embedding, k = L
the last block. Vectors are raw (not normalised), in the units of the residual stream.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

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
_FORMAT: Final = "persona-vector-1"
_HEADER: Final = "persona_vector"
_DIRECTION: Final = "direction."
_NORM: Final = "residual_norm."


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
        directions: further named directions [P, K, D], such as "random-000" and "permuted-000".
        metadata: thresholds, yields and whatever else should travel along; plain JSON values.
    """

    trait: str
    base: str
    positions: tuple[str, ...]
    layers: tuple[int, ...]
    vector: Floats
    residual_norm: Mapping[str, Floats] = field(default_factory=dict)
    split_half_cosine: Floats | None = None
    directions: Mapping[str, Floats] = field(default_factory=dict)
    metadata: Mapping[str, object] = field(default_factory=dict)

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
        for name, direction in self.directions.items():
            if direction.shape != self.vector.shape:
                raise VectorError(
                    f"direction {name!r} has shape {direction.shape}, the vector has "
                    f"{self.vector.shape}"
                )
        for name, norm in self.residual_norm.items():
            if norm.shape != shape[1:]:
                raise VectorError(f"residual norm {name!r} has shape {norm.shape}, not {shape[1:]}")
        if not np.isfinite(self.vector).all():
            raise VectorError(
                f"vector of {self.trait!r} holds NaN or infinite values: extract it again"
            )

    @property
    def width(self) -> int:
        """D, the width of the residual stream."""
        return int(self.vector.shape[-1])

    def at(self, position: str, layer: int, direction: str = VECTOR) -> Floats:
        """The raw direction [D] at one position and layer.

        Args:
            position: one of `positions`.
            layer: one of `layers`.
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
            raise VectorError(f"the {self.trait!r} file holds no {kind!r} directions")
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

    def save(self, path: str | Path) -> None:
        """Write the file in one step, never half of it. Equal vectors give equal bytes."""
        tensors = {_DIRECTION + VECTOR: self.vector}
        tensors |= {_DIRECTION + name: array for name, array in self.directions.items()}
        tensors |= {_NORM + name: array for name, array in self.residual_norm.items()}
        if self.split_half_cosine is not None:
            tensors["split_half_cosine"] = self.split_half_cosine
        header = {
            "format": _FORMAT,
            "trait": self.trait,
            "base": self.base,
            "positions": list(self.positions),
            "layers": list(self.layers),
            "layer_convention": "residual stream after k blocks, before the final norm; 0 is the "
            "embedding",
            "metadata": dict(self.metadata),
        }
        arrays = {
            key: np.ascontiguousarray(array, dtype=np.float32) for key, array in tensors.items()
        }
        content = save(arrays, {_HEADER: json.dumps(header, sort_keys=True)})
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
        partial.write_bytes(content)
        partial.replace(target)

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
        if not Path(path).is_file():
            raise VectorError(f"no vector file at {path}; extract it first")
        try:
            with safe_open(str(path), framework="numpy") as file:
                header = json.loads((file.metadata() or {})[_HEADER])
                tensors = {
                    key: file.get_tensor(key)
                    for key in file.keys()  # noqa: SIM118
                    if _wanted(key, directions)
                }
            if header["format"] != _FORMAT:
                raise VectorError(f"{path} has format {header['format']!r}, not {_FORMAT!r}")
            found = cls(
                trait=header["trait"],
                base=header["base"],
                positions=tuple(header["positions"]),
                layers=tuple(header["layers"]),
                vector=tensors[_DIRECTION + VECTOR],
                residual_norm=_named(tensors, _NORM),
                split_half_cosine=tensors.get("split_half_cosine"),
                directions={k: v for k, v in _named(tensors, _DIRECTION).items() if k != VECTOR},
                metadata=header["metadata"],
            )
        except (SafetensorError, KeyError, TypeError, json.JSONDecodeError, OSError) as error:
            raise VectorError(
                f"{path} is not a readable vector file ({type(error).__name__}: {error}); remove "
                "it and extract again"
            ) from error
        found._check(path, base, width, number_of_layers, directions)
        return found

    def _check(
        self,
        path: str | Path,
        base: str | None,
        width: int | None,
        number_of_layers: int | None,
        directions: Sequence[str] | None,
    ) -> None:
        if base is not None and base != self.base:
            raise VectorError(
                f"{path} was extracted from {self.base!r}, not from {base!r}: extract it from this "
                "base"
            )
        if width is not None and width != self.width:
            raise VectorError(f"{path} has width {self.width}, the model has {width}")
        if number_of_layers is not None and max(self.layers) > number_of_layers:
            raise VectorError(
                f"{path} has layer {max(self.layers)}, the model has layers 0..{number_of_layers}"
            )
        for name in directions or ():
            self.everywhere(name)

    def _position(self, position: str) -> int:
        if position not in self.positions:
            raise VectorError(
                f"no position {position!r} in the {self.trait!r} vector; it has "
                f"{list(self.positions)}"
            )
        return self.positions.index(position)

    def _layer(self, layer: int) -> int:
        if layer not in self.layers:
            raise VectorError(
                f"no layer {layer} in the {self.trait!r} vector; it has {list(self.layers)}"
            )
        return self.layers.index(layer)


def _wanted(key: str, directions: Sequence[str] | None) -> bool:
    """Whether a tensor is to be read: null directions are many, and most readers need one."""
    name = key.removeprefix(_DIRECTION)
    return directions is None or name in (key, VECTOR, *directions)


def _named(tensors: Mapping[str, Floats], prefix: str) -> dict[str, Floats]:
    return {
        key.removeprefix(prefix): array
        for key, array in sorted(tensors.items())
        if key.startswith(prefix)
    }
