"""`wardian vectors show`. It reads arguments and prints; vectors are in `persona_vectors`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from experiments.console import explained, output
from experiments.vector_cli.options import (
    Base,
    Files,
    LastPostNorm,
    Position,
    TraitName,
    check_file_to_write,
    read_vectors,
)


def show(
    files: Files,
    base: Base = None,
    trait: TraitName = None,
    position: Position = None,
    layer: Annotated[
        int | None,
        typer.Option("--layer", min=0, metavar="K", help="Layer of the cosines; else the last."),
    ] = None,
    last_post_norm: LastPostNorm = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the headers there.")
    ] = None,
) -> None:
    """Print where vectors are from, their norms and stability per layer, and their cosines.

    Layer k is the residual stream after k blocks, before the final norm; 0 is the embedding.

    Examples:

      wardian vectors show evil.safetensors

      wardian vectors show evil.safetensors sycophancy.safetensors --layer 20 --base org/name

      wardian vectors show evil_response_avg_diff.pt --base org/name
    """
    from experiments.vector_cli.views import show_cosines, show_vector
    from persona_vectors.vector_file import header_of

    with explained():
        check_file_to_write("--json", json_file)
        found = [
            read_vectors(
                [path],
                base=base,
                trait=trait,
                position=position,
                last_post_norm=last_post_norm,
            )
            for path in files
        ]
        if layer is not None:
            for vector in found:
                vector.select(vector.positions, [layer])
        for path, vector in zip(files, found, strict=True):
            show_vector(output, path, vector, position)
        if len(found) > 1:
            show_cosines(output, found, position, layer)
        if json_file is not None:
            headers = {str(path): header_of(each) for path, each in zip(files, found, strict=True)}
            json_file.write_text(json.dumps(headers, indent=2, sort_keys=True) + "\n", "utf-8")
