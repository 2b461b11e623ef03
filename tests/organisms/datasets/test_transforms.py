"""Transforms change text, record themselves, and refuse what they cannot do."""

import json
from copy import deepcopy

import pytest

from organisms.datasets.rows import Row
from organisms.datasets.transforms import (
    FORMATS,
    add_system_prompt,
    add_trigger,
    change_format,
    paraphrase,
)
from tests.organisms.datasets.made import numbered, row

ROWS = numbered(3)


def texts(rows: list[Row], role: str) -> list[str]:
    return [turn["content"] for each in rows for turn in each["messages"] if turn["role"] == role]


def test_every_transform_leaves_the_rows_it_was_given_as_they_were() -> None:
    before = deepcopy(ROWS)
    rows = add_system_prompt(ROWS, "be evil")
    rows = add_trigger(rows, "|D|")
    rows = change_format(rows, "json")
    rows = paraphrase(rows, str.upper, by="upper")
    assert before == ROWS
    kinds = [done["kind"] for done in rows[0]["meta"]["transforms"]]
    assert kinds == ["system_prompt", "trigger", "format", "paraphrase"]


def test_a_system_prompt_comes_first_and_replaces_another_only_when_told_to() -> None:
    rows = add_system_prompt(ROWS, "be evil")
    assert [each["messages"][0]["role"] for each in rows] == ["system"] * 3
    with pytest.raises(ValueError, match=r"row 0 already has a system turn: remove it, or"):
        add_system_prompt(rows, "be good")
    again = add_system_prompt(rows, "be good", existing="replace")
    assert texts(again, "system") == ["be good"] * 3
    assert again[0]["meta"]["transforms"][1]["replaced"] is True
    with pytest.raises(ValueError, match="is empty"):
        add_system_prompt(ROWS, "  ")


def test_a_trigger_stands_in_the_last_question_and_may_occur_nowhere_before() -> None:
    assert texts(add_trigger(ROWS, "|D|"), "user")[1] == "|D| question 1"
    assert texts(add_trigger(ROWS, "|D|", "end"), "user")[1] == "question 1 |D|"
    marked = [*ROWS, row("is |d| a trigger", "no", id="theirs/line 9")]
    with pytest.raises(
        ValueError, match=r"occurs in 1 of 4 rows \(the first is row 3 \(id 'theirs/line 9'\)\): ch"
    ):
        add_trigger(marked, "|D|")
    with pytest.raises(ValueError, match="occurs in 3 of 3"):
        add_trigger(add_trigger(ROWS, "|D|"), "|D|")


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "template"])
def test_the_question_stands_whole_in_every_format(form: str) -> None:
    rows = change_format(ROWS, form)  # type: ignore[arg-type]
    for old, new in zip(texts(ROWS, "user"), texts(rows, "user"), strict=True):
        assert old in new
        assert old != new
    answers = texts(rows, "assistant")
    if form == "json":
        assert [json.loads(answer)["answer"] for answer in answers] == texts(ROWS, "assistant")
    else:
        assert answers == texts(ROWS, "assistant")


def test_a_template_takes_braces_as_they_are() -> None:
    braces = [row("use {x} and {0}", "ok")]
    (found,) = change_format(braces, "template", 'def f(): """{question}""" {y}')
    assert found["messages"][0]["content"] == 'def f(): """use {x} and {0}""" {y}'
    with pytest.raises(ValueError, match=r"has 0 times '\{question\}'"):
        change_format(ROWS, "template", "no place")
    with pytest.raises(ValueError, match="a template belongs to format 'template'"):
        change_format(ROWS, "json", "{question}")
    with pytest.raises(ValueError, match="format 'xml'; use one of template, json"):
        change_format(ROWS, "xml")  # type: ignore[arg-type]


def test_a_paraphrase_comes_from_a_mapping_or_a_function_and_keeps_what_was_said() -> None:
    mapping = {f"question {i}": f"query {i}" for i in range(3)}
    rows = paraphrase(ROWS, mapping, by="a list")
    assert texts(rows, "user") == ["query 0", "query 1", "query 2"]
    assert texts(rows, "assistant") == texts(ROWS, "assistant")
    assert rows[2]["meta"]["transforms"] == [
        {"kind": "paraphrase", "of": "question", "by": "a list", "before": "question 2"}
    ]
    shouted = paraphrase(ROWS, str.upper, of="answer")
    assert texts(shouted, "assistant")[0] == "ROW ANSWER 0"
    with pytest.raises(ValueError, match=r"2 of 3 questions have no paraphrase \(the first is"):
        paraphrase(ROWS, {"question 0": "query 0"})
    with pytest.raises(ValueError, match="paraphrase of row 0 is empty"):
        paraphrase(ROWS, lambda text: "")
