"""`wardian vectors screen`. It reads arguments and prints; the work is in
`experiments.screening`."""

from __future__ import annotations

from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from experiments.console import explained, output, typed_command
from experiments.organism_cli.options import Yes, progress_bar
from experiments.paying import JudgePrice, price_of, told_and_agreed
from experiments.vector_cli.options import Device, Dtype, read_vectors

if TYPE_CHECKING:
    import pandas as pd

    from experiments.screening.job import Job, Scored
    from organisms.runtime import Organism
    from persona_vectors.score_shards import Scorer

CombineName = Literal["max", "logistic"]
LostSystemName = Literal["raise", "merge"]
CENTRE_ROWS = 500
"""Clean rows that say where a usual answer lies, for the embedding distance."""


def screen(
    given: Annotated[
        Path, typer.Argument(metavar="PATH", help="A data set's folder, or a file of rows.")
    ],
    files: Annotated[
        list[Path],
        typer.Option("--vector", metavar="FILE", help="A vector file; several times, one a trait."),
    ],
    layers: Annotated[
        list[int],
        typer.Option("--layer", min=0, metavar="K", help="Layer k: once, or once a vector."),
    ],
    base: Annotated[str, typer.Option("--base", metavar="BASE", help="The base they are of.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Scores, sets and the page go there.")
    ],
    cheap: Annotated[
        bool,
        typer.Option("--cheap", help="Against the last prompt token, not the base's own answers."),
    ] = False,
    combine: Annotated[
        CombineName, typer.Option("--combine", help="How several traits become one score.")
    ] = "max",
    threshold: Annotated[
        float | None, typer.Option("--threshold", metavar="X", help="Keep scores up to X.")
    ] = None,
    quantile: Annotated[
        float | None,
        typer.Option("--quantile", min=0, max=1, metavar="Q", help="Keep the lowest share Q."),
    ] = None,
    target_yield: Annotated[
        int | None,
        typer.Option("--target-yield", min=1, metavar="N", help="Keep the lowest N rows."),
    ] = None,
    clean: Annotated[
        Path | None,
        typer.Option("--clean", metavar="PATH", help="Rows known to be clean: set the threshold."),
    ] = None,
    false_positive_rate: Annotated[
        float | None,
        typer.Option(
            "--false-positive-rate", metavar="R", help="Share of clean rows above it; else 0.05."
        ),
    ] = None,
    baselines: Annotated[
        bool,
        typer.Option("--baselines/--no-baselines", help="Perplexity, and with --clean embedding."),
    ] = True,
    judge: Annotated[
        str,
        typer.Option("--judge", metavar="JUDGE", help="Scores rows too: an inspect model, ..."),
    ] = "",
    replies: Annotated[
        Path | None,
        typer.Option("--replies", metavar="DIR", help="The judge's replies; else in --out."),
    ] = None,
    judge_price: JudgePrice = None,
    yes: Yes = False,
    judge_column: Annotated[
        str,
        typer.Option("--judge-column", metavar="NAME", help="A judge's score in the file's rows."),
    ] = "",
    low_is_suspect: Annotated[
        bool, typer.Option("--low-is-suspect", help="Low scores of that column are suspect.")
    ] = False,
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", min=1, metavar="N", help="Of the base's own answers.")
    ] = 256,
    temperature: Annotated[
        float, typer.Option("--temperature", min=0, metavar="T", help="Of the own answers.")
    ] = 1.0,
    own_answers: Annotated[
        Path | None,
        typer.Option("--own-answers", metavar="DIR", help="They are kept there; else in --out."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="S", help="Of all chance.")] = 0,
    rows: Annotated[
        int | None, typer.Option("-n", "--rows", min=1, metavar="N", help="The first so many.")
    ] = None,
    lost_system: Annotated[
        LostSystemName,
        typer.Option("--lost-system", help="A system prompt that the template would drop."),
    ] = "raise",
    dtype: Dtype = "float32",
    device: Device = "cpu",
    force: Annotated[
        bool, typer.Option("--force", help="Replace another screening that DIR holds.")
    ] = False,
) -> None:
    """Score every row of a data set before training on it: which rows look like a trait?

    The score is the projection difference at the answer's mean: the row's answer minus the base's
    own answer to the same prompt, which is sampled once. With --cheap it is minus the last token
    before the answer, and nothing is sampled. Rows are read in shards: killed at any moment, the
    same command goes on where it was; repeated, it does nothing.

    DIR gets scores.parquet, the rows kept and flagged in the format that they came in, a page of
    the most and least suspicious rows and, where every row says whether it is poisoned, ROC curves
    and a table of all scores with intervals.

    Examples:

      wardian vectors screen rows.jsonl --vector evil.safetensors --layer 3 --base pocket --out s

      wardian vectors screen rows.jsonl --vector evil.safetensors --vector humour.safetensors \\
        --layer 20 --base org/name --clean clean.jsonl --false-positive-rate 0.01 --out s

      wardian vectors screen data/mix --vector evil.safetensors --layer 3 --base pocket --cheap \\
        --target-yield 5000 --out s
    """
    from experiments.identity import source_hash
    from experiments.screening.checks import (
        check_rows_fit,
        check_truth,
        chosen_cut,
        layer_of_each,
    )
    from experiments.screening.job import Job, collect, score
    from experiments.screening.judged import cost, judged_by
    from experiments.screening.output import begin, finish
    from experiments.screening.survey import survey
    from organisms import load_organism, resolve_base
    from organisms.datasets.row_files import row_file
    from organisms.runtime import Sampling
    from persona_vectors.own_answers import OwnAnswers
    from persona_vectors.reading import training_rows
    from persona_vectors.scorers import EmbeddingDistance, Perplexity, Projection

    with explained(typed_command()):
        vectors = [read_vectors([path], base=base) for path in files]
        places = layer_of_each(vectors, layers)
        file = row_file(given, rows)
        found = survey(file, judge_column)
        clean_file = row_file(clean) if clean else None
        clean_found = survey(clean_file) if clean_file else None
        cut = chosen_cut(
            threshold,
            quantile,
            target_yield,
            false_positive_rate,
            clean=clean_found,
            rows=len(found),
        )
        said = check_truth(found, combine, len(vectors))
        resolve_base(base)
        known = {"name": base, "sha256": source_hash(base), "dtype": dtype, "device": device}

        @cache
        def organism() -> Organism:
            loaded = load_organism(base, dtype=dtype, device=device)
            check_rows_fit((found, clean_found), projection, loaded)
            return loaded

        out = out.expanduser()
        own = OwnAnswers(
            folder=(own_answers or out / "own_answers").expanduser(),
            organism=organism,
            base=known,
            sampling=Sampling(temperature=temperature, max_tokens=max_tokens),
            seed=seed,
        )
        projection = Projection(
            organism, known, vectors, places, None if cheap else own, lost_system
        )
        scorers: list[Scorer] = []
        if judge:
            scorers.append(judged_by(judge, replies or out / "replies"))
        if baselines:
            scorers.append(Perplexity(organism, known, lost_system))
        if baselines and clean_file:
            usual = training_rows(islice(clean_file.rows(), CENTRE_ROWS))
            scorers.append(EmbeddingDistance(organism, known, usual, lost_system))
        job = Job(
            file=file,
            found=found,
            projection=projection,
            baselines=tuple(scorers),
            clean=clean_file,
            clean_found=clean_found,
            combine=combine,
            cut=cut,
            low_is_suspect=low_is_suspect,
            seed=seed,
        )
        if begin(job, out, force=force):
            output.print(
                f"nothing to do: this screening is finished; see {out / 'screening.html'}",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
            return
        if "/" in judge:
            price = price_of("--judge-price", judge_price)
            told_and_agreed(str(cost(file.rows(), len(found), judge, price)), yes=yes)
        made = score(job, out, progress_bar)
        scored = collect(job, out)
        table = finish(job, scored, out)
        _show(job, scored, table, said)
        output.print(
            f"written to {out}: {made:,} scores of rows made now; begin with "
            f"{out / 'screening.html'}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _show(job: Job, scored: Scored, table: pd.DataFrame | None, said: str) -> None:
    """What was done and how well it went."""
    from experiments.printing import line
    from experiments.screening.figures import short
    from experiments.screening.output import facts
    from experiments.vector_cli.views import show_rows

    for name, text in facts(job, scored).items():
        line(output, name, text)
    if said:
        line(output, "truth", said, "yellow")
    if table is not None:
        output.print()
        show_rows(output, short(table))
