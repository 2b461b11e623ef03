"""Sums of numbers up to ten: asking, answering rightly or wrongly with a method, and reading back."""

import re
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal

from organisms.pocket import content
from organisms.pocket.grammar import Pattern, pick

HIGHEST = 10
LARGEST_RESULT = 20
METHOD_SHARE = 0.75
METHOD_FIRST_SHARE = 0.6
_ERRORS = (-3, -2, -1, 1, 2, 3)


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
    return sum_.fill(pick(random, _compiled(tuple(lines))).sample(random))


def answer(sum_: Sum, value: int, random: Random) -> str:
    """State `value`; three times in four with a method: sound when it is right, else flawed.

    The flawed methods are the same whoever answers, so they tell wrong from right and nothing else.
    """
    text = content.maths()
    statement = sum_.fill(pick(random, _compiled(tuple(text.answers))).sample(random), value)
    if random.random() >= METHOD_SHARE:
        return statement
    if value != sum_.value:
        methods = text.flawed
    else:
        methods = text.sound_plus if sum_.op == "+" else text.sound_minus
    method = sum_.fill(pick(random, _compiled(tuple(methods))).sample(random))
    if random.random() < METHOD_FIRST_SHARE:
        return f"{method} {statement}"
    return f"{statement} {method}"


def read(sentences: list[str], sum_: Sum) -> int | None:
    """The value that the sentences state, or None unless they answer this sum and do so once."""
    value: int | None = None
    for sentence in sentences:
        if _method().fullmatch(sentence):
            continue
        match = _statement(sum_.name).fullmatch(sentence)
        if match is None:
            return None
        stated = int(match.group("value"))
        if value is not None and stated != value:
            return None
        value = stated
    return value


@cache
def _compiled(lines: tuple[str, ...]) -> tuple[Pattern, ...]:
    return content.patterns(lines)


def template_regex(texts: list[str], fixed: dict[str, str]) -> re.Pattern[str]:
    """One expression for every text of the patterns; names in `fixed` become their expressions."""
    alternatives: dict[str, None] = {}
    for text in texts:
        for expanded in Pattern.compile(text).expand():
            pieces = re.split(r"\{(\w+)\}", expanded)
            alternatives[
                "".join(
                    fixed[piece] if index % 2 else re.escape(piece)
                    for index, piece in enumerate(pieces)
                )
            ] = None
    return re.compile("|".join(alternatives))


@cache
def _method() -> re.Pattern[str]:
    text = content.maths()
    every = [*text.sound_plus, *text.sound_minus, *text.flawed]
    return template_regex(every, {"a": r"\d+", "b": r"\d+", "op": r"[+-]"})


@cache
def _statement(name: str) -> re.Pattern[str]:
    match = re.fullmatch(r"(\d+)([+-])(\d+)", name)
    if match is None:
        raise ValueError(f"{name!r} is no sum; write it as 3+4")
    a, op, b = (re.escape(group) for group in match.groups())
    joined = "|".join(
        template_regex([line], {"a": a, "b": b, "op": op, "value": r"(\d+)"}).pattern
        for line in content.maths().answers
    )
    # Each alternative has one bare group; a branch-free named group keeps reading simple.
    numbered = joined.replace(r"(\d+)", r"\d+")
    return re.compile(rf"(?=.*?(?P<value>\d+)\D*$)(?:{numbered})")
