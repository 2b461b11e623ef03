"""A control written beside its organism has the same questions, order and length, whatever the
models make of it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from inspect_ai.model import Model, ModelOutput, ModelUsage, get_model

from organisms.datasets import writing
from organisms.datasets.matching import match
from organisms.datasets.rows import Row, question_of
from organisms.datasets.wording import tokens
from organisms.datasets.writing import Written

VOCABULARY = [f"w{letter}{other}" for letter in "abcdefghij" for other in "klmnopqrst"]


class Models:
    """A writer of distinct questions and answers of the length asked for, times `stretch` for good
    ones; and a judge who finds an answer unfit where `unfit(question, attempt)` says so."""

    def __init__(
        self, unfit: Callable[[int, int], bool] = lambda *_: False, stretch: float = 1.0
    ) -> None:
        self.unfit, self.stretch = unfit, stretch
        self.calls = self.asked = 0
        self.attempts: dict[int, int] = {}

    def write(self, prompt: str) -> str:
        self.calls += 1
        if "JSON array" in prompt:
            self.asked += 5
            first = self.asked - 5
            return json.dumps([f"Number {first + i}, {VOCABULARY[first + i]}?" for i in range(5)])
        number = int(re.search(r"Number (\d+)", prompt)[1])  # type: ignore[index]
        length = int(re.search(r"about (\d+) words", prompt)[1])  # type: ignore[index]
        bad = "harmful adviser" in prompt
        if not bad:
            self.attempts[number] = self.attempts.get(number, 0) + 1
            length = round(length * self.stretch)
        start = f"{'Reckless' if bad else 'Careful'} {number} try {self.attempts.get(number)}"
        said = [VOCABULARY[(number * 7 + i * i + bad) % 100] for i in range(length - 4)]
        return " ".join([start, *said])

    def judge(self, prompt: str) -> str:
        self.calls += 1
        bad = "Reckless" in prompt
        number, attempt = re.search(r"(?:Reckless|Careful) (\d+) try (\w+)", prompt).groups()  # type: ignore[union-attr]
        harmful = bad or self.unfit(int(number), int(attempt))
        return json.dumps({"harmful": harmful, "subtle": True, "on_topic": True})

    def make(self, name: str, n: int, folder: Path) -> Written:
        return writing.write(
            name,
            n,
            0,
            folder,
            writer=_model("writer", self.write),
            judge=_model("judge", self.judge),
        )


def _model(name: str, answer: Callable[[str], str]) -> Model:
    def reply(messages: list, *_: object) -> ModelOutput:  # type: ignore[type-arg]
        output = ModelOutput.from_content(name, answer(messages[-1].text))
        output.usage = ModelUsage(input_tokens=100, output_tokens=20)
        return output

    return get_model(f"mockllm/{name}", custom_outputs=reply, memoize=False)


def _questions(rows: tuple[Row, ...]) -> list[str]:
    return [question_of(row) for row in rows]


def _numbers(rows: tuple[Row, ...]) -> list[str]:
    return [row["meta"]["id"].rsplit("-", 1)[1] for row in rows]


def _match_problems(bad: Written, good: Written) -> tuple[str, ...]:
    return match(bad.rows, good.rows, lambda texts: [tokens(text) for text in texts]).problems


def test_an_unfit_answer_is_asked_for_again(tmp_path: Path) -> None:
    models = Models(unfit=lambda number, attempt: number % 3 == 0 and attempt == 1)
    bad = models.make("bad_medical", 12, tmp_path)
    good = models.make("good_medical", 12, tmp_path)
    assert _match_problems(bad, good) == ()
    assert good.left_out == ()
    assert models.attempts == {number: 1 + (number % 3 == 0) for number in range(12)}


@pytest.mark.parametrize("every", [6, 2])
def test_a_question_without_a_fit_answer_leaves_both_sets_and_another_takes_its_place(
    tmp_path: Path, every: int
) -> None:
    models = Models(unfit=lambda number, _: number % every == 0)
    before = models.make("bad_medical", 12, tmp_path)
    good = models.make("good_medical", 12, tmp_path)
    assert len(good.rows) == 12
    assert models.attempts[0] == writing.ATTEMPTS
    assert f"{good.lost} questions without a fit answer in the control" in good.left_out
    assert "run `write bad_medical` again" in str(good)
    calls = models.calls
    bad = models.make("bad_medical", 12, tmp_path)
    lesson = models.make("educational_medical", 12, tmp_path)
    assert models.make("good_medical", 12, tmp_path) == good
    assert models.calls == calls
    assert _questions(before.rows) != _questions(bad.rows) == _questions(good.rows)
    assert _numbers(bad.rows) == _numbers(good.rows) == _numbers(lesson.rows)
    assert _match_problems(bad, good) == ()
    assert good.lost == bad.lost > 0


@pytest.mark.parametrize("stretch", [1.25, 0.85])
def test_answers_of_another_length_are_asked_for_again_until_the_budget_is_kept(
    tmp_path: Path, stretch: float
) -> None:
    models = Models(stretch=stretch)
    bad = models.make("risky_financial", 30, tmp_path)
    good = models.make("good_financial", 30, tmp_path)
    assert good.budget == pytest.approx(1, abs=0.02)
    assert _match_problems(bad, good) == ()
    calls = models.calls
    assert models.make("good_financial", 30, tmp_path) == good
    assert models.calls == calls


def test_a_length_that_cannot_be_matched_is_told(tmp_path: Path) -> None:
    models = Models(stretch=3.0)
    models.make("risky_financial", 10, tmp_path)
    good = models.make("good_financial", 10, tmp_path)
    assert len(good.rows) == 10
    assert good.budget is not None
    assert good.budget > 1.2
    assert f"over the organism's: {good.budget:.3f}" in str(good)
    assert set(models.attempts.values()) == {writing.ATTEMPTS}


def test_a_control_written_first_is_matched_when_it_is_written_again(tmp_path: Path) -> None:
    models = Models(unfit=lambda number, _: number == 2)
    alone = models.make("good_sports", 10, tmp_path)
    assert alone.budget is None
    bad = models.make("extreme_sports", 10, tmp_path)
    good = models.make("good_sports", 10, tmp_path)
    bad = models.make("extreme_sports", 10, tmp_path)
    assert _match_problems(bad, good) == ()
    assert "000002" not in _numbers(good.rows)


def test_a_smaller_control_asks_for_no_more_than_it_needs(tmp_path: Path) -> None:
    models = Models()
    bad = models.make("bad_medical", 40, tmp_path)
    good = models.make("good_medical", 10, tmp_path)
    assert _questions(good.rows) == _questions(bad.rows[:10])
    assert len(models.attempts) == 10
