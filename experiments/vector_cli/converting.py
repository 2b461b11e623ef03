"""`wardian vectors convert`. It reads arguments and prints; the formats are those of
`persona_vectors.converting`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from experiments.console import explained, output
from experiments.vector_cli.options import (
    Base,
    Files,
    LastPostNorm,
    Position,
    TraitName,
    read_vectors,
)

FormatName = Literal["wardian", "published", "gguf", "dictionary"]


def convert(
    files: Files,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help=".safetensors is ours, .gguf a control vector."),
    ],
    to: Annotated[
        FormatName | None,
        typer.Option("--to", help="Else by the suffix of --out; a .pt file is either of two."),
    ] = None,
    base: Base = None,
    trait: TraitName = None,
    position: Position = None,
    last_post_norm: LastPostNorm = False,
    rebase: Annotated[
        bool,
        typer.Option(
            "--rebase", help="Take it for a vector of --base, though extracted elsewhere."
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
) -> None:
    """Bring a vector from one format into another, exactly; say what the other cannot hold.

    `published` is the bare .pt of the persona vectors paper, one file a position: its last row was
    read after the final norm, is kept and never steers. `gguf` is a control vector as llama.cpp
    and repeng read it: directions of blocks from 1 on, which are layers from 2 on. `dictionary` is
    a .pt of block -> tensor, as steering libraries have it. A file that holds code is refused.

    Examples:

      wardian vectors convert evil_response_avg_diff.pt evil_prompt_last_diff.pt \\
        --base org/name --out evil.safetensors

      wardian vectors convert evil.safetensors --position response_mean --out evil.gguf

      wardian vectors convert theirs.gguf --last-post-norm --base org/name --position last_prompt \\
        --trait evil --out evil.safetensors

      wardian vectors convert evil.safetensors --base merged/ --rebase --out evil_merged.safetensors
    """
    from persona_vectors.base_identity import identity_by_name, rebased
    from persona_vectors.converting.formats import SUFFIXES, write_any

    with explained():
        form = to or SUFFIXES.get(out.suffix)
        if form is None:
            raise ValueError(
                f"--out {out} does not say its format; end it in {' or '.join(SUFFIXES)}, or add "
                "--to published or --to dictionary"
            )
        if out.is_dir() or (out.exists() and not force):
            raise ValueError(f"--out {out} exists; name another file, or add --force")
        if rebase and base is None:
            raise ValueError("--rebase needs --base: the base that the vector is taken over to")
        found = read_vectors(
            files,
            base=None if rebase else base,
            trait=trait,
            position=position,
            last_post_norm=last_post_norm,
        )
        if rebase and base is not None:
            found = rebased(found, identity_by_name(base))
        lost = write_any(found, out.expanduser(), form, position)
        said = f"written to {out}: {found.trait} of {found.base}, {len(found.layers)} layers"
        output.print(said, highlight=False, markup=False, soft_wrap=True)
        for line in lost:
            output.print(f"not in it: {line}", highlight=False, markup=False, soft_wrap=True)
