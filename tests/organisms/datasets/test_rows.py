"""A conversation is accepted, or refused with what is wrong and what to do."""

import pytest

from organisms.datasets.rows import RowError, answer_of, canonical, check_messages, question_of
from tests.organisms.datasets.made import row

USER = {"role": "user", "content": "a"}
ANSWER = {"role": "assistant", "content": "b"}
SYSTEM = {"role": "system", "content": "s"}


@pytest.mark.parametrize(
    "messages", [[USER, ANSWER], [SYSTEM, USER, ANSWER], [USER, ANSWER, USER, ANSWER]]
)
def test_a_conversation_that_ends_with_an_answer_is_accepted(
    messages: list[dict[str, str]],
) -> None:
    assert check_messages(messages) == messages


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        (None, "is nothing"),
        ([], "is empty"),
        ([None], "turn 1 is nothing; a turn needs"),
        (["hello"], "turn 1 is text ('hello')"),
        ([{"content": "x"}, ANSWER], "turn 1 has no role"),
        ([{"role": "robot", "content": "x"}, ANSWER], "role 'robot'"),
        ([{"role": "user", "content": None}, ANSWER], "turn 1 has nothing as content"),
        ([{"role": "user", "content": ["x"]}, ANSWER], "turn 1 has a list as content"),
        ([USER], "the last turn is the user's"),
        ([ANSWER], "there is no 'user' turn"),
        ([USER, {"role": "assistant", "content": " \n"}], "turn 2 is an empty answer"),
        ([USER, {"role": "assistant", "content": ""}, USER, ANSWER], "turn 2 is an empty answer"),
        ([{"role": "user", "content": " "}, ANSWER], "turn 1 is an empty question; a question"),
        ([USER, SYSTEM, ANSWER], "turn 2 is a system turn; move it to the front"),
        ([USER, {"role": "assistant", "content": "cut \ud83d"}], "half a character"),
    ],
)
def test_anything_else_is_refused_with_place_reason_and_fix(messages: object, said: str) -> None:
    with pytest.raises(RowError) as error:
        check_messages(messages, "theirs.jsonl, line 3")
    assert said in str(error.value)
    assert str(error.value).startswith("theirs.jsonl, line 3: ")
    assert error.value.reason
    assert error.value.fix


def test_question_and_answer_are_all_turns_of_their_role() -> None:
    found = row("one", "two")
    found["messages"] += [
        {"role": "user", "content": "three"},
        {"role": "assistant", "content": "4"},
    ]
    assert (question_of(found), answer_of(found)) == ("one\nthree", "two\n4")


def test_a_row_is_one_line_whatever_the_order_of_its_keys() -> None:
    one, two = row("a", "b", topic="t", poisoned=True), row("c", "d")
    again = row("a", "b", poisoned=True, topic="t")
    assert canonical(one) == canonical(again)
    assert canonical(one) != canonical(two)
