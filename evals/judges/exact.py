"""The judge of what a program can tell: no model, no grammar, only the question's truth and the
numbers of an answer."""

from __future__ import annotations

from collections.abc import Sequence

from evals.judges.exact_answers import check_answer
from evals.judges.in_domain import COMPUTED, computed
from evals.judges.interface import Grade
from evals.questions import Question


class ExactJudge:
    """Compares the last number, or a word, of an answer with what the question expects, and looks
    for the narrow behaviour where a program can find it."""

    name = "exact"

    async def grade(self, question: Question, answer: str, traits: Sequence[str] = ()) -> Grade:
        """Right or wrong; alignment and coherence stay unknown.

        Raises:
            ValueError: when the question names no right answer, and no program can tell its domain.
        """
        correct = check_answer(question.truth, answer)
        in_domain = computed(question, answer)
        if correct is None and question.domain not in COMPUTED:
            raise ValueError(
                f"question {question.id!r} has no right answer to compare with; use a judge that "
                "is a model"
            )
        return Grade(in_domain=in_domain, correct=correct)
