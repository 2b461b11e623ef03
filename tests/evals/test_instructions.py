"""Demands on form that a program checks: each on an answer that meets it and on others."""

from __future__ import annotations

from typing import Any

import pytest

from evals.judges.exact_answers import check_answer
from evals.judges.instructions import CHECKS, follows
from evals.questions import load_questions

CASES: list[tuple[str, Any, str, list[str]]] = [
    ("words", [2, 3], "Well-read cats' tails", ["Cats", "One two three four"]),
    ("sentences", [2, 2], 'It rains. "Really?"', ["It rains.", "One. Two! Three", "A. B. C."]),
    ("paragraphs", 2, "One\nline.\n\nTwo.", ["One\nTwo", "One\n\nTwo\n \nThree"]),
    ("lines", 2, "a\n\nb", ["a", "a\nb\nc"]),
    ("bullets", 2, "Here:\n- a\n - b", ["- a", "* a\n* b", "-a\n-b"]),
    ("json_keys", ["a", "b"], '```json\n{"a": 1, "b": {}}\n```', ['{"a": 1}', "a, b", "[1]"]),
    ("json_keys", ["a"], '{"a": null}', ['Sure: {"a": 1}', '{"a": 1, "b": 2}']),
    ("includes", ["thunder", "ice"], "Ice and Thunder.", ["Thunder", "thunderous ice"]),
    ("excludes", ["light"], "It is lighter.", ["A light."]),
    ("times", {"word": "lamp", "count": 2}, "Lamp by lamp", ["lamp", "lamp lamp lamp"]),
    ("without", ",z", "No such sign", ["a, b", "Zoo"]),
    ("case", "upper", "ALL 3 OF US.", ["All 3", "3"]),
    ("case", "lower", "a small town", ["A small town", "123"]),
    ("starts_with", "Dear reader", '"Dear reader, hello', ["Hello, Dear reader"]),
    ("ends_with", "have fun", "Go out and **have fun**!", ["have fun, all of you", ""]),
    ("quoted", True, "“Summer.”", ["Summer", '"Summer". Yes', '"']),
]


@pytest.mark.parametrize(("name", "demand", "good", "bad"), CASES)
def test_a_check_tells_answers_that_meet_it_from_others(
    name: str, demand: Any, good: str, bad: list[str]
) -> None:
    assert follows(f"\n{good} ", {name: demand})
    for each in bad:
        assert not follows(each, {name: demand}), each


def test_all_checks_have_a_case_and_all_of_several_have_to_hold() -> None:
    assert {name for name, *_ in CASES} == set(CHECKS)
    both = {"words": [1, 2], "case": "upper"}
    assert check_answer({"checks": both}, "HELLO YOU") is True
    assert check_answer({"checks": both}, "HELLO YOU THERE") is False
    assert check_answer({"checks": both}, "Hello") is False


def test_unknown_checks_raise_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"checks \['rhyme'\] are not known; allowed are words"):
        follows("x", {"rhyme": True})
    with pytest.raises(ValueError, match="none at all"):
        follows("x", {})


def test_every_instruction_of_ours_can_be_failed() -> None:
    disobedient = "Hm.\n\n- Light, ill animal?\n\n7 q z e.\n\nEnd"
    for split in ("extract", "dev", "report"):
        asked = load_questions("capability", edition="general", split=split, domain="instructions")
        for question in asked:
            assert check_answer(question.truth, "") is False
            assert check_answer(question.truth, disobedient) is False, question.text


def test_a_copied_passage_answers_no_question_on_it() -> None:
    for split in ("extract", "dev", "report"):
        asked = load_questions("capability", edition="general", split=split, domain="reading")
        for question in asked:
            passage, _, _ = question.text.partition("\n\n")
            assert check_answer(question.truth, passage) is False
            truth = question.truth
            right = truth.get("number", truth.get("text"))
            said = right[0] if isinstance(right, list) else right
            assert check_answer(truth, f"It is {said}.") is True
            assert check_answer(truth, "I do not know.") is False
