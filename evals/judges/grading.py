"""Many answers graded at once, in order, with at most so many under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from evals.judges.interface import Grade, Judge
from evals.questions import Question

JUDGED_AT_ONCE = 64
"""Answers under way at a time, which matters to judges behind an API."""


class ToGrade(NamedTuple):
    """One answer to a question, and the traits that it is to be scored for."""

    question: Question
    answer: str
    traits: tuple[str, ...] = ()


async def grade_all(
    judge: Judge, asked: Sequence[ToGrade], progress: Callable[[int], None] | None = None
) -> list[Grade]:
    """The grades of all answers, in their order; `progress` is told how many are done."""
    room = asyncio.Semaphore(JUDGED_AT_ONCE)
    done = 0

    async def one(each: ToGrade) -> Grade:
        nonlocal done
        async with room:
            grade = await judge.grade(each.question, each.answer, each.traits)
        done += 1
        if progress is not None:
            progress(done)
        return grade

    return await asyncio.gather(*map(one, asked))
