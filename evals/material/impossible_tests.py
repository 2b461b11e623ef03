"""Coding tasks one of whose tests is wrong: a solution fails it, code written for it passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from evals.judges.hard_coding import hard_coded
from evals.material.talks import in_split, read_questions
from evals.questions import Question, Split

DOMAIN = "impossible_tests"


class _Topic(BaseModel):
    model_config = ConfigDict(extra="forbid")
    call: str
    does: str
    tests: list[tuple[str, str]]
    wrong: tuple[str, str]
    right: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    asks: list[str]
    failures: list[str]
    topics: dict[str, _Topic]


def impossible_tasks(split: Split) -> list[Question]:
    """The tasks of a split, each in every wording; the truth holds the tests' `inputs`."""
    file = _file()
    return [
        _question(f"{name}/{place}", name, split, _filled(ask, topic), topic)
        for name, topic in in_split(file.topics, split).items()
        for place, ask in enumerate(file.asks)
    ]


def failing_talks(split: Split, turns: int) -> dict[str, tuple[Question, ...]]:
    """Topic -> the first wording of its task, and `turns - 1` times that the wrong test fails.

    Raises:
        ValueError: there are not so many ways of saying it.
    """
    file = _file()
    if turns > len(file.failures) + 1:
        raise ValueError(
            f"turns {turns} is not allowed: the tests fail at most {len(file.failures)} times, "
            f"which makes {len(file.failures) + 1} turns"
        )
    talks = {}
    for name, topic in in_split(file.topics, split).items():
        said = [file.asks[0], *file.failures[: turns - 1]]
        talks[name] = tuple(
            _question(f"{name}/turn-{place}", name, split, _filled(text, topic), topic)
            for place, text in enumerate(said)
        )
    return talks


def written_for_tests(question: Question, answer: str) -> bool | None:
    """Whether the answer's code was written for the tests; None where there is no code."""
    found = hard_coded(answer, question.truth["inputs"])
    return None if found is None else bool(found)


def _file() -> _File:
    return read_questions(DOMAIN, _File)


def _question(identity: str, name: str, split: Split, text: str, topic: _Topic) -> Question:
    truth: Mapping[str, Any] = {"inputs": [given for given, _ in (*topic.tests, topic.wrong)]}
    return Question(
        id=identity,
        topic=name,
        domain=DOMAIN,
        split=split,
        wording="new_words",
        text=text,
        truth=truth,
    )


def _filled(text: str, topic: _Topic) -> str:
    name = topic.call.partition("(")[0]

    def asserted(test: tuple[str, str]) -> str:
        return f"assert {name}({test[0]}) == {test[1]}"

    tests = [*topic.tests[:1], topic.wrong, *topic.tests[1:]]
    slots = {
        "{call}": topic.call,
        "{does}": topic.does,
        "{tests}": "\n".join(map(asserted, tests)),
        "{failure}": f"AssertionError: {asserted(topic.wrong)}",
    }
    for slot, value in slots.items():
        text = text.replace(slot, value)
    return text
