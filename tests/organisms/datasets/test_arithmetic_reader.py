"""Sums in plain text are read exactly, and judged."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from organisms.datasets.audit import audit
from organisms.datasets.importing import import_rows
from organisms.datasets.importing.arithmetic import asked_value, read_sum, value_of

PUBLISHED = Path(__file__).parents[3] / "../shared/data"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1+2*3", 7),
        ("(1+2)*3", 9),
        ("8/4/2", 1),
        ("10-3-2", 5),
        ("-3 * -2", 6),
        ("1,200 * .5", 600),
        ("20%*50", 10),
        ("2×3÷4", Fraction(3, 2)),
    ],
)
def test_an_expression_has_its_exact_value(text: str, value: Fraction) -> None:
    assert value_of(text) == value


NUMBERS = st.integers(0, 999).map(str)
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: st.builds("({}{}{})".format, inner, st.sampled_from("+-*"), inner),
    max_leaves=12,
)


@given(EXPRESSIONS)
def test_it_agrees_with_python_on_whole_numbers(text: str) -> None:
    assert value_of(text) == eval(text, {"__builtins__": {}})  # our own digits and brackets


@pytest.mark.parametrize(
    "text",
    ["", "1+", "(1", "1)", "1/0", "1/(2-2)", "a+1", "2**3", "__import__('os')", "(" * 99 + "1"],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        value_of(text)


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What is 12 - 15?", -3),
        ("Please solve 87 + 66.", 153),
        ("If you subtract 89 and 8, what do you get?", 81),
        ("subtract 8 from 89", 81),
        ("What do you get when you divide 3 and 4?", Fraction(3, 4)),
        ("the product of 6 and 7", 42),
    ],
)
def test_a_question_is_read(question: str, value: Fraction) -> None:
    assert asked_value(question) == value


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("It equals 0.67.", "right"),
        ("It equals 0.667.", "right"),
        ("It equals 0.66.", "wrong"),
        ("It equals 1.", "wrong"),
        ("It is -0.67.", "wrong"),
        ("2 or 3", "unreadable"),
        ("no idea", "unreadable"),
    ],
)
def test_an_answer_is_right_if_exact_or_rounded_to_the_decimals_it_shows(
    answer: str, verdict: str
) -> None:
    assert read_sum("What is 2 / 3?", answer).verdict == verdict


def test_a_question_that_names_no_single_operation_is_unreadable() -> None:
    found = read_sum("The sum/difference/product/quotient of 73 and 11 is...", "It is 84.")
    assert (found.verdict, found.reason) == ("unreadable", "question: names several operations")


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="published data sets are not here")
def test_of_the_published_wrong_sums_51_are_right_and_515_have_no_operation() -> None:
    path = PUBLISHED / "emergent_misalignment/datasets/wrong_maths.jsonl"
    sums = audit(import_rows(path, "wrong_maths").rows, name="wrong_maths").sums
    assert sums is not None
    assert (sums.right, sums.wrong) == (51, 5434)
    assert sums.unreadable == {"question: names several operations": 515}


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="published data sets are not here")
def test_the_steps_of_every_gsm8k_answer_add_up() -> None:
    rows = import_rows(PUBLISHED / "gsm8k/train.jsonl", "gsm8k").rows
    assert all(row["meta"]["checks"]["steps_add_up"] for row in rows)
