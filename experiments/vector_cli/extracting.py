"""`wardian vectors extract`. It reads arguments and prints; the work is in
`persona_vectors.extraction`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from experiments.console import explained, output
from experiments.vector_cli.options import Device, Dtype, check_folder_to_write

MethodName = Literal[
    "difference_of_means", "logistic_probe", "pca_of_differences", "whitened_mass_mean"
]
FilterName = Literal["independent", "paired"]
WeightingName = Literal["question", "pooled"]
RefusalsName = Literal["keep", "drop"]


def extract(
    base: Annotated[
        str, typer.Option("--base", metavar="BASE", help="The base that wrote the answers.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="DIR/TRAIT.safetensors are written.")
    ],
    traits: Annotated[
        list[str], typer.Option("--trait", metavar="NAME", help="May be given several times.")
    ],
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Judged answers: .csv, .parquet, .eval, folder."),
    ] = None,
    positive: Annotated[
        Path | None, typer.Option("--positive", metavar="FILE", help="Answers of one sign, and")
    ] = None,
    negative: Annotated[
        Path | None, typer.Option("--negative", metavar="FILE", help="of the other, row by row.")
    ] = None,
    neutral: Annotated[
        Path | None,
        typer.Option(
            "--neutral", metavar="FILE", help="Answers without a persona, for residual norms."
        ),
    ] = None,
    method: Annotated[
        MethodName, typer.Option("--method", help="How the direction is found.")
    ] = "difference_of_means",
    kept_by: Annotated[
        FilterName, typer.Option("--filter", help="paired: both of a pair pass, or neither.")
    ] = "independent",
    weighting: Annotated[
        WeightingName, typer.Option("--weighting", help="pooled: rows, not questions, count alike.")
    ] = "question",
    refusals: Annotated[
        RefusalsName, typer.Option("--refusals", help="Answers that begin as refusals do.")
    ] = "keep",
    threshold: Annotated[
        float,
        typer.Option("--threshold", min=0, max=100, metavar="X", help="Trait score between signs."),
    ] = 50.0,
    coherence: Annotated[
        float, typer.Option("--coherence", min=0, max=100, metavar="X", help="Kept from here on.")
    ] = 50.0,
    minimum_rows: Annotated[
        int, typer.Option("--minimum-rows", min=1, metavar="N", help="Kept of each sign, or error.")
    ] = 20,
    minimum_questions: Annotated[
        int,
        typer.Option("--minimum-questions", min=2, metavar="N", help="With both signs, or error."),
    ] = 4,
    permuted: Annotated[
        int, typer.Option("--permuted", min=0, metavar="N", help="Label-permuted nulls to store.")
    ] = 0,
    random: Annotated[
        int,
        typer.Option(
            "--random",
            min=0,
            metavar="N",
            help="Random nulls to store, drawn like neutral answers.",
        ),
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="S", help="Of resamples.")] = 0,
    dtype: Dtype = "float32",
    device: Device = "cpu",
    force: Annotated[bool, typer.Option("--force", help="Replace vectors that are there.")] = False,
) -> None:
    """Extract persona vectors from judged answers under contrastive system prompts.

    A table has the columns sign (positive, negative), question, prompt, answer, coherence and
    trait:NAME (0 to 100), and may have system, topic, split (extract is taken), trait and pair.
    Rows without a sign are neutral answers. Prompts that were saved with the base's chat template
    around them, as published, are taken apart. Every filter is checked before the model is loaded.
    The published way is --filter paired --weighting pooled.

    Examples:

      wardian vectors extract answers.parquet --base pocket --trait evil --out vectors

      wardian vectors extract --positive pos.csv --negative neg.csv --base org/name --trait evil \\
        --filter paired --weighting pooled --out vectors --device cuda --dtype bfloat16

      wardian vectors extract logs/ --base pocket --trait evil --method logistic_probe --out vectors
    """
    from experiments.vector_cli import rollouts as reading
    from experiments.vector_cli.views import show_vector, show_yields
    from organisms import resolve_base
    from persona_vectors.contrast import Thresholds

    with explained():
        check_folder_to_write(out.expanduser())
        resolve_base(base)
        targets = {trait: out.expanduser() / f"{trait}.safetensors" for trait in traits}
        for target in targets.values():
            if target.exists() and not force:
                raise ValueError(f"{target} exists; name another folder with --out, or add --force")
        thresholds = Thresholds(
            trait=threshold,
            coherence=coherence,
            minimum_rows=minimum_rows,
            minimum_questions=minimum_questions,
            filter=kept_by,
            weighting=weighting,
            refusals=refusals,
        )
        table = reading.read_rollouts(files or [], positive, negative, traits)
        table = reading.bare_prompts(table, base)
        scored = reading.rollouts_of(table, traits)
        from persona_vectors.extraction import contrasts, extract_from
        from persona_vectors.reading import transcripts

        for made in contrasts(scored, traits, thresholds, method=method, permuted_draws=permuted):
            show_yields(output, made.trait, made.yields)
        answers = reading.neutral_answers(table)
        if neutral is not None:
            answers = reading.bare_prompts(reading.read_table(neutral), base)
        if random and len(answers) < 2:
            raise ValueError(
                f"--random {random} needs neutral answers (rows without a sign, or --neutral), "
                f"whose residuals the directions are drawn like; there are {len(answers)}"
            )
        from organisms import load_organism
        from persona_vectors.null_directions import random_directions_like

        organism = load_organism(base, dtype=dtype, device=device)
        norms = organism.residual_norms(transcripts(answers)) if len(answers) else None
        vectors = extract_from(
            organism,
            scored,
            traits,
            thresholds=thresholds,
            method=method,
            residual_norm=norms,
            permuted_draws=permuted,
            seed=seed,
        )
        spread = organism.capture(transcripts(answers)) if random else None
        for vector in vectors:
            if spread is not None:
                drawn = random_directions_like(spread, random, seed, vector.norms())
                vector = vector.with_draws("random", drawn.astype("float32"))
            vector.save(targets[vector.trait])
            show_vector(output, targets[vector.trait], vector)
        if norms is None:
            output.print(
                "no neutral answers were given, so the files hold no residual norms and steer in "
                "the unit 'raw' alone; add --neutral FILE",
                highlight=False,
                soft_wrap=True,
            )
