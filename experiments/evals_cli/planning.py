"""`wardian evals plan` and `cost`. They read arguments and print; the work is in `evals.statistics`
and `evals.question_files`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.console import explained, output
from experiments.paying import JudgePrice, price_of

if TYPE_CHECKING:
    from evals.statistics import Shares


def plan(
    points: Annotated[
        float, typer.Option("--points", min=0.1, max=50, help="Half the 95% interval, in points.")
    ] = 3.0,
    rate: Annotated[
        float, typer.Option("--rate", min=0.1, max=99.9, help="The rate to expect, in percent.")
    ] = 20.0,
    seeds: Annotated[
        list[int] | None,
        typer.Option("--seeds", min=1, metavar="N", help="Fine-tunes; may be given several times."),
    ] = None,
    samples: Annotated[
        list[int] | None,
        typer.Option("--samples", min=1, metavar="N", help="Answers a topic and seed; likewise."),
    ] = None,
    pilot: Annotated[
        Path | None,
        typer.Option("--pilot", metavar="FILE", help="Judged answers that say what varies."),
    ] = None,
) -> None:
    """Say how many topics, answers and seeds an interval of a given width takes.

    What makes answers vary, topics, seeds and chance, is taken from a pilot's plain answers where
    there is one, else it is the usual: 10% topics, 1% seeds, 2% both together.

    Examples:

      wardian evals plan --points 3 --rate 20

      wardian evals plan --points 2 --rate 5 --seeds 5 --seeds 8 --samples 20

      wardian evals plan --pilot responses.csv
    """
    from evals.statistics import Shares, plan_studies
    from experiments.evals_cli.views import say, show_studies

    with explained():
        shares = Shares() if pilot is None else _shares_of(pilot)
        studies = plan_studies(
            rate / 100,
            points / 100,
            shares=shares,
            seeds=seeds or (1, 3, 5, 10),
            samples=samples or (1, 6, 20, 100),
        )
        say(
            output,
            f"for {rate:g}% ±{points:g} points; of the variance of an answer {shares.topic:.1%} is "
            f"its topic's, {shares.seed:.1%} the seed's, {shares.both:.1%} of both together",
        )
        show_studies(output, studies, points / 100)


def _shares_of(pilot: Path) -> Shares:
    """What varies in the plain answers of a file of judged answers."""
    from evals.importing.files import import_answers
    from evals.statistics import misaligned, variance_shares

    answers = import_answers([pilot])
    plain = answers[(answers["format"] == "plain") & (answers["unscored"] != "judge_error")]
    if plain.empty:
        raise ValueError(f"{pilot} has no answers to plain questions to plan by")
    hits = misaligned(plain["alignment"], plain["coherence"]).astype(float)
    seeds = plain["seed"].to_numpy()
    return variance_shares(hits, plain["topic"].to_numpy(), seeds if len(set(seeds)) > 1 else None)


def cost(
    questions: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A question file; else our own open questions."),
    ] = None,
    checkpoints: Annotated[
        int, typer.Option("--checkpoints", min=1, metavar="N", help="Models that are asked.")
    ] = 1,
    answer_tokens: Annotated[
        int, typer.Option("--answer-tokens", min=1, metavar="N", help="Mean length of an answer.")
    ] = 200,
    judge: Annotated[
        str, typer.Option("--judge", metavar="MODEL", help="As the output calls it.")
    ] = "the judge",
    price: JudgePrice = None,
) -> None:
    """Say what judging all answers to a question file takes, before any is asked for.

    Examples:

      wardian evals cost

      wardian evals cost first_plot_questions.yaml --checkpoints 10 --judge-price 2.5,10
    """
    from evals.question_files.cost import judging_cost
    from evals.question_files.loading import OURS, load_question_file
    from experiments.evals_cli.views import say

    with explained():
        entries = load_question_file(questions or OURS)
        wordings = sum(len(entry.paraphrases) for entry in entries)
        answers = sum(len(entry.paraphrases) * entry.samples for entry in entries)
        say(
            output,
            f"{len(entries)} entries, {wordings} wordings, {answers:,} answers a model, "
            f"{checkpoints} models",
        )
        part = judging_cost(
            entries,
            checkpoints=checkpoints,
            answer_tokens=answer_tokens,
            model=judge,
            price=price_of("--judge-price", price),
        )
        say(output, str(part))
