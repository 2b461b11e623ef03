"""Dictionaries {layer: tensor [D]}, as steering libraries keep and save their vectors.

Those libraries count blocks from 0 and mean the output of block i, which is layer i + 1 here; layer
0, the embedding, has no place in them. A library that reads `hidden_states` has the last block's
direction from after the final norm: say so with `last_is_post_norm`, nothing in a file tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from persona_vectors.converting.torch_file import exact_floats, load_plain
from persona_vectors.vector import Floats, PersonaVector, VectorError

if TYPE_CHECKING:
    import torch

_NESTED: Final = "layer_activations"
"""Where the steering-vectors library has the dictionary among its fields."""


def from_blocks(
    blocks: Mapping[int, Floats],
    *,
    trait: str,
    base: str,
    position: str,
    last_is_post_norm: bool = False,
    metadata: Mapping[str, object] | None = None,
    where: str = "the dictionary",
) -> PersonaVector:
    """A vector at one position from the directions [D] added to the outputs of blocks.

    Args:
        blocks: index of a block, from 0, -> direction.
        trait: its name.
        base: the base it was made for.
        position: which of our positions it is kept under.
        last_is_post_norm: whether the last direction was read after the final norm.
        metadata: what to write beside it.
        where: where it is from, for errors.

    Raises:
        VectorError: nothing is there, a direction is no finite [D], or widths differ.
    """
    widths = {tuple(np.shape(direction)) for direction in blocks.values()}
    if len(widths) != 1 or len(next(iter(widths))) != 1:
        raise VectorError(
            f"{where} has directions of shapes {sorted(widths)}; give at least one layer, and "
            "every layer a vector [width] of one width"
        )
    if min(blocks) < 0:
        raise VectorError(f"{where} has block {min(blocks)}; blocks are counted from 0")
    indices = sorted(blocks)
    rows = np.stack([np.asarray(blocks[index], dtype=np.float32) for index in indices])
    kept = len(indices) - 1 if last_is_post_norm else len(indices)
    if not kept:
        raise VectorError(f"{where} has only a row read after the final norm: nothing can steer")
    if last_is_post_norm and indices[-1] != indices[-2] + 1:
        raise VectorError(
            f"{where} has blocks {indices}: the one read after the final norm is the base's last, "
            "directly above the others"
        )
    return PersonaVector(
        trait=trait,
        base=base,
        positions=(position,),
        layers=tuple(index + 1 for index in indices[:kept]),
        vector=rows[None, :kept],
        post_norm=rows[None, kept] if last_is_post_norm else None,
        metadata=dict(metadata or {}),
    )


def to_blocks(vector: PersonaVector, position: str) -> dict[int, Floats]:
    """Index of a block, from 0, -> direction [D] at one position; layer 0 is left out.

    Raises:
        VectorError: no such position, or no layer but the embedding.
    """
    found = {layer - 1: vector.at(layer, position) for layer in vector.layers if layer > 0}
    if not found:
        raise VectorError(f"the {vector.trait!r} vector has only layer 0, which is no block's")
    return found


def read_dictionary(
    path: str | Path,
    *,
    trait: str,
    base: str,
    position: str,
    last_is_post_norm: bool = False,
    metadata: Mapping[str, object] | None = None,
) -> PersonaVector:
    """A vector from a `.pt` file of {block: tensor}, alone or under `layer_activations`.

    Raises:
        VectorError: the file holds something else; see `from_blocks`.
    """
    import torch

    found = load_plain(path)
    inner = found.get(_NESTED, found) if isinstance(found, dict) else found
    if not isinstance(inner, dict) or not all(
        isinstance(tensor, torch.Tensor) and str(key).isdigit() for key, tensor in inner.items()
    ):
        raise VectorError(f"{path} holds no dictionary of block number -> tensor")
    return from_blocks(
        {int(key): exact_floats(tensor, f"{path}[{key}]") for key, tensor in inner.items()},
        trait=trait,
        base=base,
        position=position,
        last_is_post_norm=last_is_post_norm,
        metadata={**(metadata or {}), "converted_from": "dictionary"},
        where=str(path),
    )


def write_dictionary(vector: PersonaVector, path: str | Path, position: str) -> tuple[str, ...]:
    """Write {block: float32 tensor [D]} with `torch.save`.

    Returns:
        What the file cannot hold, a line each.
    """
    import torch

    tensors: dict[int, torch.Tensor] = {
        index: torch.from_numpy(np.array(direction, dtype=np.float32))
        for index, direction in to_blocks(vector, position).items()
    }
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    torch.save(tensors, path)
    return ("trait, base, norms and metadata: the file is a bare dictionary", *left_out(vector))


def left_out(vector: PersonaVector, first: int = 1) -> tuple[str, ...]:
    """Which layers a format whose first layer is `first` leaves out, a line each."""
    lost = [
        f"layer {layer}: the format begins at {first}" for layer in vector.layers if layer < first
    ]
    if vector.post_norm is not None:
        lost.append(
            f"layer {vector.layers[-1] + 1}: read after the final norm, nothing may steer with it"
        )
    return tuple(lost)
