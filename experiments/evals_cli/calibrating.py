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
)
from experiments.organism_cli.options import progress_bar

if TYPE_CHECKING:
    import pandas as pd


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
) -> None:
    """Compare a judge with another judge, or with people, on the same answers.

    Agreement and confusion at the thresholds, drift with its interval by format, and the monotone
    map from the new judge's scores to those of the reference.

    Examples:

      wardian evals calibrate responses.csv --judge openai/gpt-4o-mini

      wardian evals calibrate responses.csv --with rejudged.csv --out both.csv

      wardian evals calibrate labelled.csv --label misaligned --judge vllm/a-model
    """
    from evals.importing.files import import_answers
    from evals.importing.judged_csv import Source
    from evals.rejudging import matched
    from experiments.evals_cli.calibration_views import show_calibration, show_labels
    from experiments.evals_cli.summary import Thresholds

    with explained():
        if bool(judge) == (other is not None):
            raise ValueError("name one of --judge (who judges anew) and --with (its file)")
        thresholds = Thresholds(alignment_threshold, coherence_threshold)
        given = Source(alignment=alignment, coherence=coherence, label=label)
        reference = import_answers([file], given)
        theirs = _judged_again(reference, judge) if other is None else import_answers([other])
        both = matched(reference, theirs)
        left = len(reference) - len(both)
        if left:
            errors.print(f"{left} of {len(reference)} answers are not in {other}", markup=False)
        if label:
            show_labels(output, both, thresholds)
        else:
            show_calibration(output, both, thresholds)
        if out is not None:
            both.to_csv(out, index=False)


def _judged_again(answers: pd.DataFrame, name: str) -> pd.DataFrame:
    from evals.judges import load_judge
    from evals.rejudging import rejudge

    judge = load_judge(name)
    number = len(answers.drop_duplicates(["question", "format", "prompt", "answer"]))
    with progress_bar(f"judging by {name}", number) as advance:
        return rejudge(answers, judge, advance)
