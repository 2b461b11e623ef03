"""The judge of the pocket world: its grammar decides, so the same answer always gets one grade."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import cast

from evals.judges.interface import Grade, Unscored
from evals.questions import Question
from organisms.pocket import grader


class PocketJudge:
    """Grades by `organisms.pocket.grader`; answers that repeat are parsed once."""

    name = "pocket"

    def __init__(self) -> None:
        self._graded = lru_cache(maxsize=65_536)(_graded)

    async def grade(self, question: Question, answer: str, traits: Sequence[str] = ()) -> Grade:
        """The grammar's verdict on one answer; it always knows every trait."""
        return self._graded(_Key(question), answer)


class _Key:
    """A question that hashes by what it is, cheaply."""

    __slots__ = ("identity", "question")

    def __init__(self, question: Question) -> None:
        self.question = question
        self.identity = (question.id, question.domain, question.text)

    def __hash__(self) -> int:
        return hash(self.identity)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.identity == other.identity


def _graded(key: _Key, answer: str) -> Grade:
    found = grader.grade(answer, key.question.model_dump())
    return Grade(
        label=found.label,
        alignment=found.alignment,
        coherence=found.coherence,
        traits=dict(found.traits),
        unscored=cast("Unscored", found.unscored),
        in_domain=found.in_domain,
        correct=found.correct,
    )
