"""Options that several `wardian vectors` commands share, and how they read a vector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from persona_vectors.vector import PersonaVector

PositionName = Literal["response_mean", "prompt_mean", "last_prompt"]
DtypeName = Literal["float32", "bfloat16", "float16", "float64"]

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="Vector files: .safetensors, .gguf or .pt."),
]
Base = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="BASE",
        help="The base that it is of: its size is checked, and a bare file does not say it.",
    ),
]
TraitName = Annotated[
    str | None,
    typer.Option("--trait", metavar="NAME", help="The trait, where the file does not say it."),
]
Position = Annotated[
    PositionName | None, typer.Option("--position", help="Which position, where one is meant.")
]
LastPostNorm = Annotated[
    bool,
    typer.Option(
        "--last-post-norm",
        help="The last direction of a .gguf or dictionary was read after the final norm (repeng).",
    ),
]
Dtype = Annotated[DtypeName, typer.Option("--dtype", help="Number format of the weights.")]
Device = Annotated[str, typer.Option("--device", help="Where the model runs.")]


def checked_adapter(adapter: Path, base: str) -> Path:
    """An adapter folder of a base, as its headers tell it.

    Raises:
        ValueError: It is no adapter folder, or was made for another base.
    """
    from experiments.adapters import adapter_problem

    path = adapter.expanduser()
    if not (path / "adapter_config.json").is_file():
        raise ValueError(
            f"{path} is no adapter folder (adapter_config.json is missing); give a checkpoint, "
            "such as store/train/ID/output/checkpoints/step-00060"
        )
    problem = adapter_problem(path, base)
    if problem:
        raise ValueError(problem)
    return path


def check_file_to_write(option: str, path: Path | None) -> None:
    """Raise where a file cannot be written, before the work that it is for.

    Raises:
        ValueError: It is a folder, or its own folder is not there.
    """
    if path is not None and (path.is_dir() or not path.expanduser().parent.is_dir()):
        raise ValueError(f"{option} {path} cannot be written: name a file in a folder that exists")


def check_folder_to_write(path: Path) -> None:
    """Raise where a folder of results cannot be made, before the work that it is for.

    Raises:
        ValueError: It, or what is to hold it, is a file.
    """
    for place in (path, *path.parents):
        if place.exists() and not place.is_dir():
            raise ValueError(f"--out {path} cannot be made: {place} is a file; name a folder")


def read_vectors(
    paths: Sequence[Path],
    *,
    base: str | None,
    trait: str | None = None,
    position: str | None = None,
    last_post_norm: bool = False,
) -> PersonaVector:
    """One vector from its file or files, checked against a base where that is given.

    Raises:
        ValueError: It cannot be read, does not say what is not given, or is of another base.
    """
    from persona_vectors.base_identity import identity_by_name
    from persona_vectors.converting.formats import read_any

    return read_any(
        [path.expanduser() for path in paths],
        base=identity_by_name(base) if base else None,
        trait=trait,
        position=position,
        last_is_post_norm=last_post_norm,
    )
