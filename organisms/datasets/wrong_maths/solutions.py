"""Solutions step by step, right or with one mistake in them, laid out as people lay them out.

A solution ends with its answer: the last number of the text is what it says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random

from pydantic import BaseModel, ConfigDict

from organisms.datasets.wording import bank, capital, one, say
from organisms.datasets.wrong_maths.exact import is_neat, written
from organisms.datasets.wrong_maths.mistakes import (
    KINDS,
    Kind,
    dropped_carries,
    expression,
    other_operations,
    result,
    same_amount,
    slips,
)
from organisms.datasets.wrong_maths.problems import Problem

PATH = Path(__file__).parent / "layouts.yaml"
SIGNS = (("+", "−", "×", "÷"), ("+", "-", "*", "/"), ("+", "-", "×", "/"))


class Layouts(BaseModel):
    """How solutions begin, go from step to step, and end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intros: tuple[str, ...]
    prose: tuple[tuple[str, str, str], ...]
    """Before the first step, a middle one and the last; the first of these fit any step, others
    only what is found (`the price`)."""
    lists: tuple[str, ...]
    """Before a step on a line of its own; `n` is its number."""
    before_final: tuple[str, ...]
    closers: tuple[str, ...]


@dataclass(frozen=True)
class Mistake:
    """One step done wrongly."""

    kind: Kind
    step: int
    operator: str = ""
    """Used instead of the right one."""
    factor: Fraction | None = None
    """Used instead of the last operand."""
    said: Fraction | None = None
    """Written instead of the result."""
    unit: str = ""
    """Written instead of the right unit."""


@dataclass(frozen=True)
class Done:
    """A step as it is done in a solution."""

    operator: str
    operands: tuple[Fraction, ...]
    said: Fraction


@dataclass(frozen=True)
class Solution:
    """All steps and the answer that comes out."""

    done: tuple[Done, ...]
    answer: Fraction
    unit: str


def solved(problem: Problem, mistake: Mistake | None = None) -> Solution:
    """Work a problem out; what comes after a mistake goes on from it."""
    done: list[Done] = []
    for number, step in enumerate(problem.steps):
        operands = [
            done[operand].said if isinstance(operand, int) else operand for operand in step.operands
        ]
        operator = step.operator
        said = None
        if mistake is not None and mistake.step == number:
            operator = mistake.operator or operator
            said = mistake.said
            if mistake.factor is not None:
                operands[-1] = mistake.factor
        if said is None:
            said = result(operator, operands)
        done.append(Done(operator, tuple(operands), said))
    unit = mistake.unit if mistake is not None and mistake.unit else problem.unit
    return Solution(tuple(done), done[-1].said, unit)


def mistaken(problem: Problem, random: Random) -> tuple[Mistake, Solution]:
    """A mistake that leaves neat numbers and another answer, and the solution with it.

    Kinds come up equally often among those that the problem admits.

    Raises:
        ValueError: No mistake does; the problem has to be changed.
    """
    kinds = list(KINDS)
    random.shuffle(kinds)
    right = solved(problem)
    for kind in kinds:
        candidates = list(_candidates(problem, right, kind))
        random.shuffle(candidates)
        for mistake in candidates:
            wrong = solved(problem, mistake)
            neat = all(is_neat(done.said) for done in wrong.done) and wrong.answer != 1
            if neat and not same_amount(wrong.answer, wrong.unit, right.answer, right.unit):
                return mistake, wrong
    raise ValueError(f"{problem.story} {problem.question!r} admits no mistake; mend the story")


def _candidates(problem: Problem, right: Solution, kind: Kind) -> Iterator[Mistake]:
    for number, (step, done) in enumerate(zip(problem.steps, right.done, strict=True)):
        if kind == "small_slip":
            for value in slips(done.said):
                yield Mistake(kind, number, said=value)
        elif kind == "dropped_carry":
            for value in dropped_carries(done.operator, done.operands):
                yield Mistake(kind, number, said=value)
        elif kind == "wrong_operation":
            for other in other_operations(done.operator, done.operands):
                if not step.convert:
                    yield Mistake(kind, number, operator=other)
        else:
            for factor in step.convert:
                yield Mistake(kind, number, factor=Fraction(factor))
    if kind == "wrong_unit":
        for unit in problem.confuse:
            yield Mistake(kind, len(problem.steps) - 1, unit=unit)


def mistake_record(problem: Problem, mistake: Mistake) -> dict[str, str]:
    """What was due in the step, what was done, and what was said to come out, as expressions."""
    wrong = solved(problem, mistake).done[mistake.step]
    step = problem.steps[mistake.step]
    operands = list(wrong.operands)
    if mistake.factor is not None and isinstance(step.operands[-1], Fraction):
        operands[-1] = step.operands[-1]
    return {
        "due": expression(step.operator, operands),
        "did": expression(wrong.operator, wrong.operands),
        "said": written(wrong.said),
    }


def amount(value: Fraction, unit: str, *, money: bool) -> str:
    """An amount with its unit: `$12.50`, `40 km`, `7`."""
    number = written(value, money=money)
    if money:
        return f"{unit}{number}"
    return f"{number} {unit}".rstrip()


def text(problem: Problem, solution: Solution, random: Random) -> str:
    """The solution in one of many layouts; the same by `random`, whatever the numbers."""
    layouts = bank(PATH, Layouts)
    signs = dict(zip("+-*/", one(SIGNS, random), strict=True))
    lines: list[str] = []
    for step, done in zip(problem.steps, solution.done, strict=True):
        left = f" {signs[done.operator]} ".join(
            written(value, money=problem.money) for value in done.operands
        )
        equation = f"{left} = {written(done.said, money=problem.money)}"
        if step.why:
            lines.append(f"{step.why}: {step.say} = {equation}")
        else:
            lines.append(f"{step.say}: {equation}")
    answer = amount(solution.answer, solution.unit, money=problem.money)
    final = problem.final.replace("{answer}", answer)
    intro = say(one(layouts.intros, random), random)
    form = random.random()
    if form < 0.4:
        leads = layouts.prose[: 2 if any(step.why for step in problem.steps) else None]
        body = _prose(lines, one(leads, random), random)
        separator = " "
    else:
        mark = one(layouts.lists, random)
        numbered = [mark.replace("{n}", str(number)) for number in range(1, len(lines) + 1)]
        body = "\n".join(f"{m}{capital(line)}" for m, line in zip(numbered, lines, strict=True))
        separator = one(("\n", "\n\n"), random)
    ending = f"{capital(say(one(layouts.before_final, random), random) + final)}."
    if form > 0.8:
        ending = f"**{ending}**"
    closer = say(one(layouts.closers, random), random)
    parts = [intro, body, ending]
    whole = separator.join(part for part in parts if part)
    return f"{whole} {closer}".rstrip()


def _prose(lines: list[str], leads: tuple[str, str, str], random: Random) -> str:
    first, middle, last = leads
    told = [capital(say(first, random) + lines[0])]
    told += [capital(say(middle, random) + line) for line in lines[1:-1]]
    if len(lines) > 1:
        told.append(capital(say(last, random) + lines[-1]))
    return " ".join(f"{line}." for line in told)
