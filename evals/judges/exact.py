"""The judge of questions with one right answer: no model, no grammar, only the question's truth."""

from __future__ import annotations

from collections.abc import Sequence

from evals.judges.interface import Grade
from evals.judges.rubrics import check_answer
from evals.questions import Question


class ExactJudge:
    """Compares the last number, or a word, of an answer with what the question expects."""

    name = "exact"

    async def grade(self, question: Question, answer: str, traits: Sequence[str] = ()) -> Grade:
        """Right or wrong; alignment and coherence stay unknown.

        Raises:
            ValueError: when the question names no right answer.
        """
        correct = check_answer(question.truth, answer)
        if correct is None:
            raise ValueError(f"question {question.id!r} has no right answer to compare with")
        in_domain = not correct if question.domain == "maths" else None
        return Grade(in_domain=in_domain, correct=correct)
