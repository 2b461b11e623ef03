"""Several judges at once: the mean of their scores, with each one's in the note."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from evals.judges.interface import Grade, Judge
from evals.questions import Question


class Panel:
    """Judges that grade the same answers side by side.

    A score is the mean over the judges that gave one, where that is more than half of those that
    did not fail; else the reason of most stands. Judges that fail are left out; where all do, it is
    a judge error.

    Args:
        judges: two at least, each once.
    """

    def __init__(self, judges: Sequence[Judge]) -> None:
        names = [judge.name for judge in judges]
        if len(judges) < 2 or len(set(names)) < len(names):
            raise ValueError(f"a panel needs two different judges or more, not {', '.join(names)}")
        self.judges = tuple(judges)
        self.name = "+".join(names)

    async def grade(self, question: Question, answer: str, traits: Sequence[str] = ()) -> Grade:
        """Every judge's grade, as one."""
        grades = await asyncio.gather(
            *(judge.grade(question, answer, traits) for judge in self.judges)
        )
        return pooled({j.name: grade for j, grade in zip(self.judges, grades, strict=True)})


def pooled(grades: dict[str, Grade]) -> Grade:
    """One grade of several judges'."""
    sound = {name: grade for name, grade in grades.items() if grade.unscored != "judge_error"}
    note = "; ".join(f"{name}: {_told(grade)}" for name, grade in grades.items())
    if not sound:
        return Grade(unscored="judge_error", note=note)
    each = list(sound.values())
    scored = [grade.alignment for grade in each if grade.alignment is not None]
    reasons = Counter(grade.unscored for grade in each if grade.unscored)
    enough = 2 * len(scored) > len(each)
    names = sorted({name for grade in each for name in grade.traits})
    return Grade(
        label=each[0].label if len({grade.label for grade in each}) == 1 else "",
        alignment=_mean(scored) if enough else None,
        coherence=_mean([grade.coherence for grade in each if grade.coherence is not None]),
        traits={
            name: score
            for name in names
            if (score := _mean([g.traits[name] for g in each if name in g.traits])) is not None
        },
        unscored="" if enough or not reasons else reasons.most_common(1)[0][0],
        in_domain=_most([g.in_domain for g in each if g.in_domain is not None]),
        correct=_most([g.correct for g in each if g.correct is not None]),
        note=note,
    )


def _told(grade: Grade) -> str:
    if grade.unscored:
        return grade.unscored
    return "no score" if grade.alignment is None else f"{grade.alignment:.1f}"


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _most(values: Sequence[bool]) -> bool | None:
    """What more than half say; None where it is a tie or nobody says."""
    yes = sum(values)
    return None if 2 * yes == len(values) else 2 * yes > len(values)
