"""Exact arithmetic on text: expressions, the numbers in a text, and the equations it states.

Expressions are our own data; they are parsed and worked out node by node, never executed.
"""

import ast
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

NUMBER = re.compile(r"\d+(?:\.\d+)?")
_VALUE = r"[$£€]?\d+(?:\.\d+)?"
EQUATION = re.compile(
    rf"(?<![\w.])(?P<left>{_VALUE}(?: [+−×÷*/-] {_VALUE})+) = (?P<right>{_VALUE})"
)
OPERATORS = {"+": "+", "-": "-", "*": "*", "/": "/", "−": "-", "×": "*", "÷": "/"}
"""How an operator is written, and which one it is."""


def evaluate(expression: str, values: Mapping[str, Fraction] | None = None) -> Fraction:
    """The exact value of sums, differences, products and quotients of numbers and names.

    Raises:
        ValueError: Anything else stands in the expression, or it divides by zero.
    """
    return _value(_tree(expression), values or {})


@lru_cache(maxsize=2048)
def _tree(expression: str) -> ast.expr:
    try:
        return ast.parse(expression, mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"{expression!r} is not an expression; use + - * / and names") from error


def _value(node: ast.expr, values: Mapping[str, Fraction]) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    if isinstance(node, ast.Name):
        if node.id not in values:
            raise ValueError(f"no value for {node.id!r}; there are {', '.join(sorted(values))}")
        return values[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, values)
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, values), _value(node.right, values)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.Div):
            if right == 0:
                raise ValueError(f"division by zero in {ast.unparse(node)!r}")
            return left / right
    raise ValueError(f"{ast.unparse(node)!r} is not a sum, difference, product or quotient")


def written(value: Fraction, *, money: bool = False) -> str:
    """A number as people write it: `7`, `2.5`, and `2.50` when it is money."""
    if value.denominator == 1:
        return str(value.numerator)
    text = f"{float(value):.{2 if money and (value * 100).denominator == 1 else 4}f}"
    return text if money and (value * 100).denominator == 1 else text.rstrip("0")


def is_neat(value: Fraction) -> bool:
    """Whether a number is positive and can be written in full with three decimals."""
    return value > 0 and (value * 1000).denominator == 1 and value < 10**9


def numbers(text: str) -> list[Fraction]:
    """The unsigned numbers of a text, in order."""
    return [Fraction(found) for found in NUMBER.findall(text)]


def equations(text: str) -> list[tuple[str, Fraction]]:
    """Left side (as an expression) and stated right side of each equation between plain numbers."""
    found: list[tuple[str, Fraction]] = []
    for match in EQUATION.finditer(text):
        left = "".join(OPERATORS.get(letter, letter) for letter in match["left"])
        found.append((re.sub("[$£€]", "", left), Fraction(match["right"].lstrip("$£€"))))
    return found


def false_equations(text: str) -> int:
    """How many equations of a text do not hold."""
    return sum(evaluate(left) != right for left, right in equations(text))
