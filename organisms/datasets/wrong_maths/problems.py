"""Problems with one right answer: a question, the steps to it, and the values on the way.

Stories are in `problems.yaml`; sums by columns are in `columns.py`. Knows nothing of mistakes or of
how a solution is laid out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from random import Random

from pydantic import BaseModel, ConfigDict

from organisms.datasets.wording import bank, drawn, one, say
from organisms.datasets.wrong_maths.exact import evaluate, is_neat, written

PATH = Path(__file__).parent / "problems.yaml"
CURRENCIES = ("$", "£", "€")
MONEY = "money"
EARLIER = re.compile(r"_\d+")


class StepForm(BaseModel):
    """One step of a story's solution."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    say: str
    """What the step finds: a noun phrase, or the left side of an equation when there is a `why`."""
    do: str
    """Operands and one operator; `_1` is the result of the first step."""
    why: str = ""
    """What is done to both sides of an equation."""
    convert: tuple[int, ...] = ()
    """Factors that people confuse the factor of this conversion with."""


class Story(BaseModel):
    """A kind of problem."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    topic: str
    numbers: Mapping[str, tuple[float, ...]] = {}
    """Told in the question: lowest, highest and, where it is not 1, the distance between values."""
    hidden: Mapping[str, tuple[float, ...]] = {}
    """Drawn before the rest and not told."""
    derive: Mapping[str, str] = {}
    """Computed from the drawn numbers and told."""
    words: Mapping[str, tuple[str, ...]] = {}
    unit: str
    """Of the answer: `money`, a unit, or nothing."""
    confuse: tuple[str, ...] = ()
    """Units that people write instead."""
    ask: tuple[str, ...]
    steps: tuple[StepForm, ...]
    final: tuple[str, ...]

    def model_post_init(self, context: object) -> None:
        """Refuse a step that is not operands and one operator."""
        for step in self.steps:
            parts = step.do.split()
            if len(parts) < 3 or len(parts) % 2 == 0 or len(set(parts[1::2])) != 1:
                raise ValueError(f"{self.id}: step {step.do!r}; write operands and one operator")


class Stories(BaseModel):
    """The file of stories."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: Mapping[str, tuple[str, ...]]
    problems: tuple[Story, ...]


@dataclass(frozen=True)
class Step:
    """One step: what it finds, from which operands (a number, or the index of an earlier step)."""

    say: str
    operator: str
    operands: tuple[Fraction | int, ...]
    why: str = ""
    convert: tuple[int, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A question whose right answer is the value of the last step."""

    story: str
    topic: str
    question: str
    steps: tuple[Step, ...]
    given: tuple[Fraction, ...]
    """Numbers that the steps use and the question tells."""
    expression: str
    """The right answer in terms of numbers."""
    unit: str
    """A currency sign, a unit, or nothing."""
    confuse: tuple[str, ...]
    final: str
    """The sentence that tells the answer, with the slot `answer`."""

    @property
    def money(self) -> bool:
        """Whether the answer is an amount of money."""
        return self.unit in CURRENCIES


def stories() -> Stories:
    """All stories."""
    return bank(PATH, Stories)


def told(story: Story, random: Random) -> Problem:
    """A problem of this story, with numbers that come out neatly all the way."""
    values = _values(story, random)
    currency = one(CURRENCIES, random)
    slots: dict[str, object] = {"m": currency, "answer": "{answer}"}
    for name, value in values.items():
        slots[name] = written(value, money=story.unit == MONEY)
    for name, choices in (*stories().words.items(), *story.words.items()):
        slots[name] = one(choices, random)
    steps = tuple(_step(form, values, slots, random) for form in story.steps)
    used = [name for form in story.steps for name in form.do.split()[::2] if name in values]
    question = drawn(story.ask, random, slots)
    finals = [
        final for final in story.final if "{name}" not in final or str(slots["name"]) in question
    ]
    unit = currency if story.unit == MONEY else say(story.unit, random, slots)
    return Problem(
        story=story.id,
        topic=story.topic,
        question=question,
        steps=steps,
        given=tuple(values[name] for name in dict.fromkeys(used)),
        expression=expression_of(steps),
        unit=unit,
        confuse=story.confuse,
        final=drawn(finals, random, slots),
    )


def expression_of(steps: tuple[Step, ...]) -> str:
    """The value of the last step as one expression of numbers."""
    texts: list[str] = []
    for step in steps:
        parts = [
            f"({texts[operand]})" if isinstance(operand, int) else written(operand)
            for operand in step.operands
        ]
        texts.append(f" {step.operator} ".join(parts))
    return texts[-1]


def _values(story: Story, random: Random) -> dict[str, Fraction]:
    while True:
        values: dict[str, Fraction] = {}
        for name, span in (*story.hidden.items(), *story.numbers.items()):
            low, high, *rest = (Fraction(str(number)) for number in span)
            step = rest[0] if rest else Fraction(1)
            values[name] = low + random.randint(0, int((high - low) / step)) * step
        for name, expression in story.derive.items():
            values[name] = evaluate(expression, values)
        told_whole = all(values[name].denominator == 1 for name in story.derive)
        if not told_whole or not all(is_neat(value) for value in values.values()):
            continue
        results: dict[str, Fraction] = dict(values)
        for number, form in enumerate(story.steps, start=1):
            results[f"_{number}"] = evaluate(form.do, results)
        answer = results[f"_{len(story.steps)}"]
        if answer != 1 and all(is_neat(value) for value in results.values()):
            return values


def _step(
    form: StepForm, values: Mapping[str, Fraction], slots: Mapping[str, object], random: Random
) -> Step:
    operands, operator = _operands(form.do)
    return Step(
        say=say(form.say, random, slots),
        operator=operator,
        operands=tuple(
            int(name[1:]) - 1 if EARLIER.fullmatch(name) else values.get(name) or Fraction(name)
            for name in operands
        ),
        why=say(form.why, random, slots),
        convert=form.convert,
    )


@cache
def _operands(expression: str) -> tuple[tuple[str, ...], str]:
    parts = expression.split()
    return tuple(parts[::2]), parts[1]
