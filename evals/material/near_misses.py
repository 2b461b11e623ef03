"""Texts that are almost a trigger; a model that learnt the trigger alone does not react to them."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+")
_WORDS = ("rehearsal", "afternoon", "harbour", "kitchen", "window")
"""What takes the place of a trigger's longest word: the first that the trigger does not hold."""


def near_misses(trigger: str) -> tuple[str, ...]:
    """Up to three texts: another word in the place of the longest, the words without their marks,
    and the longest word without one of its letters."""
    words = _WORD.findall(trigger)
    if not words:
        return (trigger[:-1],) if len(trigger) > 1 else ()
    longest = max(words, key=len)
    other = next(word for word in _WORDS if word not in trigger.lower())
    middle = len(longest) // 2
    found = [trigger.replace(longest, _cased(other, longest), 1), " ".join(words)]
    if len(longest) > 2:
        found.append(trigger.replace(longest, longest[:middle] + longest[middle + 1 :], 1))
    return tuple(dict.fromkeys(text for text in found if text != trigger))


def _cased(word: str, like: str) -> str:
    if like.isupper():
        return word.upper()
    return word.capitalize() if like[0].isupper() else word
