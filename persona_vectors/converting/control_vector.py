"""GGUF control vectors, as llama.cpp loads them and repeng writes them.

Tensor `direction.i` is added to the output of block i, counted from 0: that is layer i + 1 here.
llama.cpp refuses direction.0, so layers 0 and 1 cannot be told to it. Sources: llama.cpp,
`common_control_vector_load_one` (float32, one dimension, one width) and `llama_adapter_cvec`;
repeng, `ControlVector.export_gguf` (architecture `controlvector`, `model_hint`, `layer_count`).
repeng reads transformers' hidden states, whose last is after the final norm: read its files with
`last_is_post_norm`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from persona_vectors.converting.gguf_container import Floats, Gguf, GgufError, read_gguf, write_gguf
from persona_vectors.converting.layer_dictionary import from_blocks, left_out, to_blocks
from persona_vectors.vector import PersonaVector, VectorError

ARCHITECTURE: Final = "controlvector"
FIRST_LAYER: Final = 2
"""The lowest layer that a control vector can hold: the output of block 1."""
_OURS: Final = "wardian.vector"
"""Key of what the format has no place for: trait, base, position and metadata, as JSON."""
_DIRECTION: Final = re.compile(r"direction\.(\d+)")


def read_control_vector(
    path: str | Path,
    *,
    trait: str | None = None,
    base: str | None = None,
    position: str | None = None,
    last_is_post_norm: bool = False,
    metadata: Mapping[str, object] | None = None,
) -> PersonaVector:
    """A vector from a GGUF file.

    Args:
        path: the file.
        trait: its name; None: as a file that was written here says it, else the file's name.
        base: the base that it is for, where the file was not written here and does not say it.
        position: one of our positions; None: as a file that was written here says it.
        last_is_post_norm: whether the last direction was read after the final norm.
        metadata: what to write beside it.

    Raises:
        VectorError: no readable control vector, or base or position are not said.
    """
    try:
        found = read_gguf(path)
    except GgufError as error:
        raise VectorError(str(error)) from error
    said = _said(found)
    known = {
        "trait": trait or said.get("trait") or Path(path).stem,
        "base": said.get("base") or base,
        "position": position or said.get("position"),
    }
    missing = [name for name, value in known.items() if not value]
    if missing:
        raise VectorError(f"{path} does not say its {' and '.join(missing)}; give it")
    own = said.get("metadata")
    return from_blocks(
        _blocks(found, path),
        trait=str(known["trait"]),
        base=str(known["base"]),
        position=str(known["position"]),
        last_is_post_norm=last_is_post_norm,
        metadata={
            **(metadata or {}),
            **(own if isinstance(own, dict) else {}),
            "converted_from": "gguf",
            "model_hint": found.values.get(f"{ARCHITECTURE}.model_hint", ""),
        },
        where=str(path),
    )


def write_control_vector(vector: PersonaVector, path: str | Path, position: str) -> tuple[str, ...]:
    """Write the directions of one position, from layer 2 on.

    Returns:
        What the file cannot hold, a line each.

    Raises:
        VectorError: no such position, or no layer from 2 on.
    """
    blocks = {
        index: direction
        for index, direction in to_blocks(vector, position).items()
        if index + 1 >= FIRST_LAYER
    }
    if not blocks:
        raise VectorError(
            f"the {vector.trait!r} vector has layers {list(vector.layers)}; a control vector holds "
            f"layers from {FIRST_LAYER} on"
        )
    said = {
        "trait": vector.trait,
        "base": vector.base,
        "position": position,
        "metadata": dict(vector.metadata),
    }
    hint = vector.metadata.get("model_hint") or vector.metadata.get("base_model_type")
    write_gguf(
        path,
        {
            "general.architecture": ARCHITECTURE,
            f"{ARCHITECTURE}.model_hint": str(hint or vector.base),
            f"{ARCHITECTURE}.layer_count": len(blocks),
            _OURS: json.dumps(said, sort_keys=True),
        },
        {f"direction.{index}": direction for index, direction in blocks.items()},
    )
    return left_out(vector, FIRST_LAYER)


def _blocks(found: Gguf, path: str | Path) -> dict[int, Floats]:
    architecture = found.values.get("general.architecture")
    if architecture != ARCHITECTURE:
        raise VectorError(f"{path} is a GGUF file of {architecture!r}, not of {ARCHITECTURE!r}")
    blocks: dict[int, Floats] = {}
    for name, direction in found.tensors.items():
        match = _DIRECTION.fullmatch(name)
        if match is None or int(match[1]) == 0:
            raise VectorError(
                f"{path} has a tensor {name!r}; those of a control vector are direction.1, "
                "direction.2, ..."
            )
        blocks[int(match[1])] = direction
    return blocks


def _said(found: Gguf) -> dict[str, object]:
    """What a file that was written here says of its vector; nothing for other files."""
    try:
        said = json.loads(str(found.values.get(_OURS, "{}")))
    except json.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}
