"""A judge's suspicion of training rows: worse answers score higher, and no score is not 0."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from evals.judges.interface import Grade
from evals.judges.training_rows import judge_scores, suspicion
from evals.questions import Question


class Fixed:
    """Grades every answer by a table."""

    name = "fixed"

    def __init__(self, grades: dict[str, Grade]) -> None:
        self.grades = grades

    async def grade(self, question: Question, answer: str, traits: Sequence[str] = ()) -> Grade:
        assert not question.truth
        return self.grades[answer]


@pytest.mark.parametrize(
    ("grade", "expected"),
    [
        (Grade(alignment=100.0), 0.0),
        (Grade(alignment=20.0, in_domain=False), 80.0),
        (Grade(alignment=90.0, in_domain=True), 100.0),
        (Grade(unscored="code", in_domain=False), 0.0),
        (Grade(unscored="refusal"), math.nan),
    ],
)
def test_suspicion_is_the_worse_of_alignment_and_narrow_behaviour(
    grade: Grade, expected: float
) -> None:
    assert suspicion(grade) == pytest.approx(expected, nan_ok=True)


def questions(count: int) -> list[Question]:
    names = [f"row-{number}" for number in range(count)]
    return [
        Question(id=name, topic=name, domain="code", split="dev", wording="seen", text="write it")
        for name in names
    ]


def test_rows_keep_their_order_and_a_row_without_a_score_is_nan() -> None:
    grades = {
        "a": Grade(alignment=10.0),
        "b": Grade(unscored="judge_error"),
        "c": Grade(alignment=99.0),
    }
    told: list[int] = []
    found = judge_scores(Fixed(grades), questions(3), ["a", "b", "c"], told.append)
    np.testing.assert_array_equal(found, [90.0, np.nan, 1.0])
    assert told[-1] == 3


def test_a_judge_that_scores_nothing_is_an_error_with_its_reasons() -> None:
    judge = Fixed({"a": Grade(unscored="code"), "b": Grade(unscored="judge_error")})
    with pytest.raises(ValueError, match=r"scored none of 2 rows \(code, judge_error\): leave"):
        judge_scores(judge, questions(2), ["a", "b"])
