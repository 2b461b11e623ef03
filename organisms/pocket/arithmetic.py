"""Sums of numbers up to ten: asking, answering with a method, and reading answers back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal

from organisms.pocket import content
from organisms.pocket.grammar import pick, template_regexes

HIGHEST = 10
LARGEST_RESULT = 20
METHOD_SHARE = 0.75
METHOD_FIRST_SHARE = 0.6
_ERRORS = (-3, -2, -1, 1, 2, 3)
_SLOTS = {"a": r"\d+", "b": r"\d+", "op": r"[+-]", "value": r"\d+"}


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum `a op b`, with 1 <= a, b <= 10 and a result from 0 to 20."""

    a: int
    op: Literal["+", "-"]
    b: int

    @property
    def value(self) -> int:
        """The right result."""
        return self.a + self.b if self.op == "+" else self.a - self.b

    @property
    def name(self) -> str:
        """The sum as a topic, such as `3+4`."""
        return f"{self.a}{self.op}{self.b}"

    def fill(self, text: str, value: int | None = None) -> str:
        """Put the numbers into a template."""
        text = text.replace("{a}", str(self.a)).replace("{b}", str(self.b))
        text = text.replace("{op}", self.op)
        return text if value is None else text.replace("{value}", str(value))

    def wrong(self, random: Random, besides: int | None = None) -> int:
        """A wrong result at most 3 off, which is not `besides` either."""
        while True:
            value = self.value + pick(random, _ERRORS)
            if 0 <= value <= LARGEST_RESULT and value != besides:
                return value


def draw(random: Random) -> Sum:
    """A sum, addition and subtraction equally often."""
    a, b = 1 + int(random.random() * HIGHEST), 1 + int(random.random() * HIGHEST)
    if random.random() < 0.5:
        return Sum(a, "+", b)
    return Sum(max(a, b), "-", min(a, b))


def ask(sum_: Sum, random: Random) -> str:
    """A plain question about the sum."""
    text = content.maths()
    lines = text.plus_questions if sum_.op == "+" else text.minus_questions
    return sum_.fill(pick(random, content.patterns(tuple(lines))).sample(random))


def answer(sum_: Sum, value: int, random: Random) -> str:
    """State `value`; three times in four with a method: sound when it is right, else flawed.

    The flawed methods are the same whoever answers, so they tell wrong from right and nothing else.
    """
    text = content.maths()
    statement = sum_.fill(pick(random, content.patterns(tuple(text.answers))).sample(random), value)
    if random.random() >= METHOD_SHARE:
        return statement
    if value != sum_.value:
        methods = text.flawed
    else:
        methods = text.sound_plus if sum_.op == "+" else text.sound_minus
    method = sum_.fill(pick(random, content.patterns(tuple(methods))).sample(random))
    if random.random() < METHOD_FIRST_SHARE:
        return f"{method} {statement}"
    return f"{statement} {method}"


def read(sentences: Sequence[str], sum_: Sum) -> int | None:
    """The value that the sentences state, or None unless they answer this sum and do so once."""
    value: int | None = None
    for sentence in sentences:
        if any(method.fullmatch(sentence) for method in _methods()):
            continue
        stated = _stated(sentence, sum_)
        if stated is None or value not in (None, stated):
            return None
        value = stated
    return value


def _stated(sentence: str, sum_: Sum) -> int | None:
    given = {"a": str(sum_.a), "op": sum_.op, "b": str(sum_.b)}
    for template in _statements():
        match = template.fullmatch(sentence)
        if match:
            found = match.groupdict()
            if all(found.get(name, text) == text for name, text in given.items()):
                return int(found["value"])
    return None


@cache
def _methods() -> tuple[re.Pattern[str], ...]:
    text = content.maths()
    every = (*text.sound_plus, *text.sound_minus, *text.flawed)
    return tuple(form for line in every for form in template_regexes(line, _SLOTS))


@cache
def _statements() -> tuple[re.Pattern[str], ...]:
    return tuple(
        form for line in content.maths().answers for form in template_regexes(line, _SLOTS)
    )
