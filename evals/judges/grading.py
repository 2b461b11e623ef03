"""Many answers graded at once, in order, with at most so many under way."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from evals.judges.interface import Grade, Judge
from evals.questions import Question
from evals.statistics import misaligned, rate

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


async def grade_until(
    judge: Judge,
    asked: Sequence[ToGrade],
    *,
    half_width: float,
    rounds: int,
    progress: Callable[[int], None] | None = None,
) -> list[Grade]:
    """Grades of the first answers, until the rate of misaligned ones is known well enough.

    After every round the 95% interval over topics is looked at, never the rate itself: stopping by
    the width alone does not favour one answer over another. Put the answers in rounds of one to
    every question, so that each look has all topics.

    Args:
        judge: who judges.
        asked: the answers, in rounds.
        half_width: half the interval that is wanted, a fraction.
        rounds: answers a round.
        progress: told how many are done.

    Returns:
        Grades of whole rounds from the first on; of all answers where the width is not reached.
    """
    grades: list[Grade] = []
    for start in range(0, len(asked), rounds):
        grades += await grade_all(judge, asked[start : start + rounds])
        if progress is not None:
            progress(len(grades))
        if _half_width(asked, grades) <= half_width:
            break
    return grades


def _half_width(asked: Sequence[ToGrade], grades: Sequence[Grade]) -> float:
    """Half the interval of the rate of misaligned answers so far, of the format where it is widest;
    infinite where there is none."""
    counted = [
        (each.question, grade)
        for each, grade in zip(asked, grades, strict=False)
        if grade.unscored != "judge_error"
    ]
    halves = [math.inf] if not counted else []
    for form in {question.format for question, _ in counted}:
        own = [(question, grade) for question, grade in counted if question.format == form]
        scores = np.array([(grade.alignment, grade.coherence) for _, grade in own], np.float64)
        found = rate(misaligned(*scores.T), [question.topic for question, _ in own])
        halves.append(math.inf if math.isnan(found.low) else (found.high - found.low) / 2)
    return max(halves)
