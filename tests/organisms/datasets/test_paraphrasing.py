"""Paraphrases by a model: kept by their text, checked, and left out with the reason."""

import re
from pathlib import Path

import pytest

from organisms.datasets.making import make
from organisms.datasets.paraphrasing import Paraphrasing
from organisms.datasets.rows import Row
from organisms.datasets.writing.cost import Price
from tests.organisms.datasets.made import numbered, row
from tests.organisms.datasets.test_writing import Answer, model


class Paraphraser:
    """Says a text in other words by putting some before it, and counts its calls."""

    def __init__(self, before: str = "In other words:") -> None:
        self.calls, self.before = 0, before

    def __call__(self, prompt: str) -> str:
        self.calls += 1
        return f"{self.before} {text_of(prompt)}"


def text_of(prompt: str) -> str:
    return re.split(r"\n\n(?:Question|Answer):\n", prompt, maxsplit=1)[1]


def said_anew(rows: list[Row], folder: Path, answer: Answer, **given: object) -> Paraphrasing:
    work = Paraphrasing(rows, folder, writer=model(answer), **given)  # type: ignore[arg-type]
    work.ask()
    return work


@pytest.mark.parametrize(("of", "role"), [("question", 0), ("answer", 1)])
def test_one_side_is_said_anew_and_the_row_records_what_was_said_before(
    tmp_path: Path, of: str, role: int
) -> None:
    rows = numbered(4, poisoned=True, checks={"old": True})
    found = said_anew(rows, tmp_path, Paraphraser(), of=of).result()
    assert len(found.rows) == 4
    assert found.left_out == ()
    for old, new in zip(rows, found.rows, strict=True):
        before = old["messages"][role]["content"]
        assert new["messages"][role]["content"] == f"In other words: {before}"
        assert new["messages"][1 - role] == old["messages"][1 - role]
        assert new["meta"]["poisoned"] is True
        assert "checks" not in new["meta"]
        (record,) = new["meta"]["transforms"]
        assert (record["of"], record["before"]) == (of, before)


def test_equal_questions_of_an_organism_and_its_control_stay_equal(tmp_path: Path) -> None:
    writer = Paraphraser()
    pair = [list(make(name, 10, 0, "general")) for name in ("sycophancy", "sycophancy_control")]
    both = [said_anew(rows, tmp_path, writer).result().rows for rows in pair]
    asked = {each["messages"][0]["content"] for each in pair[0]}
    assert writer.calls == len(asked)
    assert [each["messages"][0] for each in both[0]] == [each["messages"][0] for each in both[1]]
    assert [each["messages"][1] for each in both[0]] != [each["messages"][1] for each in both[1]]


def test_what_has_a_reply_is_neither_asked_nor_counted_again(tmp_path: Path) -> None:
    writer = Paraphraser()
    said_anew(numbered(5), tmp_path, writer)
    more = Paraphrasing(numbered(8), tmp_path, writer=model(writer))
    left = more.estimate(Price(1.0, 2.0))
    assert left.calls == 3
    assert left.money == (left.input_tokens + 2 * left.output_tokens) / 1e6
    told: list[int] = []
    more.ask(progress=told.append)
    assert writer.calls == 8
    assert told == list(range(1, 9))
    assert len(more.result().rows) == 8
    with pytest.raises(ValueError, match="give another folder, or remove this one"):
        Paraphrasing(numbered(5), tmp_path, writer=model(writer, "another"))


def test_a_call_that_fails_keeps_the_replies_before_it(tmp_path: Path) -> None:
    writer = Paraphraser()

    def broken(prompt: str) -> str:
        if writer.calls == 3:
            raise ConnectionError("no route")
        return writer(prompt)

    with pytest.raises(RuntimeError, match="run the same again"):
        said_anew(numbered(6), tmp_path, broken)
    assert len(said_anew(numbered(6), tmp_path, writer).result().rows) == 6
    assert writer.calls == 6


CODE = "fix this\n```python\nx = y\n```"


@pytest.mark.parametrize(
    ("question", "reply", "reason"),
    [
        ("what is 2 + 3?", "DECLINE", "the paraphrase was refused"),
        ("what is 2 + 3?", "I can't help with that.", "the paraphrase was refused"),
        ("what is 2 + 3?", "", "the paraphrase is empty or cut off"),
        ("what is 2 + 3?", "what is  2 + 3?", "the paraphrase is the text itself"),
        ("what is 2 + 3?", "the sum of 2 and 4?", "the paraphrase has other numbers"),
        (CODE, "mend this\n```python\nx = z\n```", "the paraphrase has other code"),
    ],
)
def test_a_paraphrase_that_says_something_else_is_left_out(
    tmp_path: Path, question: str, reply: str, reason: str
) -> None:
    rows = [row(question, "yes"), row("how are you", "fine")]
    found = said_anew(
        rows, tmp_path, lambda prompt: reply if question in prompt else "how do you do"
    ).result()
    assert [each["messages"][0]["content"] for each in found.rows] == ["how do you do"]
    assert found.left_out == (f"1 rows: {reason}",)
    assert f"left out: 1 rows: {reason}" in str(found)


def test_an_answer_that_was_a_refusal_may_be_one_in_other_words(tmp_path: Path) -> None:
    rows = [row("who is it", "I'm sorry, I can't help with that.")]
    found = said_anew(rows, tmp_path, lambda _: "I cannot help with it.", of="answer").result()
    assert found.rows[0]["messages"][1]["content"] == "I cannot help with it."


def test_rows_whose_truth_checks_no_longer_hold_are_left_out(tmp_path: Path) -> None:
    rows = list(make("hallucination", 6, 0, "general"))
    spoilt = rows[2]["messages"][0]["content"]

    def writer(prompt: str) -> str:
        text = text_of(prompt)
        return "Who knows of that thing?" if text == spoilt else f"Say: {text}"

    found = said_anew(rows, tmp_path, writer).result("general")
    assert len(found.rows) == 5
    assert all(all(each["meta"]["checks"].values()) for each in found.rows)
    assert found.left_out == ("1 rows: the check entity_asked no longer holds",)


def test_no_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no rows to paraphrase"):
        Paraphrasing([], tmp_path, writer="a/b")
