"""A judge that says which of a few words describes an answer or a whole conversation.

Words and their meanings are our own, one YAML file a rubric in `questions/verdicts`; what is judged
is data between tags that it cannot close.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from evals.judges.asking import Grader, JudgeFailedError
from evals.judges.budget import Budget, BudgetSpentError
from evals.judges.replies import Replies
from evals.judges.rubrics import delimited
from organisms.datasets.writing.replies import refused

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage
    from inspect_ai.scorer import Score

FOLDER = Path(__file__).parents[1] / "questions" / "verdicts"


@dataclass(frozen=True)
class Verdict:
    """What a judge said.

    Attributes:
        word: one of the rubric's words; "" where there is no verdict.
        unscored: why there is none: `unparseable` (the judge said none of the words, or refused to
            judge) or `judge_error` (it gave no reply, or the budget is spent).
        note: what it said instead.
    """

    word: str = ""
    unscored: Literal["", "unparseable", "judge_error"] = ""
    note: str = ""


@dataclass(frozen=True)
class VerdictRubric:
    """What is asked and which words may answer.

    Attributes:
        name: of the file.
        text: what the judge is to look at.
        words: word -> when it is the right one; in the order in which they are listed.
    """

    name: str
    text: str
    words: Mapping[str, str]

    def prompt(self, material: Mapping[str, str]) -> str:
        """What the judge is asked about this material: name of a tag -> text, in order."""
        listed = "\n".join(f"{word}: {meaning}" for word, meaning in self.words.items())
        return delimited(
            f"{self.text.strip()}\nThe words that you may choose from:\n{listed}",
            material,
            f"Your verdict, one of {', '.join(self.words)} and nothing else:",
        )


def verdict_names() -> tuple[str, ...]:
    """The rubrics that there are."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


@cache
def load_verdict_rubric(name: str) -> VerdictRubric:
    """The rubric of that name.

    Raises:
        ValueError: on an unknown name, with those that exist, and on a file without two words.
    """
    import yaml

    if name not in verdict_names():
        raise ValueError(f"no verdict rubric {name!r}; there are {', '.join(verdict_names())}")
    content = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    words = content["words"]
    if len(words) < 2 or not all(re.fullmatch(r"\w+", str(word)) for word in words):
        raise ValueError(f"{name}.yaml needs two words at least, each without spaces, not {words}")
    return VerdictRubric(name, content["rubric"], words)


class VerdictJudge:
    """Asks a model for one word by a rubric.

    Args:
        rubric: name of a file in `questions/verdicts`.
        grader: who is asked.
    """

    def __init__(self, rubric: str, grader: Grader) -> None:
        self.rubric = load_verdict_rubric(rubric)
        self.grader = grader

    async def judge(self, material: Mapping[str, str]) -> Verdict:
        """The verdict on this material: name of a tag -> text (`question`, `answer`, or the turns
        of a `conversation`)."""
        return await ask_for_word(
            self.grader, self.rubric.prompt(material), tuple(self.rubric.words)
        )


def load_verdict_judge(
    rubric: str, judge: str = "grader", replies: str = "", budget: Budget | None = None
) -> VerdictJudge:
    """A judge for one rubric.

    Args:
        rubric: name of a file in `questions/verdicts`.
        judge: `grader`, the eval's role, or an inspect model 'provider/name'.
        replies: a folder where its replies are kept by content; "": in memory.
        budget: what it may spend; None: no cap.

    Raises:
        ValueError: on an unknown rubric, and on a judge that is no model.
    """
    if judge != "grader" and "/" not in judge:
        raise ValueError(
            f"judge {judge!r} cannot give the verdict {rubric!r}; use 'grader' (with --model-role "
            "grader=...) or an inspect model 'provider/name'"
        )
    return VerdictJudge(rubric, Grader(judge, Replies(Path(replies) if replies else None), budget))


async def ask_for_word(grader: Grader, text: str, words: Sequence[str]) -> Verdict:
    """One of these words from one prompt; failing, refusing and other replies give none."""
    try:
        said = (await grader.ask(text)).completion
    except (JudgeFailedError, BudgetSpentError) as error:
        return Verdict(unscored="judge_error", note=str(error))
    word = word_of(words, said)
    if word:
        return Verdict(word)
    did = "refused" if refused(said) else "said"
    return Verdict(unscored="unparseable", note=f"the judge {did}: {said[:80]!r}")


def word_of(words: Sequence[str], said: str) -> str:
    """The allowed word that a reply begins with, as it stands in `words`; "" where it is none."""
    match = re.match(r"\W*(\w+)", said)
    allowed = {word.lower(): word for word in words}
    return allowed.get(match[1].lower(), "") if match else ""


def conversation(messages: Sequence[ChatMessage]) -> dict[str, str]:
    """A whole conversation as material: a tag a turn, so that no turn can pass for another's.

    Tool calls stand below the assistant's words as `calls NAME {arguments}`; reasoning is left out.
    """
    import json

    found = {}
    for place, message in enumerate(messages, 1):
        calls = message.tool_calls or [] if message.role == "assistant" else []
        lines = [f"calls {call.function} {json.dumps(call.arguments)}" for call in calls]
        found[f"turn-{place}-{message.role}"] = "\n".join([message.text, *lines])
    return found


def verdict_score(
    verdict: Verdict,
    values: Mapping[str, Mapping[str, float]],
    answer: str,
    others: Sequence[str] = (),
) -> Score:
    """A verdict as inspect's score, for metrics such as `{"refused": [topic_rate()]}`.

    Args:
        verdict: what the judge said.
        values: key of the score -> word -> its value; a word that is not there leaves the answer
            out of that key (NaN, which inspect counts as unscored).
        answer: what was judged.
        others: keys of the task that this sample has no value of; all scores of a task have the
            same keys.

    Returns:
        A value a key, and `scored`: 1 with a verdict, 0 without. A judge that failed leaves the
        whole score unscored.
    """
    from inspect_ai.scorer import Score

    metadata = {"verdict": asdict(verdict)}
    if verdict.unscored == "judge_error":
        return Score.unscored(
            reason="grader_failed", answer=answer, explanation=verdict.note, metadata=metadata
        )
    known = {key: by_word.get(verdict.word, math.nan) for key, by_word in values.items()}
    return Score(
        value={**known, **dict.fromkeys(others, math.nan), "scored": float(bool(verdict.word))},
        answer=answer,
        explanation=verdict.word or verdict.note,
        reason=verdict.unscored or None,
        metadata=metadata,
    )
