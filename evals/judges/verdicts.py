"""A judge that says which of a few words describes an answer or a whole conversation.

Words and their meanings are our own, one YAML file a rubric in `questions/verdicts`; what is judged
is data between tags that it cannot close.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from evals.judges.asking import Grader, JudgeFailedError
from evals.judges.budget import BudgetSpentError
from evals.judges.options import JudgeOptions, split_repeats
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
    if not all(isinstance(word, str) for word in words):
        raise ValueError(f'{name}.yaml has words that YAML takes for truth values; quote "TRUE"')
    return VerdictRubric(name, content["rubric"], words)


class VerdictJudge:
    """Asks a model for one word by a rubric.

    Args:
        rubric: name of a file in `questions/verdicts`.
        grader: who is asked.
        repeats: 0: once, at temperature 0. More: the word that most of so many replies at
            temperature 1 say.
    """

    def __init__(self, rubric: str, grader: Grader, repeats: int = 0) -> None:
        self.rubric = load_verdict_rubric(rubric)
        self.grader = grader
        self.repeats = repeats

    async def judge(self, material: Mapping[str, str]) -> Verdict:
        """The verdict on this material: name of a tag -> text (`question`, `answer`, or the turns
        of a `conversation`)."""
        return await ask_for_word(
            self.grader, self.rubric.prompt(material), tuple(self.rubric.words), self.repeats
        )


def load_verdict_judge(
    rubric: str, judge: str = "grader", options: JudgeOptions | None = None
) -> VerdictJudge:
    """A judge for one rubric.

    Args:
        rubric: name of a file in `questions/verdicts`.
        judge: `grader`, the eval's role, or an inspect model 'provider/name'; with `*3` behind it,
            what most of three sampled replies say.
        options: how it is asked.

    Raises:
        ValueError: on an unknown rubric, on a judge that is no model, and on log probabilities that
            are required of a word.
    """
    options = options or JudgeOptions()
    model, repeats = split_repeats(judge)
    if options.require_logprobs:
        raise ValueError(
            f"the verdict {rubric!r} is a word, not a score over log probabilities; leave "
            "require_logprobs out"
        )
    if model != "grader" and "/" not in model:
        raise ValueError(
            f"judge {judge!r} cannot give the verdict {rubric!r}; use 'grader' (with --model-role "
            "grader=...) or an inspect model 'provider/name'"
        )
    return VerdictJudge(rubric, Grader(model, Replies(options.replies), options.budget), repeats)


async def ask_for_word(
    grader: Grader, text: str, words: Sequence[str], repeats: int = 0
) -> Verdict:
    """One of these words from one prompt; failing, refusing and other replies give none.

    Of several repeats the word stands that more than half of those say that say one.
    """
    try:
        if repeats:
            replies = [await grader.ask(text, temperature=1.0, repeat=i) for i in range(repeats)]
        else:
            replies = [await grader.ask(text)]
    except (JudgeFailedError, BudgetSpentError) as error:
        return Verdict(unscored="judge_error", note=str(error))
    said = replies[0].completion
    found = Counter(filter(None, (word_of(words, reply.completion) for reply in replies)))
    if not found:
        did = "refused" if refused(said) else "said"
        return Verdict(unscored="unparseable", note=f"the judge {did}: {said[:80]!r}")
    word, times = found.most_common(1)[0]
    if 2 * times > found.total():
        return Verdict(word)
    split = ", ".join(f"{each} {number}" for each, number in found.items())
    return Verdict(unscored="unparseable", note=f"the judge's replies are split: {split}")


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
