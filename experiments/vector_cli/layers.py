"""`wardian vectors layers`. It reads arguments and prints; the work is in
`persona_vectors.layer_choice`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.console import explained, output
from experiments.vector_cli.options import Device, Dtype, Position, check_folder_to_write
from experiments.vector_cli.studying import (
    DEFAULT_TOKENS,
    Judge,
    MaxTokens,
    edition_and_judge,
    strengths_of,
)
from organisms.runtime.steering_terms import Scope

if TYPE_CHECKING:
    import pandas as pd


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
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write layers.parquet, .svg and .png there."),
    ] = None,
    position: Position = None,
    steer: Annotated[
        bool,
        typer.Option("--steer", help="Steer the base at every layer too, on dev questions."),
    ] = False,
    coefficients: Annotated[
        str, typer.Option("--coefficients", metavar="C,C", help="One or two residual norms.")
    ] = "0.25,0.5",
    scope: Annotated[Scope, typer.Option("--scope", help="Tokens that are steered.")] = "response",
    samples: Annotated[
        int, typer.Option("--samples", min=1, metavar="N", help="Answers a question and layer.")
    ] = 2,
    judge: Judge = None,
    max_tokens: MaxTokens = None,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="S", help="Of sampling.")] = 0,
    dtype: Dtype = "float32",
    device: Device = "cpu",
) -> None:
    """Tell how well each layer separates, steers and stays the same, and which one to use.

    Answers of the split dev are read where the table has splits; else all of it counts as held out,
    so give answers that no vector was extracted from. With --steer the base answers open dev
    questions with each layer's vector added at the same share of the layer's residual norm. What
    the layer is then used for has to be reported on yet other answers.

    Examples:

      wardian vectors layers answers.parquet --vector evil.safetensors --base pocket

      wardian vectors layers answers.parquet --vector evil.safetensors --base pocket --steer \\
        --scope last_prompt --coefficients 0.5,1 --out layers

      wardian vectors layers dev.csv --vector a.safetensors --vector b.safetensors --base org/name
    """
    from experiments.printing import line
    from experiments.vector_cli import rollouts as reading
    from experiments.vector_cli.options import read_vectors
    from experiments.vector_cli.steered_layers import (
        Steered,
        number_of_answers,
        steered_effects,
    )
    from experiments.vector_cli.views import show_rows

    with explained():
        vectors = [read_vectors([path], base=base) for path in given]
        if position is not None:
            vectors = [vector.select([position], vector.layers) for vector in vectors]
        traits = [vector.trait for vector in vectors]
        if len(set(traits)) < len(traits):
            raise ValueError(f"vectors of {', '.join(traits)}; give one of each trait")
        if out is not None:
            check_folder_to_write(out.expanduser())
        strengths = tuple(sorted(strengths_of(coefficients)))
        if len(strengths) > 2 or min(strengths) <= 0:
            raise ValueError(
                f"coefficients {', '.join(f'{c:g}' for c in strengths)}; give one or two above 0"
            )
        how = None
        if steer:
            if out is None:
                raise ValueError("steered answers are kept: say where with --out DIR")
            edition, chosen = edition_and_judge(base, judge)
            tokens = max_tokens or DEFAULT_TOKENS[edition]
            for vector in vectors:
                for layer in vector.layers:
                    vector.residual_norm_at(layer)
            how = Steered(strengths, scope, samples, edition, chosen, tokens, seed)
        answers = reading.bare_prompts(reading.read_rollouts(files, None, None, traits), base)
        rollouts = reading.rollouts_of(answers, traits, split="dev")
        from evals.engines import shared_engine
        from persona_vectors.layer_choice import choose_layers, layer_table, marked, separability

        separated = separability(shared_engine(base, dtype, device).organism, rollouts, vectors)
        effects = None
        if how is not None and out is not None:
            line(output, "steering", f"{number_of_answers(vectors, how):,} answers, {how.judge}")
            effects = steered_effects(
                base, vectors, how, out.expanduser(), dtype=dtype, device=device
            )
        choices = choose_layers(table := layer_table(separated, vectors, effects))
        for choice in choices:
            here = (table["trait"] == choice.trait) & (table["position"] == choice.position)
            line(output, choice.trait, f"read at {choice.position}")
            show_rows(output, _readable(table[here]))
            line(output, "chosen", f"layer {choice.layer}: {choice.reason}")
            output.print()
        if out is not None:
            from experiments.plots.layers import draw
            from experiments.plots.style import save

            folder = out.expanduser()
            save(draw(table, choices), folder, "layers")
            marked(table, choices).to_parquet(folder / "layers.parquet", index=False)
            line(output, "written", f"{folder / 'layers.parquet'}, layers.svg, layers.png")


def _readable(rows: pd.DataFrame) -> pd.DataFrame:
    """What is chosen by, one row a layer (and coefficient), as a terminal has room for it."""
    from experiments.vector_cli.views import with_interval

    shown = rows[["layer"]].assign(AUC=with_interval(rows, "auc", 1, 2), n=rows["n_rollouts"])
    if "effect" in rows:
        shown["coefficient"] = rows["coefficient"]
        shown["effect, points"] = with_interval(rows, "effect", 100, 0)
        shown["coherence"] = 100 * rows["coherence_change"]
    else:
        shown["norm"] = rows["norm"]
    return shown.assign(stability=rows["split_half_cosine"])
