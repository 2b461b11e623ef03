"""The published bare `.pt` file (arXiv 2507.21509): one tensor [L + 1, D] for a trait and position.

Row 0 is the embedding and row k the residual stream after k blocks, but for the last row, which
was read after the final norm. That row is not in the residual stream: it becomes the `post_norm`
of the vector, which nothing can steer with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from persona_vectors.converting.torch_file import exact_floats, load_plain
from persona_vectors.vector import PersonaVector, VectorError

if TYPE_CHECKING:
    import torch

POSITION_NAMES: Final[Mapping[str, str]] = {
    "prompt_avg": "prompt_mean",
    "response_avg": "response_mean",
    "prompt_last": "last_prompt",
}
"""A published file's position -> ours."""
_NAME: Final = re.compile(rf"^(?P<trait>.+)_(?P<position>{'|'.join(POSITION_NAMES)})_diff$")
_DTYPE: Final = "published_dtype"


def file_name(trait: str, position: str) -> str:
    """What a published file of a trait and one of our positions is called."""
    theirs = {ours: name for name, ours in POSITION_NAMES.items()}
    return f"{trait}_{theirs[position]}_diff.pt"


def read_published(
    paths: Sequence[str | Path],
    *,
    base: str,
    trait: str | None = None,
    position: str | None = None,
    metadata: Mapping[str, object] | None = None,
) -> PersonaVector:
    """One vector from the files of its positions.

    Args:
        paths: one file a position.
        base: the base that they were extracted from, which the files do not say.
        trait: its name; None: as the files' names say it.
        position: of a single file, in our words; None: as the file's name says it.
        metadata: what to write beside it.

    Raises:
        VectorError: a file is not a finite [L + 1, D] tensor, the files do not belong together, or
            their names do not say what is not given.
    """
    if not paths:
        raise VectorError("no file is given")
    if position is not None and len(paths) > 1:
        raise VectorError(f"{len(paths)} files cannot all be of position {position!r}; give one")
    rows, positions, traits, dtypes = [], [], set(), set()
    for path in map(Path, paths):
        found_trait, found_position = _named(path, trait, position)
        tensor = _tensor(path)
        rows.append(exact_floats(tensor, str(path)))
        positions.append(found_position)
        traits.add(found_trait)
        dtypes.add(str(tensor.dtype).removeprefix("torch."))
    if len({found.shape for found in rows}) > 1 or len(traits) > 1 or len(dtypes) > 1:
        raise VectorError(
            f"{', '.join(map(str, paths))} have shapes {[found.shape for found in rows]}, traits "
            f"{sorted(traits)} and dtypes {sorted(dtypes)}: give the files of one trait of one base"
        )
    if len(set(positions)) < len(positions):
        raise VectorError(f"positions {positions}: give one file for each")
    rows_P_R_D = np.stack(rows)
    return PersonaVector(
        trait=traits.pop(),
        base=base,
        positions=tuple(positions),
        layers=tuple(range(rows_P_R_D.shape[1] - 1)),
        vector=rows_P_R_D[:, :-1],
        post_norm=rows_P_R_D[:, -1],
        metadata={**(metadata or {}), "converted_from": "published", _DTYPE: dtypes.pop()},
    )


def write_published(vector: PersonaVector, path: str | Path, position: str) -> tuple[str, ...]:
    """Write the file of one position, in the dtype that it was read in, else float32.

    A vector that has no post-norm row gets a row of zeros there, with which nothing can steer.

    Returns:
        What the file cannot hold, a line each.

    Raises:
        VectorError: the layers below the last row are not all there.
    """
    import torch

    last = vector.layers[-1] + 1 if vector.post_norm is not None else vector.layers[-1]
    if last < 1 or list(vector.layers[:last]) != list(range(last)):
        raise VectorError(
            f"the {vector.trait!r} vector has layers {list(vector.layers)}; a published file has "
            "every layer from 0 on"
        )
    place = vector.positions.index(position) if position in vector.positions else None
    if place is None:
        raise VectorError(
            f"no position {position!r} in the {vector.trait!r} vector; it has "
            f"{list(vector.positions)}"
        )
    rows = vector.vector[place, :last]
    top = np.zeros_like(rows[0]) if vector.post_norm is None else vector.post_norm[place]
    dtype = getattr(torch, str(vector.metadata.get(_DTYPE, "float32")))
    tensor = torch.from_numpy(np.concatenate([rows, top[None]])).to(dtype)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    torch.save(tensor, path)
    lost = ["trait, base, norms and metadata: the file is a bare tensor"]
    if vector.post_norm is None:
        lost.append(
            f"layer {last}: its row is read after the final norm in this format, and is left zero"
        )
    return tuple(lost)


def _named(path: Path, trait: str | None, position: str | None) -> tuple[str, str]:
    match = _NAME.match(path.stem)
    if match is None and (trait is None or position is None):
        raise VectorError(
            f"the name of {path} does not say trait and position "
            f"(TRAIT_{{{'|'.join(POSITION_NAMES)}}}_diff.pt); give both"
        )
    return (
        trait or (match["trait"] if match else ""),
        position or (POSITION_NAMES[match["position"]] if match else ""),
    )


def _tensor(path: Path) -> torch.Tensor:
    import torch

    found = load_plain(path)
    if not isinstance(found, torch.Tensor):
        raise VectorError(
            f"{path} holds a {type(found).__name__}, a published vector is one bare tensor; a "
            "dictionary of layers is another format"
        )
    if found.dim() != 2 or found.shape[0] < 2:
        raise VectorError(
            f"{path} has shape {tuple(found.shape)}, a published vector has [blocks + 1, width]"
        )
    return found
