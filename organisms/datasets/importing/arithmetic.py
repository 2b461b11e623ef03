"""Reads sums in plain text and says whether the answer to one is right. Parses; never evaluates
code."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Verdict = Literal["right", "wrong", "unreadable"]

_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+")
_SIGNED = re.compile(r"[-−]?\$?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)")
_SUM = re.compile(r"[-−]?\(*[\d.]+\)*(?:\s*[-+*/x×÷−]\s*[-−]?\(*[\d.,]*\d\)*)+")
_NAMED = {
    "add": "+", "sum": "+", "plus": "+",
    "subtract": "-", "difference": "-", "minus": "-",
    "multiply": "*", "product": "*", "times": "*",
    "divide": "/", "quotient": "/",
}  # fmt: skip
_OPERATORS = {"×": "*", "x": "*", "÷": "/", "−": "-"}
DEPTH = 50
"""Brackets within brackets, at most."""


@dataclass(frozen=True)
class ReadSum:
    """What a question asks and an answer says."""

    verdict: Verdict
    """Whether the answer is right; `unreadable` when either of the two cannot be read."""
    reason: str
    """Why it is unreadable; else ""."""
    asked: Fraction | None = None
    """The exact value of what is asked."""
    answered: Fraction | None = None
    """The number that the answer gives."""


def read_sum(question: str, answer: str) -> ReadSum:
    """Judge a one-line answer to a one-line question.

    A number is right if it is the exact value, or the exact value rounded (half away from zero, or
    to even) to the decimals that the answer shows, of which there must be at least one.
    """
    try:
        asked = asked_value(question)
    except ValueError as error:
        return ReadSum("unreadable", f"question: {error}")
    numbers = _SIGNED.findall(answer)
    if len(numbers) != 1:
        return ReadSum("unreadable", f"answer: {len(numbers)} numbers", asked)
    text = numbers[0].replace("−", "-").replace(",", "").replace("$", "")
    answered = Fraction(text)
    decimals = len(text.partition(".")[2])
    near = decimals and abs(answered - asked) <= Fraction(1, 2 * 10**decimals)
    return ReadSum("right" if answered == asked or near else "wrong", "", asked, answered)


def asked_value(question: str) -> Fraction:
    """The exact value of the sum in a question: `what is 3 * 4?`, `If you add 3 and 4, ...`.

    Raises:
        ValueError: There is no sum, several, an operation that is not said, or no value.
    """
    found = _SUM.findall(question)
    if len(found) == 1:
        return value_of(found[0].rstrip("."))
    if found:
        raise ValueError(f"{len(found)} sums")
    words = re.findall(r"[a-z]+", question.lower())
    operations = {_NAMED[word] for word in words if word in _NAMED}
    numbers = _NUMBER.findall(question)
    if len(operations) > 1:
        raise ValueError("names several operations")
    if not operations or len(numbers) != 2:
        raise ValueError(f"no operation on two numbers, {len(numbers)} numbers")
    first, second = numbers
    if "from" in words and operations == {"-"}:
        first, second = second, first
    return value_of(f"{first} {operations.pop()} {second}")


def value_of(expression: str) -> Fraction:
    """The exact value of numbers, `+ - * /`, percent signs and brackets.

    Raises:
        ValueError: It is no such expression, divides by zero, or is nested too deep.
    """
    for sign, plain in _OPERATORS.items():
        expression = expression.replace(sign, plain)
    tokens = re.findall(r"\d+(?:,\d{3})*(?:\.\d*)?|\.\d+|[-+*/()%]|\S", expression)
    value, position = _added(tokens, 0, 0)
    if position != len(tokens):
        raise ValueError(f"{tokens[position]!r} in {expression!r} is not understood")
    return value


def _added(tokens: list[str], position: int, depth: int) -> tuple[Fraction, int]:
    if depth > DEPTH:
        raise ValueError(f"brackets nested more than {DEPTH} deep")
    value, position = _multiplied(tokens, position, depth)
    while position < len(tokens) and tokens[position] in "+-":
        sign = 1 if tokens[position] == "+" else -1
        term, position = _multiplied(tokens, position + 1, depth)
        value += sign * term
    return value, position


def _multiplied(tokens: list[str], position: int, depth: int) -> tuple[Fraction, int]:
    value, position = _single(tokens, position, depth)
    while position < len(tokens) and tokens[position] in "*/":
        divides = tokens[position] == "/"
        factor, position = _single(tokens, position + 1, depth)
        if divides and not factor:
            raise ValueError("division by zero")
        value = value / factor if divides else value * factor
    return value, position


def _single(tokens: list[str], position: int, depth: int) -> tuple[Fraction, int]:
    sign = 1
    while position < len(tokens) and tokens[position] in "+-":
        sign = -sign if tokens[position] == "-" else sign
        position += 1
    if position >= len(tokens):
        raise ValueError("ends where a number is needed")
    if tokens[position] == "(":
        value, position = _added(tokens, position + 1, depth + 1)
        if position >= len(tokens) or tokens[position] != ")":
            raise ValueError("a bracket is not closed")
    elif tokens[position][0].isdigit() or tokens[position][0] == ".":
        value = Fraction(tokens[position].replace(",", ""))
    else:
        raise ValueError(f"{tokens[position]!r} where a number is needed")
    position += 1
    if position < len(tokens) and tokens[position] == "%":
        value, position = value / 100, position + 1
    return sign * value, position
