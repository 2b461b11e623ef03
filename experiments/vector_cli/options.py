"""Options that several `wardian vectors` commands share, and how they read a vector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from persona_vectors.vector import PersonaVector

PositionName = Literal["response_mean", "prompt_mean", "last_prompt"]

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
