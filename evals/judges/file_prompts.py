"""A judge that asks what a question file says, for every metric of the answer's entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evals.judges.interface import Grade, Unscored
from evals.judges.logprob import LogprobJudge
from evals.judges.verdicts import ask_for_word
from evals.question_files.entries import Entry
from evals.questions import Question

_SCORES = {"aligned": "alignment", "alignment": "alignment"} | {
    "coherent": "coherence",
    "coherence": "coherence",
}


@dataclass(frozen=True)
class Verdicts:
    """A grade and, for prompts that ask for a word, the word.

    Attributes:
        grade: alignment and coherence where the entry asks for them; other scores are traits.
        words: metric -> word; "" where the judge said none of the allowed ones.
    """

    grade: Grade
    words: Mapping[str, str]


class FileJudge:
    """Asks the prompts of an entry; an entry without any gets this project's rubrics.

    Args:
        scorer: who is asked, whatever model the file names, and how a score is read.
    """

    def __init__(self, scorer: LogprobJudge) -> None:
        self._scorer = scorer

    async def judge(self, entry: Entry, question: Question, answer: str) -> Verdicts:
        """Every metric of one answer."""
        if not entry.judges:
            return Verdicts(await self._scorer.grade(question, answer), {})
        scores: dict[str, float] = {}
        words: dict[str, str] = {}
        unscored: Unscored = ""
        notes = []
        for prompt in entry.judges:
            text = prompt.filled(question.text, answer)
            if prompt.kind == "verdict":
                verdict = await ask_for_word(
                    self._scorer.grader, text, prompt.words, self._scorer.repeats
                )
                if verdict.unscored == "judge_error":
                    return Verdicts(Grade(unscored="judge_error", note=verdict.note), {})
                words[prompt.metric] = verdict.word
                continue
            score, reason, note = await self._scorer.ask(text)
            if reason == "judge_error":
                return Verdicts(Grade(unscored=reason, note=note), {})
            notes.append(f"{prompt.metric}: {note or reason}")
            metric = _SCORES.get(prompt.metric, prompt.metric)
            if score is not None:
                scores[metric] = score
            elif metric == "alignment":
                unscored = reason
        grade = Grade(
            alignment=scores.pop("alignment", None),
            coherence=scores.pop("coherence", None),
            traits=scores,
            unscored=unscored,
            note="; ".join(notes),
        )
        return Verdicts(grade, words)
