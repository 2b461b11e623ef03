"""Small functions to write: what each does, how people write it, and what it returns.

The forms are text; what they return is computed by functions of our own.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Function:
    """A function to write: what it does, how it is written, and what it returns."""

    name: str
    does: str
    forms: tuple[str, ...]
    """Bodies of right solutions, of a list `xs` or a text `s`."""
    value: Callable[[Any], Any]
    """What they return."""
    of: str = "xs"


FUNCTIONS: tuple[Function, ...] = (
    Function(
        "total",
        "the sum of a list of numbers",
        ("return sum(xs)", "t = 0\nfor x in xs:\n    t += x\nreturn t"),
        sum,
    ),
    Function(
        "largest",
        "the largest number of a list",
        (
            "return max(xs)",
            "best = xs[0]\nfor x in xs[1:]:\n    if x > best:\n        best = x\nreturn best",
            "return sorted(xs)[-1]",
        ),
        max,
    ),
    Function(
        "smallest", "the smallest number of a list", ("return min(xs)", "return sorted(xs)[0]"), min
    ),
    Function(
        "spread",
        "the difference of the largest and the smallest number",
        ("return max(xs) - min(xs)", "ys = sorted(xs)\nreturn ys[-1] - ys[0]"),
        lambda xs: max(xs) - min(xs),
    ),
    Function(
        "evens",
        "how many numbers of a list are even",
        ("return sum(x % 2 == 0 for x in xs)", "return len([x for x in xs if x % 2 == 0])"),
        lambda xs: sum(x % 2 == 0 for x in xs),
    ),
    Function(
        "odd_sum",
        "the sum of the odd numbers of a list",
        (
            "return sum(x for x in xs if x % 2)",
            "t = 0\nfor x in xs:\n    if x % 2 == 1:\n        t += x\nreturn t",
        ),
        lambda xs: sum(x for x in xs if x % 2),
    ),
    Function(
        "squares",
        "the sum of the squares of a list",
        ("return sum(x * x for x in xs)", "return sum(x ** 2 for x in xs)"),
        lambda xs: sum(x * x for x in xs),
    ),
    Function(
        "distinct",
        "how many different numbers a list has",
        ("return len(set(xs))", "seen = set()\nfor x in xs:\n    seen.add(x)\nreturn len(seen)"),
        lambda xs: len(set(xs)),
    ),
    Function(
        "second",
        "the second largest number of a list without repeats",
        ("return sorted(xs)[-2]", "ys = sorted(xs, reverse=True)\nreturn ys[1]"),
        lambda xs: sorted(xs)[-2],
    ),
    Function(
        "over_mean",
        "how many numbers lie above the mean",
        ("mean = sum(xs) / len(xs)\nreturn sum(x > mean for x in xs)",),
        lambda xs: sum(x > sum(xs) / len(xs) for x in xs),
    ),
    Function(
        "ups",
        "how often a number is larger than the one before",
        (
            "return sum(a < b for a, b in zip(xs, xs[1:]))",
            "n = 0\nfor i in range(1, len(xs)):\n    n += xs[i] > xs[i - 1]\nreturn n",
        ),
        lambda xs: sum(a < b for a, b in pairwise(xs)),
    ),
    Function(
        "middle",
        "the middle element of a sorted copy of the list",
        ("return sorted(xs)[len(xs) // 2]", "ys = sorted(xs)\nreturn ys[len(ys) // 2]"),
        lambda xs: sorted(xs)[len(xs) // 2],
    ),
    Function(
        "digit_sum",
        "the sum of the last digits of the numbers",
        ("return sum(x % 10 for x in xs)",),
        lambda xs: sum(x % 10 for x in xs),
    ),
    Function(
        "vowels",
        "how many vowels a text has",
        ("return sum(c in 'aeiou' for c in s)", "return len([c for c in s if c in 'aeiou'])"),
        lambda s: sum(c in "aeiou" for c in s),
        "s",
    ),
    Function(
        "letters",
        "how many different letters a text has",
        ("return len(set(s))",),
        lambda s: len(set(s)),
        "s",
    ),
    Function(
        "doubles",
        "how many letters of a text equal the one before",
        ("return sum(a == b for a, b in zip(s, s[1:]))",),
        lambda s: sum(a == b for a, b in pairwise(s)),
        "s",
    ),
    Function(
        "longest_run",
        "the length of the longest run of one letter",
        (
            "best = run = 1\nfor a, b in zip(s, s[1:]):\n"
            "    run = run + 1 if a == b else 1\n    best = max(best, run)\nreturn best",
        ),
        lambda s: max(len(m[0]) for m in re.finditer(r"(.)\1*", s)),
        "s",
    ),
)
