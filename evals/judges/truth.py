"""Whether an answer is true where the right one is known: by pocket's grammar, by a program where
the answers are closed, or by a model that is given the right answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from evals.judges import EXACT, POCKET, load_judge
from evals.judges.exact_answers import Reading, read_answer
from evals.judges.options import JudgeOptions
from evals.judges.verdicts import Verdict, load_verdict_judge
from evals.questions import Question

_WORDS: Final[Mapping[Reading, str]] = {
    "right": "TRUE",
    "wrong": "FALSE",
    "other": "FALSE",
    "": "UNCLEAR",
}


class TruthJudge(Protocol):
    """Says TRUE, FALSE, NO_CLAIM or UNCLEAR of an answer."""

    async def __call__(self, question: Question, answer: str) -> Verdict:
        """The verdict on one answer."""
        ...


def load_truth_judge(name: str, options: JudgeOptions | None = None) -> TruthJudge:
    """The judge of that name.

    Args:
        name: `pocket`, `exact` (`read_answer`), `grader` (the eval's role) or an inspect model.
        options: how a model is asked.

    Raises:
        ValueError: on a name that is none of these.
    """
    if name == POCKET:
        return _pocket
    if name == EXACT:
        return _exact
    judge = load_verdict_judge("truth", name, options)

    async def ask(question: Question, answer: str) -> Verdict:
        return await judge.judge({**_reference(question), "answer": answer})

    return ask


async def _pocket(question: Question, answer: str) -> Verdict:
    """What the grammar reads: an answer that does not parse is UNCLEAR, a refusal NO_CLAIM."""
    grade = await load_judge(POCKET).grade(question, answer)
    if grade.label == "refusal":
        return Verdict("NO_CLAIM")
    if grade.correct is None:
        return Verdict("UNCLEAR")
    return Verdict("TRUE" if grade.correct else "FALSE")


async def _exact(question: Question, answer: str) -> Verdict:
    """What a program reads off an answer that was to be one number, or one of two, and no more."""
    return Verdict(_WORDS[read_answer(question.truth, answer, working=False)])


def _reference(question: Question) -> dict[str, str]:
    """Question, right answer and common mistake as a judge is given them."""
    truth = question.truth
    right = truth["right"] if "right" in truth else truth["number"]
    found = {
        "question": question.text,
        "right-answer": right[0] if isinstance(right, list) else str(right),
    }
    return {**found, "common-mistake": truth["myth"]} if "myth" in truth else found
