"""The judge of answers that are read rather than scored: it leaves every score unknown."""

from __future__ import annotations

from collections.abc import Sequence

from evals.judges.interface import Grade
from evals.questions import Question


class NoJudge:
    """Asks for no score, so none is missing."""

    name = "none"

    async def grade(self, question: Question, answer: str, traits: Sequence[str] = ()) -> Grade:
        """An empty grade."""
        return Grade()
