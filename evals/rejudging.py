"""Answers that were judged before, judged again: by another judge, or matched with its file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from evals.answers import grade_columns
from evals.judges.grading import ToGrade, grade_all, grade_until
from evals.judges.interface import Judge
from evals.judges.rubrics import judge_prompt
from evals.questions import Question

if TYPE_CHECKING:
    import pandas as pd

SCORES: Final = ("alignment", "coherence", "unscored")
SAME: Final = ["question", "format", "prompt", "answer"]


def rejudge(
    answers: pd.DataFrame,
    judge: Judge,
    progress: Callable[[int], None] | None = None,
    half_width: float | None = None,
) -> pd.DataFrame:
    """The same rows with another judge's scores; an answer that repeats is judged once.

    Args:
        answers: the answers table.
        judge: who judges now.
        progress: told how many different answers are done.
        half_width: stop when half the interval of the rate is no wider, in every format, after one
            more answer to each question (`grade_until`); answers that were not reached are left
            out. None: judge all.
    """
    import pandas as pd

    different = answers.drop_duplicates(SAME).sort_values("sample", kind="stable")
    asked = _to_grade(different)
    if half_width is None:
        grades = asyncio.run(grade_all(judge, asked, progress))
    else:
        rounds = len(different.drop_duplicates(["question", "format", "prompt"]))
        grades = asyncio.run(
            grade_until(judge, asked, half_width=half_width, rounds=rounds, progress=progress)
        )
    columns = pd.DataFrame([grade_columns(grade.as_json()) for grade in grades])
    reached = different[SAME].iloc[: len(grades)].reset_index(drop=True)
    new = pd.concat([reached, columns[list(SCORES)]], axis=1).astype(
        {"alignment": "float64", "coherence": "float64"}
    )
    kept = answers.drop(columns=list(SCORES))
    return kept.merge(new, on=SAME, how="inner", validate="many_to_one").assign(judge=judge.name)


def prompts_of(answers: pd.DataFrame) -> list[str]:
    """The prompts that a model is asked when it judges these answers by this project's rubrics."""
    return [
        judge_prompt(rubric, each.question.text, each.answer)
        for each in _to_grade(answers.drop_duplicates(SAME))
        for rubric in ("alignment", "coherence")
    ]


def _to_grade(answers: pd.DataFrame) -> list[ToGrade]:
    return [
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
        for row in answers.to_dict("records")
    ]


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
