"""What settings may be: one way to check a value, one wording of refusal.

A refusal names the setting, its value and what is allowed. Flags are no numbers, and a text is no
list of letters. Plain Python, for configs that load no torch.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real

_SHOWN = 80
"""Characters of a value that a refusal shows."""


def refusal(name: str, value: object, allowed: str) -> ValueError:
    """Return the error that refuses a value.

    Args:
        name: The setting.
        value: What was given.
        allowed: What may be given, in words.
    """
    shown = repr(value)
    if len(shown) > _SHOWN:
        shown = f"{shown[:_SHOWN]}..."
    return ValueError(f"{name} {shown} is not allowed; use {allowed}")


def is_whole(value: object) -> bool:
    """Whether a value is a whole number, numpy's included, and no flag."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether a value is a finite number that a float can hold, numpy's included, and no flag."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def check_count(name: str, value: object, least: int = 1, also: str = "") -> None:
    """Raise unless a value is a whole number, ``least`` or more.

    Raises:
        ValueError: It is not; ``also`` ends the message, with what else the caller takes.
    """
    if not isinstance(value, Integral) or not is_whole(value) or value < least:
        raise refusal(name, value, f"{least} or more (a whole number){also}")


def check_choice(name: str, value: object, allowed: Sequence[str]) -> None:
    """Raise unless a value is one of the names in ``allowed``.

    Raises:
        ValueError: It is not.
    """
    if value not in allowed:
        raise refusal(name, value, f"one of {', '.join(allowed)}")


def check_flag(name: str, value: object) -> None:
    """Raise unless a value is true or false.

    Raises:
        ValueError: It is not.
    """
    if not isinstance(value, bool):
        raise refusal(name, value, "True or False")


def check_text(name: str, value: object, also: str = "") -> None:
    """Raise unless a value is a text.

    Raises:
        ValueError: It is not; ``also`` ends the message, with what else the caller takes.
    """
    if not isinstance(value, str):
        raise refusal(name, value, f"a text{also}")


def check_listed(name: str, value: object, of: str) -> None:
    """Raise unless a value is a list or tuple (or range, or another sequence that is no text).

    Args:
        name: The setting.
        value: What was given.
        of: What it lists, for the error.

    Raises:
        ValueError: It is not.
    """
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
        raise refusal(name, value, f"a tuple or list of {of}")


def check_layers(layers: Sequence[int]) -> None:
    """Raise unless there are layers, each a whole number; a model's own limits come later.

    Raises:
        ValueError: There is none, or one is no whole number.
    """
    check_listed("layers", layers, "whole numbers, such as (1, 2)")
    if not layers:
        raise ValueError("no layers asked for; give some")
    for layer in layers:
        if not is_whole(layer):
            raise refusal("layer", layer, "a whole number")


def check_iterable(name: str, value: object, of: type) -> None:
    """Raise unless a value can be gone through and is not itself one of what it should hold.

    Raises:
        ValueError: It cannot, or is one.
    """
    if isinstance(value, of) or not isinstance(value, Iterable):
        raise refusal(name, value, f"a list: [{of.__name__}(...)]")
