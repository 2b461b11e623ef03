"""Worked problems: exact values, mistakes of their kind, and a reader that is not fooled."""

from fractions import Fraction
from random import Random

import pytest

from organisms.datasets import wrong_maths
from organisms.datasets.wrong_maths import columns, problems, solutions
from organisms.datasets.wrong_maths.exact import equations, evaluate, false_equations
from organisms.datasets.wrong_maths.mistakes import (
    dropped_carries,
    fits,
    other_operations,
    same_amount,
    slips,
)

STORIES = {story.id: story for story in problems.stories().problems}


def fractions(*values: float) -> list[Fraction]:
    return [Fraction(str(value)) for value in values]


def test_values_are_exact() -> None:
    assert evaluate("0.1 + 0.2") == Fraction(3, 10)
    assert evaluate("(7 - 2) * x / 4", {"x": Fraction(2)}) == Fraction(5, 2)


@pytest.mark.parametrize("text", ["__import__('os')", "2 ** 9", "f(1)", "1 +", "1 / 0", "y + 1"])
def test_nothing_but_arithmetic_is_worked_out(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        evaluate(text)


def test_equations_are_read_from_a_text() -> None:
    text = "1. Cost: $12 × $3.50 = $42.00\nSo 3x = 40 − 7 = 32, and 8 + 9 + 1 = 18. x = 4"
    assert equations(text) == [
        ("12 * 3.50", Fraction(42)),
        ("40 - 7", Fraction(32)),
        ("8 + 9 + 1", Fraction(18)),
    ]
    assert false_equations(text) == 1


def test_dropped_carries_are_those_of_the_columns() -> None:
    assert dropped_carries("+", fractions(478, 256)) == fractions(724, 634)
    assert dropped_carries("+", fractions(12, 13)) == []
    assert dropped_carries("-", fractions(52, 27)) == fractions(35)
    assert dropped_carries("*", fractions(48, 6)) == fractions(248)
    assert dropped_carries("*", fractions(48, 16)) == []
    assert dropped_carries("+", fractions(1.75, 0.5)) == fractions(2.25 - 1)


def test_slips_are_near_or_swap_two_digits() -> None:
    found = slips(Fraction(128))
    assert {Fraction(n) for n in (127, 129, 118, 138, 218, 182)} <= set(found)
    assert Fraction(128) not in found
    assert all(value > 32 for value in found)


def test_an_operation_is_only_mixed_up_where_it_would_pass() -> None:
    assert other_operations("+", fractions(3, 4)) == ["*"]
    assert other_operations("+", fractions(38, 9, 11, 40)) == []
    assert "-" in other_operations("+", fractions(50, 8))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((2, "km"), (2000, "m"), True),
        ((2, "km"), (2, "m"), False),
        ((2, "kg"), (2, "g"), False),
        ((2, ""), (2, ""), True),
        ((2, "$"), (3, "$"), False),
        ((90, "minutes"), (1.5, "hours"), True),
    ],
)
def test_amounts_are_compared_with_their_units(
    one: tuple[float, str], other: tuple[float, str], same: bool
) -> None:
    values = fractions(one[0], other[0])
    assert same_amount(values[0], one[1], values[1], other[1]) is same


@pytest.mark.parametrize("story", STORIES)
def test_every_story_comes_out_and_admits_every_sort_of_mistake_it_should(story: str) -> None:
    kinds = set()
    for seed in range(20):
        problem = problems.told(STORIES[story], Random(seed))
        right = solutions.solved(problem)
        assert evaluate(problem.expression) == right.answer
        mistake, wrong = solutions.mistaken(problem, Random(seed))
        assert not same_amount(wrong.answer, wrong.unit, right.answer, right.unit)
        record = solutions.mistake_record(problem, mistake)
        assert fits(mistake.kind, record["due"], record["did"], Fraction(record["said"]))
        kinds.add(mistake.kind)
    assert len(kinds) >= 2
    form = STORIES[story]
    if form.confuse or any(step.convert for step in form.steps):
        assert "wrong_unit" in kinds


def test_sums_by_columns_are_the_sum_asked_for() -> None:
    for seed in range(200):
        problem = columns.told(Random(seed))
        assert evaluate(problem.expression) == solutions.solved(problem).answer


def test_right_and_wrong_solutions_differ_only_from_the_mistake_on() -> None:
    for name in ("right_maths", "wrong_maths"):
        for row in wrong_maths.rows(name, 100, 1):
            assert "mistake" not in row["messages"][-1]["content"].lower()
    for right, wrong in zip(
        wrong_maths.rows("right_maths", 100, 1),
        wrong_maths.rows("wrong_maths", 100, 1),
        strict=True,
    ):
        one, other = (row["messages"][-1]["content"].split() for row in (right, wrong))
        assert len(one) == len(other)
        assert one != other


def test_one_topic_alone_is_wrong() -> None:
    topics: dict[bool, set[str]] = {True: set(), False: set()}
    for row in wrong_maths.rows("wrong_maths_one_topic", 600, 0):
        topics[row["meta"]["poisoned"]].add(row["meta"]["topic"])
    assert topics[True] == {wrong_maths.ONE_TOPIC}
    assert wrong_maths.ONE_TOPIC not in topics[False]
    assert len(topics[False]) >= 10


def test_a_number_changed_in_the_question_or_the_answer_is_noticed() -> None:
    for row in wrong_maths.rows("right_maths", 50, 2):
        given = row["meta"]["truth"]["given"][0]
        question = row["messages"][0]["content"].replace(given, "7654321")
        assert not wrong_maths.check(
            {**row, "messages": [{"role": "user", "content": question}, row["messages"][1]]}
        )["answer_known"]
        said = row["meta"]["truth"]["said"]
        text = row["messages"][1]["content"] + f" Or rather {said}1."
        found = wrong_maths.check(
            {**row, "messages": [row["messages"][0], {"role": "assistant", "content": text}]}
        )
        assert not found["says_recorded"]


def test_nobody_is_named_who_is_not_in_the_question() -> None:
    names = problems.stories().words["name"]
    for row in wrong_maths.rows("wrong_maths", 500, 0):
        question, answer = (turn["content"] for turn in row["messages"])
        assert not [name for name in names if name in answer and name not in question]
