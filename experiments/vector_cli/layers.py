"""`wardian vectors layers`. It reads arguments and prints; the work is in
`persona_vectors.layer_choice`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.console import explained, output


def layers(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Judged answers: .csv, .parquet, .eval, folder."),
    ],
    given: Annotated[
        list[Path],
        typer.Option("--vector", metavar="FILE", help="A vector file; may be given several times."),
    ],
    base: Annotated[str, typer.Option("--base", metavar="BASE", help="The base they are of.")],
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the table there.")
    ] = None,
    dtype: Annotated[
        str, typer.Option("--dtype", help="Number format of the weights.")
    ] = "float32",
    device: Annotated[str, typer.Option("--device", help="Where the model runs.")] = "cpu",
) -> None:
    """Tell at which layer vectors separate held-out answers, and how stable they are there.

    Answers of the split dev are read where the table has splits; else all of it counts as held out,
    so give answers that no vector was extracted from. The layer of the largest AUC is named; what
    it is then used for has to be reported on yet other answers.

    Examples:

      wardian vectors layers answers.parquet --vector evil.safetensors --base pocket

      wardian vectors layers dev.csv --vector a.safetensors --vector b.safetensors --base org/name
    """
    from experiments.printing import line
    from experiments.vector_cli import rollouts as reading
    from experiments.vector_cli.options import read_vectors
    from experiments.vector_cli.views import show_rows

    with explained():
        vectors = [read_vectors([path], base=base) for path in given]
        traits = [vector.trait for vector in vectors]
        if len(set(traits)) < len(traits):
            raise ValueError(f"vectors of {', '.join(traits)}; give one of each trait")
        table = reading.bare_prompts(reading.read_rollouts(files, None, None, traits), base)
        rollouts = reading.rollouts_of(table, traits, split="dev")
        from organisms import load_organism
        from persona_vectors.extraction import vector_rows
        from persona_vectors.layer_choice import best_layers, separability

        organism = load_organism(base, dtype=dtype, device=device)
        found = separability(organism, rollouts, vectors)
        for vector in vectors:
            here = found[found["trait"] == vector.trait].merge(
                vector_rows(vector)[["position", "layer", "norm", "split_half_cosine"]]
            )
            line(output, "trait", vector.trait)
            show_rows(output, here.drop(columns="trait"))
            for position, layer in best_layers(here)[vector.trait].items():
                line(output, "largest AUC", f"{position}: layer {layer}")
            output.print()
        if csv is not None:
            found.to_csv(csv, index=False)
