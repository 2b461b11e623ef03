"""How a persona vector lies on disk: one safetensors file for each trait and base.

The header tells, without reading a tensor, where the vector is from, which layers and positions it
has and how long it is there. Equal vectors give equal bytes; a file is whole or absent.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from persona_vectors.vector import VECTOR, Floats, PersonaVector, VectorError

LAYER_CONVENTION: Final = (
    "residual stream after k blocks, before the final norm; 0 is the embedding"
)
_FORMAT: Final = "persona-vector-1"
_HEADER: Final = "persona_vector"
_DIRECTION: Final = "direction."
_NORM: Final = "residual_norm."
_SPLIT_HALF: Final = "split_half_cosine"
_INTERVAL: Final = "cosine_interval"
_POST_NORM: Final = "post_norm"


def write_vector(vector: PersonaVector, path: str | Path) -> None:
    """Write the file in one step, never half of it."""
    tensors = {_DIRECTION + VECTOR: vector.vector}
    tensors |= {_DIRECTION + name: array for name, array in vector.directions.items()}
    tensors |= {_NORM + name: array for name, array in vector.residual_norm.items()}
    for name, array in (
        (_SPLIT_HALF, vector.split_half_cosine),
        (_INTERVAL, vector.cosine_interval),
        (_POST_NORM, vector.post_norm),
    ):
        if array is not None:
            tensors[name] = array
    arrays = {key: np.ascontiguousarray(array, dtype=np.float32) for key, array in tensors.items()}
    content = save(arrays, {_HEADER: json.dumps(header_of(vector), sort_keys=True)})
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    partial.write_bytes(content)
    partial.replace(target)


def header_of(vector: PersonaVector) -> dict[str, object]:
    """What the file says of itself: plain JSON values."""
    norms = vector.norms()
    return {
        "format": _FORMAT,
        "trait": vector.trait,
        "base": vector.base,
        "positions": list(vector.positions),
        "layers": list(vector.layers),
        "layer_convention": LAYER_CONVENTION,
        "norms": {
            position: [float(norm) for norm in norms[p]]
            for p, position in enumerate(vector.positions)
        },
        "metadata": dict(vector.metadata),
    }


def read_vector(path: str | Path, directions: Sequence[str] | None = None) -> PersonaVector:
    """Read a file.

    Args:
        path: the file.
        directions: names of the further directions to read; None reads all.

    Raises:
        VectorError: the file is absent, corrupt or of another format.
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
        return PersonaVector(
            trait=header["trait"],
            base=header["base"],
            positions=tuple(header["positions"]),
            layers=tuple(header["layers"]),
            vector=tensors[_DIRECTION + VECTOR],
            residual_norm=_named(tensors, _NORM),
            split_half_cosine=tensors.get(_SPLIT_HALF),
            cosine_interval=tensors.get(_INTERVAL),
            post_norm=tensors.get(_POST_NORM),
            directions={k: v for k, v in _named(tensors, _DIRECTION).items() if k != VECTOR},
            metadata=header["metadata"],
        )
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError, OSError) as error:
        raise VectorError(
            f"{path} is not a readable vector file ({type(error).__name__}: {error}); remove "
            "it and extract again, or bring another format in with: wardian vectors convert"
        ) from error


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
