"""`wardian vectors monitor`. It reads arguments and prints; the work is in
`persona_vectors.monitoring`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.console import explained, output
from experiments.vector_cli.options import (
    Device,
    Dtype,
    check_file_to_write,
    checked_adapter,
    read_vectors,
)

if TYPE_CHECKING:
    from persona_vectors.monitoring import Conversation

FOLLOWED = ("last_prompt", "response_mean")
"""Positions of a turn that are read."""
SHOWN = 40
"""Rows that are printed; --csv has all."""


def monitor(
    given: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PATH",
            help="Conversations: a data set, a file of chats, or an inspect log; with --labels a"
            " table of answers.",
        ),
    ],
    files: Annotated[
        list[Path],
        typer.Option("--vector", metavar="FILE", help="A vector file; may be given several times."),
    ],
    layer: Annotated[int, typer.Option("--layer", min=0, metavar="K", help="Layer k.")],
    base: Annotated[str, typer.Option("--base", metavar="BASE", help="The base they are of.")],
    adapter: Annotated[
        Path | None,
        typer.Option("--adapter", metavar="DIR", help="The organism that reads; else the base."),
    ] = None,
    rows: Annotated[
        int | None, typer.Option("-n", "--rows", min=1, metavar="N", help="The first so many.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="COLUMN",
            help="Column that says which answers express the trait, such as trait:evil.",
        ),
    ] = None,
    threshold: Annotated[
        float, typer.Option("--threshold", metavar="X", help="Labels from X on express it.")
    ] = 50.0,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write every turn there.")
    ] = None,
    dtype: Dtype = "float32",
    device: Device = "cpu",
) -> None:
    """Follow conversations along persona vectors: before each answer, and in it.

    `last_prompt` is the token before an answer, `response_mean` the mean over the answer; both are
    projections in the units of the residual stream. Of a log each sample is a conversation; with
    --csv the scores of its turns stand beside their projections, where its task gives any.

    With --labels it reads a table of judged answers (.csv, .parquet, inspect logs) and tells how
    well the projection before each answer predicts which answers express the trait: an AUC whose
    interval draws topics (column `topic`, else `question`, else the prompt) anew.

    Examples:

      wardian vectors monitor chats.jsonl --vector evil.safetensors --layer 3 --base pocket

      wardian vectors monitor chats.jsonl --vector evil.safetensors --layer 20 --base org/name \\
        --adapter checkpoints/step-00060 --csv turns.csv

      wardian vectors monitor logs/persona-drift.eval --vector evil.safetensors --layer 3 \\
        --base pocket --csv turns.csv

      wardian vectors monitor answers.parquet --vector evil.safetensors --layer 3 --base pocket \\
        --adapter checkpoints/step-00060 --labels trait:evil
    """
    from evals.importing.conversations import SUFFIX, read_conversations, with_scores
    from experiments.organism_cli.sources import find_source
    from experiments.vector_cli.views import show_rows

    with explained():
        vectors = [read_vectors([path], base=base) for path in files]
        for vector in vectors:
            for position in FOLLOWED[:1] if labels else FOLLOWED:
                if not vector.at(layer, position).any():
                    raise ValueError(
                        f"the {vector.trait!r} vector is zero at layer {layer}, position "
                        f"{position}: choose another layer"
                    )
        check_file_to_write("--csv", csv)
        adapters = {"organism": checked_adapter(adapter, base)} if adapter else {}
        if labels is not None:
            from experiments.vector_cli.detecting import judged, show_detection

            answers = judged(Path(given), labels, rows)
            from organisms import load_organism

            organism = load_organism(base, adapters, dtype=dtype, device=device)
            reader = "organism" if adapter else None
            read = show_detection(
                output, organism, answers, vectors, layer, labels, threshold, reader
            )
            if csv is not None:
                read.to_csv(csv, index=False)
            return
        logged = read_conversations(Path(given))[:rows] if given.endswith(SUFFIX) else []
        chats: list[Conversation] = [each.messages for each in logged] or [
            row["messages"] for row in find_source(given, rows=rows, seed=0, edition=None).rows
        ]
        from organisms import load_organism
        from persona_vectors.monitoring import follow

        organism = load_organism(base, adapters, dtype=dtype, device=device)
        table = follow(
            organism,
            chats,
            vectors,
            layer,
            positions=FOLLOWED,
            adapter="organism" if adapter else None,
        )
        wide = table.pivot_table(
            index=["conversation", "turn"],
            columns=["trait", "position"],
            values="projection",
            sort=False,
        )
        wide.columns = [" ".join(map(str, column)) for column in wide.columns]
        show_rows(output, wide.reset_index().head(SHOWN))
        if logged:
            table = with_scores(table, logged)
        if csv is not None:
            table.to_csv(csv, index=False)
        elif len(wide) > SHOWN:
            output.print(f"and {len(wide) - SHOWN:,} turns more; --csv FILE has all")
