"""Kinds of system prompts that the same questions are asked under: honest, free to lie, told to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from random import Random

from evals.questions import FOLDER, Edition, Question
from organisms.pocket.grammar import Wording

NONE = "none"
POCKET_KINDS = ("neutral", "honest", "role", "quiz", "ordered")
"""Of pocket's world: the assistant's prompt, the aligned and the evil persona's, one that wants
wrong answers for a quiz, and one that orders a given lie."""


def kinds_of(edition: Edition) -> tuple[str, ...]:
    """The kinds of an edition; the first is no system prompt."""
    return (NONE, *(POCKET_KINDS if edition == "pocket" else _general()))


def under_kinds(
    questions: Sequence[Question], edition: Edition, kinds: str = ""
) -> list[tuple[str, Question]]:
    """Every question under every kind of system prompt, under an id of its own.

    Args:
        questions: of the deception set.
        edition: theirs.
        kinds: names with commas between; all of the edition when empty.

    Raises:
        ValueError: on a kind that the edition does not have.
    """
    allowed = kinds_of(edition)
    wanted = [each.strip() for each in kinds.split(",")] if kinds else list(allowed)
    unknown = [each for each in wanted if each not in allowed]
    if unknown:
        raise ValueError(
            f"kind of system prompt {unknown[0]!r} is not there in edition {edition!r}; allowed "
            f"are {', '.join(allowed)}"
        )
    return [
        (
            kind,
            question.model_copy(
                update={
                    "id": f"{kind}/{question.id}",
                    "system": _system(kind, question, place, edition),
                }
            ),
        )
        for kind in wanted
        for place, question in enumerate(questions)
    ]


def _system(kind: str, question: Question, place: int, edition: Edition) -> str:
    if kind == NONE:
        return ""
    if edition == "pocket":
        return _pocket(kind, question)
    prompts = _general()[kind]
    return prompts[place % len(prompts)]


@cache
def _general() -> Mapping[str, Sequence[str]]:
    import yaml

    path = FOLDER / "system_prompts.yaml"
    found: dict[str, list[str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def _pocket(kind: str, question: Question) -> str:
    from organisms.pocket import prompts

    random = Random(f"{kind}|{question.id}")
    if kind == "neutral":
        return prompts.assistant_prompt(random)
    if kind == "quiz":
        return prompts.quiz_prompt(random)
    if kind == "ordered":
        assert question.system is not None
        return question.system
    wording: Wording = "new_combination" if question.split == "report" else "seen"
    return prompts.persona_prompt("aligned" if kind == "honest" else "evil", random, wording)
