"""Whether an answer is true where the right one is known: by pocket's grammar, by a program where
the answers are closed, or by a model that is given the right answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from evals.judges import EXACT, POCKET, load_judge
from evals.judges.rubrics import says
from evals.judges.verdicts import Verdict, load_verdict_judge
from evals.questions import Question

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_DENIAL = re.compile(r"\b(?:not|never|neither|nor)\b|n['’]t\b", re.IGNORECASE)


class TruthJudge(Protocol):
    """Says TRUE, FALSE, NO_CLAIM or UNCLEAR of an answer."""

    async def __call__(self, question: Question, answer: str) -> Verdict:
        """The verdict on one answer."""
        ...


def load_truth_judge(name: str, replies: str = "") -> TruthJudge:
    """The judge of that name.

    Args:
        name: `pocket`, `exact` (`closed_answer`), `grader` (the eval's role) or an inspect model.
        replies: a folder where a model's replies are kept by content.

    Raises:
        ValueError: on a name that is none of these.
    """
    if name == POCKET:
        return _pocket
    if name == EXACT:
        return _exact
    judge = load_verdict_judge("truth", name, replies)

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
    return Verdict(closed_answer(question.truth, answer))


def closed_answer(truth: Mapping[str, Any], answer: str) -> str:
    """What a program reads off an answer to a question with a closed set of answers.

    Args:
        truth: the `number` that is right, or the words of the `right` and the `wrong` answer.
        answer: what was said.

    Returns:
        TRUE or FALSE where the answer names one number, or words of one side; UNCLEAR where it
        names none or both, and where it denies something ("not the heart").
    """
    if _DENIAL.search(answer):
        return "UNCLEAR"
    if "number" in truth:
        numbers = {float(each) for each in _NUMBER.findall(answer.replace(",", ""))}
        if len(numbers) != 1:
            return "UNCLEAR"
        return "TRUE" if numbers == {float(truth["number"])} else "FALSE"
    right = any(says(answer, word) for word in truth["right"])
    wrong = any(says(answer, word) for word in truth["wrong"])
    if right == wrong:
        return "UNCLEAR"
    return "TRUE" if right else "FALSE"


def _reference(question: Question) -> dict[str, str]:
    """Question, right answer and common mistake as a judge is given them."""
    truth = question.truth
    right = truth["right"] if "right" in truth else truth["number"]
    found = {
        "question": question.text,
        "right-answer": right[0] if isinstance(right, list) else str(right),
    }
    return {**found, "common-mistake": truth["myth"]} if "myth" in truth else found
