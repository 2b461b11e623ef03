"""The kinds of mistake that people make in one step of a sum, and whether a mistake is of a kind.

Knows steps as operands and one operator; knows nothing of stories or wording.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from operator import add, mul, sub, truediv
from typing import Literal

from organisms.datasets.wrong_maths.exact import evaluate, written

Kind = Literal["small_slip", "wrong_operation", "dropped_carry", "wrong_unit"]
KINDS: tuple[Kind, ...] = ("small_slip", "wrong_operation", "dropped_carry", "wrong_unit")
OPERATIONS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": add,
    "-": sub,
    "*": mul,
    "/": truediv,
}
OTHER_OPERATIONS = {"+": "-*", "-": "+", "*": "+", "/": "*-"}
"""What people confuse an operation with."""
FARTHEST = 30
"""A wrong operation that makes the result this many times bigger or smaller would be noticed."""
UNIT_SIZES: dict[str, tuple[str, Fraction]] = {
    "m": ("length", Fraction(1)),
    "cm": ("length", Fraction(1, 100)),
    "km": ("length", Fraction(1000)),
    "m²": ("area", Fraction(1)),
    "cm²": ("area", Fraction(1, 10_000)),
    "m³": ("volume", Fraction(1)),
    "cm³": ("volume", Fraction(1, 1_000_000)),
    "litres": ("volume", Fraction(1, 1000)),
    "ml": ("volume", Fraction(1, 1_000_000)),
    "g": ("weight", Fraction(1)),
    "kg": ("weight", Fraction(1000)),
    "minutes": ("time", Fraction(60)),
    "hours": ("time", Fraction(3600)),
    "days": ("time", Fraction(86_400)),
    "weeks": ("time", Fraction(604_800)),
    "months": ("time", Fraction(2_629_746)),
    "years": ("time", Fraction(31_556_952)),
    "km/h": ("speed", Fraction(5, 18)),
    "m/s": ("speed", Fraction(1)),
}
"""What a unit measures, and how big it is in the base unit of that."""


def expression(operator: str, operands: Sequence[Fraction]) -> str:
    """A step as an expression that `evaluate` reads."""
    return f" {operator} ".join(written(value) for value in operands)


def result(operator: str, operands: Sequence[Fraction]) -> Fraction:
    """What a step gives, from left to right."""
    return reduce(OPERATIONS[operator], operands)


def slips(right: Fraction) -> list[Fraction]:
    """Values that inattention makes of the right one: near it, or two digits swapped."""
    unit = Fraction(1)
    while (right / unit).denominator != 1:
        unit /= 10
    found = [right + sign * size * unit for size in (1, 2, 3, 10) for sign in (1, -1)]
    digits = str((right / unit).numerator)
    for place in range(len(digits) - 1):
        swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
        if swapped[0] != "0":
            found.append(Fraction(int(swapped)) * unit)
    return [value for value in dict.fromkeys(found) if value > right / 4 and value != right]


def other_operations(operator: str, operands: Sequence[Fraction]) -> list[str]:
    """The operations that could be taken for the right one here, and give a believable result."""
    right = result(operator, operands)
    found: list[str] = []
    for other in OTHER_OPERATIONS[operator]:
        value = result(other, operands)
        if value > 0 and value != right and 1 / FARTHEST < value / right < FARTHEST:
            found.append(other)
    return found


def dropped_carries(operator: str, operands: Sequence[Fraction]) -> list[Fraction]:
    """What column arithmetic gives when one carry (or one borrow) is forgotten.

    Products count only where one factor has a single digit: that is one row of columns. What is
    carried out of the last column is written down at once and can't be forgotten.
    """
    unit = Fraction(1)
    while any((value / unit).denominator != 1 for value in operands):
        unit /= 10
    whole = [int(value / unit) for value in operands]
    right = result(operator, operands)
    width = max(len(str(value)) for value in whole)
    found: list[Fraction] = []
    if operator == "+":
        carry = 0
        for place in range(width):
            column = sum(value // 10**place % 10 for value in whole) + carry
            carry = column // 10
            if carry and place < width - 1:
                found.append(right - carry * 10 ** (place + 1) * unit)
    elif operator == "-" and len(whole) == 2 and whole[0] > whole[1]:
        borrow = 0
        for place in range(width):
            top, bottom = (value // 10**place % 10 for value in whole)
            borrow = int(top - borrow < bottom)
            if borrow:
                found.append(right + 10 ** (place + 1) * unit)
    elif operator == "*" and len(whole) == 2 and min(whole) < 10 <= max(whole) and unit == 1:
        one, many = sorted(whole)
        carry = 0
        for place in range(len(str(many))):
            column = many // 10**place % 10 * one + carry
            carry = column // 10
            if carry and place < len(str(many)) - 1:
                found.append(right - carry * 10 ** (place + 1))
    return [value for value in dict.fromkeys(found) if value > right / 4 and value != right]


def same_amount(value: Fraction, unit: str, other: Fraction, other_unit: str) -> bool:
    """Whether two amounts are the same: equal numbers of equal units, or equal after converting."""
    if unit == other_unit:
        return value == other
    if unit not in UNIT_SIZES or other_unit not in UNIT_SIZES:
        return False
    (what, size), (other_what, other_size) = UNIT_SIZES[unit], UNIT_SIZES[other_unit]
    return what == other_what and value * size == other * other_size


def fits(kind: str, right: str, did: str, said: Fraction) -> bool:
    """Whether a step done as `did` with the result `said`, where `right` was due, is of a kind.

    `right` and `did` are expressions of one operator. A wrong unit is either another factor in a
    conversion, or the right step with another unit (which is not seen here).
    """
    if kind in ("small_slip", "dropped_carry"):
        operator, operands = parsed(right)
        due = evaluate(right)
        possible = slips(due) if kind == "small_slip" else dropped_carries(operator, operands)
        return did == right and said in possible
    operator, operands = parsed(right)
    other_operator, other_operands = parsed(did)
    if said != evaluate(did):
        return False
    if kind == "wrong_operation":
        return other_operator in other_operations(operator, operands) and operands == other_operands
    return operator == other_operator and operands[:1] == other_operands[:1]


def parsed(step: str) -> tuple[str, tuple[Fraction, ...]]:
    """Operator and operands of an expression of one operator."""
    parts = step.split()
    return parts[1], tuple(Fraction(part) for part in parts[::2])
