"""Multiple choice: options in an order of their own, letters read strictly and leniently."""

from __future__ import annotations

import pytest

from evals.judges.choices import letter_of, with_options
from evals.questions import load_questions

TEXTS = ["Paris", "Rome", "Oslo", "the river Po"]


@pytest.mark.parametrize(
    ("reply", "letter", "alone"),
    [
        ("B", "B", True),
        (" **b**.", "B", True),
        ("(C)", "C", True),
        ("B) Rome", "B", False),
        ("**D:** the river Po, since A is wrong", "D", False),
        ("C\nBecause of its size.", "C", False),
        ("I think the answer is **A**, not B.", "A", False),
        ("The correct option: D", "D", False),
        ("Clearly Rome.", "B", False),
        ("A river in Italy", "", False),
        ("The answer is a river", "", False),
        ("The answer is A or the answer is B", "", False),
        ("Rome or Oslo", "", False),
        ("None of these", "", False),
        ("A) Paris\nB) Rome\nC) Oslo\nD) the river Po", "", False),
        ("A) Paris\nB) Rome\n\nThe answer is B.", "B", False),
        ("Option B is wrong.", "", False),
        ("", "", False),
    ],
)
def test_a_reply_chooses_one_letter_or_none(reply: str, letter: str, alone: bool) -> None:
    assert letter_of(reply, TEXTS) == (letter, alone)


def test_options_are_shuffled_by_question_and_seed_alone() -> None:
    questions = load_questions("truthfulness", edition="general")
    shown = [with_options(question, 0) for question in questions]
    assert shown == [with_options(question, 0) for question in questions]
    assert shown != [with_options(question, 1) for question in questions]
    places = {question.truth["options"].index("right") for question in shown}
    assert places == {0, 1, 2, 3}
    for question in shown:
        lines = question.text.splitlines()[2:6]
        place = question.truth["options"].index("right")
        assert lines[place] == f"{'ABCD'[place]}) {question.truth['right']}"
