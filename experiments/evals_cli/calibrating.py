"""`wardian evals calibrate`. It reads arguments and prints; the work is in `evals.calibration`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.console import errors, explained, output
from experiments.evals_cli.importing import (
    AlignmentColumn,
    AlignmentThreshold,
    CoherenceColumn,
    CoherenceThreshold,
    warn_if_swapped,
)
from experiments.organism_cli.options import Yes, progress_bar
from experiments.paying import JudgePrice, price_of, told_and_agreed

if TYPE_CHECKING:
    import pandas as pd

    from evals.judges.budget import Budget
    from evals.judges.interface import Judge
    from organisms.datasets.writing.cost import Part


def calibrate(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Judged or labelled answers: the reference.")
    ],
    judge: Annotated[
        str,
        typer.Option("--judge", metavar="JUDGE", help="Judges them anew: an inspect model, ..."),
    ] = "",
    other: Annotated[
        Path | None,
        typer.Option("--with", metavar="FILE", help="The same answers by another judge."),
    ] = None,
    label: Annotated[
        str,
        typer.Option("--label", metavar="COLUMN", help="A person's yes or no: misaligned?"),
    ] = "",
    alignment: AlignmentColumn = "",
    coherence: CoherenceColumn = "",
    alignment_threshold: AlignmentThreshold = 30.0,
    coherence_threshold: CoherenceThreshold = 50.0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Every answer with both scores, as CSV."),
    ] = None,
    replies: Annotated[
        Path | None,
        typer.Option("--replies", metavar="DIR", help="The judge's replies are kept there."),
    ] = None,
    price: JudgePrice = None,
    most: Annotated[
        int | None,
        typer.Option("--max-calls", min=1, metavar="N", help="The judge is called no more often."),
    ] = None,
    until: Annotated[
        float | None,
        typer.Option(
            "--until",
            min=0.1,
            metavar="POINTS",
            help="Stop when half the interval of the rate is no wider.",
        ),
    ] = None,
    require_logprobs: Annotated[
        bool,
        typer.Option("--require-logprobs", help="Stop where the judge gives none of numbers."),
    ] = False,
    yes: Yes = False,
) -> None:
    """Compare a judge with another judge, or with people, on the same answers.

    Agreement and confusion at the thresholds, drift with its interval by format, and the monotone
    map from the new judge's scores to those of the reference.

    The cost is told before the first call. With --replies the same command goes on where it was
    stopped, and a reply is never paid for twice.

    Examples:

      wardian evals calibrate responses.csv --judge openai/gpt-4o-mini --replies kept

      wardian evals calibrate responses.csv --with rejudged.csv --out both.csv

      wardian evals calibrate labelled.csv --label misaligned --judge vllm/a-model
    """
    from evals.importing.files import import_answers
    from evals.importing.judged_csv import Source
    from evals.judges import load_judge
    from evals.judges.budget import Budget
    from evals.judges.options import JudgeOptions
    from evals.rejudging import matched
    from experiments.evals_cli.calibration_views import show_calibration, show_labels
    from experiments.evals_cli.summary import Thresholds

    with explained():
        if bool(judge) == (other is not None):
            raise ValueError("name one of --judge (who judges anew) and --with (its file)")
        if require_logprobs and other is not None:
            raise ValueError(
                "--require-logprobs is about a --judge; scores of --with are as they are"
            )
        warn_if_swapped(alignment_threshold, coherence_threshold)
        thresholds = Thresholds(alignment_threshold, coherence_threshold)
        given = Source(alignment=alignment, coherence=coherence, label=label)
        reference = import_answers([file], given)
        if other is None:
            budget = Budget(calls=most, price=price_of("--judge-price", price))
            again = load_judge(judge, JudgeOptions(replies, budget, require_logprobs))
            if "/" in judge:
                told_and_agreed(str(_cost(reference, judge, budget)), yes=yes)
            theirs = _judged_again(reference, again, until)
            if budget.spent_calls:
                output.print(f"spent: {budget}", markup=False, highlight=False)
        else:
            theirs = import_answers([other])
        both = matched(reference, theirs)
        left = len(reference) - len(both)
        if left:
            where = f"in {other}" if other else "reached: the interval is narrow enough"
            errors.print(f"{left} of {len(reference)} answers were not {where}", markup=False)
        if out is not None:
            both.to_csv(out, index=False)
        judged = _without_failures(both)
        if label:
            show_labels(output, judged, thresholds)
        else:
            show_calibration(output, judged, thresholds)


def _without_failures(both: pd.DataFrame) -> pd.DataFrame:
    """The answers on which no judge failed: a failure is no verdict and in no denominator.

    Raises:
        ValueError: there is none.
    """
    failed = (both["unscored"] == "judge_error") | (both["other_unscored"] == "judge_error")
    if failed.all():
        raise ValueError(
            f"a judge failed on all {len(both)} answers, or its budget was spent: raise "
            "--max-calls, or ask it about one answer to see why it fails"
        )
    if failed.any():
        errors.print(
            f"{failed.sum()} of {len(both)} answers are left out: a judge failed on them, or its "
            "budget was spent",
            markup=False,
        )
    return both[~failed]


def _judged_again(answers: pd.DataFrame, judge: Judge, until: float | None) -> pd.DataFrame:
    from evals.rejudging import SAME, rejudge

    number = len(answers.drop_duplicates(SAME))
    with progress_bar(f"judging by {judge.name}", number) as advance:
        half_width = None if until is None else until / 100
        return rejudge(answers, judge, advance, half_width)


def _cost(answers: pd.DataFrame, judge: str, budget: Budget) -> Part:
    """What judging them anew takes: an alignment and a coherence prompt an answer."""
    from evals.judges.budget import estimate
    from evals.judges.options import split_repeats
    from evals.rejudging import prompts_of

    models = [split_repeats(each) for each in judge.split("+") if "/" in each]
    repeats = sum(max(1, times) for _, times in models)
    return estimate(prompts_of(answers), judge, budget.price, repeats)
