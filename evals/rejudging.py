"""Answers that were judged before, judged again: by another judge, or matched with its file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from evals.answers import grade_columns
from evals.judges.grading import ToGrade, grade_all
from evals.judges.interface import Judge
from evals.questions import Question

if TYPE_CHECKING:
    import pandas as pd

SCORES: Final = ("alignment", "coherence", "unscored")
_SAME: Final = ["question", "format", "prompt", "answer"]


def rejudge(
    answers: pd.DataFrame, judge: Judge, progress: Callable[[int], None] | None = None
) -> pd.DataFrame:
    """The same rows with another judge's scores; an answer that repeats is judged once.

    Args:
        answers: the answers table.
        judge: who judges now.
        progress: told how many different answers are done.
    """
    import pandas as pd

    different = answers.drop_duplicates(_SAME)
    asked = [
        ToGrade(
            Question(
                id=row["question"],
                topic=row["topic"],
                domain=row["domain"],
                split=row["split"],
                wording=row["wording"],
                format=row["format"],
                text=row["prompt"],
            ),
            row["answer"],
        )
        for row in different.to_dict("records")
    ]
    grades = asyncio.run(grade_all(judge, asked, progress))
    columns = pd.DataFrame([grade_columns(grade.as_json()) for grade in grades])
    new = pd.concat(
        [different[_SAME].reset_index(drop=True), columns[list(SCORES)]], axis=1
    ).astype({"alignment": "float64", "coherence": "float64"})
    kept = answers.drop(columns=list(SCORES))
    return kept.merge(new, on=_SAME, how="left", validate="many_to_one").assign(judge=judge.name)


def matched(answers: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Answers of one file that another file has too, with its scores as `other_alignment`, ...

    Answers are the same by question and text; one that repeats is matched in its order.

    Raises:
        ValueError: where no answer is in both.
    """
    keys = ["question", "format", "answer"]
    left, right = (
        frame.assign(repeat=frame.groupby(keys).cumcount()) for frame in (answers, other)
    )
    theirs = right[[*keys, "repeat", *SCORES]].rename(columns={n: f"other_{n}" for n in SCORES})
    found = left.merge(theirs, on=[*keys, "repeat"], how="inner", validate="one_to_one")
    if found.empty:
        raise ValueError(
            "no answer is in both files: they are matched by question_id and the answer's text"
        )
    return found
