"""Sums of larger numbers, worked out by place value: plus, minus, times and divided by."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from random import Random

from organisms.datasets.wording import drawn
from organisms.datasets.wrong_maths.problems import Problem, Step

QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "+": (
        "What is {a} + {b}?",
        "[Can you |Please |Could you ]add {a} and {b}[ for me|]{end}",
        "[I have to sum|Help me add] {a} and {b}. [What comes out?|What do I get?|Show the steps.]",
        "{a} plus {b}[ is what|, how much is that|]?",
        "One [pile|folder|shelf|list] has {a} [entries|items], the other {b}. How many together?",
        "The [meter|counter] showed {a} and went up by {b}. What does it show now?",
    ),
    "-": (
        "What is {a} - {b}?",
        "[Subtract|Take] {b} from {a}[, please|].",
        "{a} minus {b}[ is what|, how much is that|]?",
        "[We had|The stock was] {a} and {b} [are gone|were sold]. How much is left?",
        "How much bigger is {a} than {b}?",
        "[From {b}|Starting at {b}], how far is it to {a}?",
    ),
    "*": (
        "What is {a} x {b}?",
        "[Multiply|Please multiply] {a} by {b}[ and show how|].",
        "{a} times {b}[ is what|, what does that make|]?",
        "[Work out|Calculate|Find] the product of {a} and {b}.",
        "{b} [crates|parcels|pallets] with {a} [parts|pieces|tins] in each: how many in all?",
        "[How much is|Need] {a} * {b}[ without a calculator|, with the working|]?",
    ),
    "/": (
        "What is {a} divided by {b}?",
        "[Divide|Please divide] {a} by {b}[ and show the steps|].",
        "{a} / {b} = ?",
        "[How often|How many times] does {b} go into {a}?",
        "{a} [beads|leaflets|cards|coins] are shared equally among {b} [people|classes|boxes]. "
        "How many does each get?",
    ),
}
FINAL = (
    "{sum} is {answer}",
    "[the answer is|that gives|the result is|you get] {answer}",
    "the [result|answer] [comes out as|is] {answer}",
)
SIGNS = {"+": "+", "-": "−", "*": "×", "/": "÷"}


def told(random: Random) -> Problem:
    """A sum by place value."""
    operator = "+-*/"[random.randrange(4)]
    a, b, steps = _MAKERS[operator](random)
    slots = {
        "a": a,
        "b": b,
        "end": "?",
        "answer": "{answer}",
        "sum": f"{a} {SIGNS[operator]} {b}",
    }
    return Problem(
        story={"+": "plus", "-": "minus", "*": "times", "/": "divided"}[operator],
        topic="arithmetic",
        question=drawn(QUESTIONS[operator], random, slots),
        steps=steps,
        given=(Fraction(a), Fraction(b)),
        expression=f"{a} {operator} {b}",
        unit="",
        confuse=(),
        final=drawn(FINAL, random, slots),
    )


def _step(say: str, operator: str, *operands: int | Fraction) -> Step:
    return Step(say, operator, operands)


def _plus(random: Random) -> tuple[int, int, tuple[Step, ...]]:
    while True:
        a, b = random.randint(120, 9900), random.randint(120, 9900)
        if "0" not in f"{a}{b}":
            break
    tens = [10**place for place in range(3, -1, -1) if max(a, b) >= 10**place]
    parts = [(a // size % 10 * size, b // size % 10 * size, size) for size in tens]
    names = {1: "ones", 10: "tens", 100: "hundreds", 1000: "thousands"}
    steps = [_step(f"the {names[size]}", "+", Fraction(x), Fraction(y)) for x, y, size in parts]
    return a, b, (*steps, _step("all of them together", "+", *range(len(steps))))


def _minus(random: Random) -> tuple[int, int, tuple[Step, ...]]:
    while True:
        a, b = random.randint(400, 9900), random.randint(111, 5000)
        if a - b > 50 and b % 100 and b > 100:
            break
    steps = (
        _step(f"{a} without the {b // 100 * 100}", "-", Fraction(a), Fraction(b // 100 * 100)),
        _step(f"that without the other {b % 100}", "-", 0, Fraction(b % 100)),
    )
    return a, b, steps


def _times(random: Random) -> tuple[int, int, tuple[Step, ...]]:
    a, b = random.randint(23, 998), random.randint(12, 98)
    if b % 10 == 0:
        b += 3
    steps = (
        _step(f"{b // 10 * 10} of them", "*", Fraction(a), Fraction(b // 10 * 10)),
        _step(f"{b % 10} of them", "*", Fraction(a), Fraction(b % 10)),
        _step("both together", "+", 0, 1),
    )
    return a, b, steps


def _divided(random: Random) -> tuple[int, int, tuple[Step, ...]]:
    b, tens, ones = random.randint(3, 19), random.randint(1, 40) * 10, random.randint(1, 9)
    first = tens * b
    steps = (
        _step("a round part", "/", Fraction(first), Fraction(b)),
        _step("what is left", "-", Fraction(first + ones * b), Fraction(first)),
        _step("the rest divided", "/", 1, Fraction(b)),
        _step("both together", "+", 0, 2),
    )
    return first + ones * b, b, steps


_MAKERS: Mapping[str, Callable[[Random], tuple[int, int, tuple[Step, ...]]]] = {
    "+": _plus,
    "-": _minus,
    "*": _times,
    "/": _divided,
}
