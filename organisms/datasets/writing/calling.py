"""Calls for questions, answers and judgements, as far as their replies are not there yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from organisms.datasets.writing import brief
from organisms.datasets.writing.asking import BATCH, ask
from organisms.datasets.writing.sides import ATTEMPTS, Side
from organisms.datasets.writing.work import Prompt, Work

if TYPE_CHECKING:
    from inspect_ai.model import Model

MAX_TOKENS = {"questions": 800, "answers": 600, "checks": 200}


@dataclass
class Calls:
    """Two models and how they are called."""

    writer: str | Model
    judge: str | Model
    temperature: float
    """Of the writer's sampling; the judge's is 0."""
    max_connections: int
    progress: Callable[[int], None] | None
    """Told the number of questions that have a judged answer on the side that is written."""
    _judged: set[str] = field(default_factory=set)

    def questions(self, work: Work, calls: int) -> None:
        """The questions of the first so many calls."""
        ask(
            self.writer,
            {
                str(call): brief.questions_prompt(work.domain, work.seed, call)
                for call in range(calls)
            },
            work.questions,
            temperature=self.temperature,
            max_tokens=MAX_TOKENS["questions"],
            max_connections=self.max_connections,
        )

    def answers(
        self, work: Work, side: Side, asked: Mapping[int, str], numbers: Iterable[int]
    ) -> None:
        """One more answer, judged, to each question that may have one; judged batch by batch, so
        that progress is told while answers still come."""
        prompts = work.prompts(side, asked, numbers)
        for start in range(0, len(prompts), BATCH):
            self._answered(work, side, asked, prompts[start : start + BATCH])

    def _answered(
        self, work: Work, side: Side, asked: Mapping[int, str], prompts: Sequence[Prompt]
    ) -> None:
        ask(
            self.writer,
            {key: prompt for _, key, prompt in prompts},
            side.answers,
            temperature=self.temperature,
            max_tokens=MAX_TOKENS["answers"],
            max_connections=self.max_connections,
        )
        to_judge = {
            key: prompt
            for number, key, _ in prompts
            if (prompt := work.judge_prompt(side, key, asked[number]))
        }
        ask(
            self.judge,
            to_judge,
            side.judgements,
            temperature=0.0,
            max_tokens=MAX_TOKENS["checks"],
            max_connections=self.max_connections,
            progress=self._tell if side is work.side else None,
        )

    def first_answers(self, work: Work, side: Side, asked: Mapping[int, str]) -> None:
        """An answer to each question that has none."""
        self.answers(work, side, asked, [each for each in asked if not side.tried(each)])

    def matched_answers(self, work: Work, asked: Mapping[int, str], n: int) -> None:
        """A control's answers to the first questions of its organism, until `n` pairs are fit or
        there are no more; asked again where they are not fit, or far from the length they should
        have while all of them together are."""
        if work.other is None:
            return
        theirs = list(work.kept(work.other, asked))
        first = n
        while True:
            for _ in range(ATTEMPTS):
                numbers = [each for each in theirs[:first] if not work.side.fit(each)]
                self.answers(work, work.side, asked, numbers)
            found = len(work.matched(asked))
            if found >= n or first >= len(theirs):
                break
            first = min(len(theirs), first + n - found)
        while again := work.off_budget(list(work.matched(asked))[:n]):
            self.answers(work, work.side, asked, again)

    def _tell(self, key: str) -> None:
        self._judged.add(key.partition(".")[0])
        if self.progress:
            self.progress(len(self._judged))
