"""Checks every text of a world file by itself: braces, brackets, slots, and what the grader reads.

Knows no other text than the one at hand: `overlaps` holds them against each other.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel

from organisms.pocket.grammar import Pattern, sentences
from organisms.pocket.rules import Sentences, Slots, WholeAnswer
from organisms.pocket.world_file import Place, error_at

_SLOT = re.compile(r"\{(\w*)\}")
_CHOICE = re.compile(r"\[[^\[\]]*\]")


def check(path: Path, found: object) -> None:
    """Hold every text of a file's content to the marks of its field.

    Raises:
        ValueError: with file and line.
    """
    for place, text, marks in _texts(found, (), ()):
        if problem := _problem(text, marks):
            raise error_at(path, place, problem)


def _texts(
    value: object, place: Place, marks: Sequence[object]
) -> Iterator[tuple[Place, str, Sequence[object]]]:
    """Every text with its place and the metadata of the field that it stands in."""
    if isinstance(value, str):
        yield place, value, marks
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _texts(getattr(value, name), (*place, name), field.metadata)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*place, key), marks)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*place, index), marks)


def _problem(text: str, marks: Sequence[object]) -> str:
    """What is wrong with a text; empty when nothing is."""
    slots = next((mark for mark in marks if isinstance(mark, Slots)), Slots())
    if problem := _bracket_problem(text) or _slot_problem(text, slots):
        return problem
    for made in Pattern.compile(text).expand():
        if not made.strip():
            return f"{text!r} can be blank; write words, in each of its choices"
        for mark in marks:
            if isinstance(mark, Sentences) and (problem := _sentence_problem(made, mark)):
                return problem
            if isinstance(mark, WholeAnswer) and made != made.strip():
                return (
                    f"{made!r} has space round it, which the grader takes off every answer; "
                    "write it without"
                )
    return ""


def _bracket_problem(text: str) -> str:
    rest = _SLOT.sub("", text)
    if "{" in rest or "}" in rest:
        return f"a brace of {text!r} is not a slot's; write a slot as {{name}}, without spaces"
    rest = _CHOICE.sub("", rest)
    if "[" in rest or "]" in rest:
        return (
            f"a bracket of {text!r} is not a choice's; write a choice as [one|other], closed and "
            "without another inside"
        )
    return ""


def _slot_problem(text: str, slots: Slots) -> str:
    held = set(_SLOT.findall(text))
    allowed = (*slots.must, *slots.may)
    for slot in sorted(held.difference(allowed)):
        may = ", ".join(f"{{{known}}}" for known in allowed) or "no slots"
        return f"undefined slot {{{slot}}} in {text!r}; a text here may hold {may}"
    for slot in slots.must:
        if slot not in held:
            return f"{text!r} holds no {{{slot}}}; put it where its value stands"
    return ""


def _sentence_problem(text: str, rule: Sentences) -> str:
    found = sentences(text)
    if found is None:
        return (
            f"{text!r} is not made of whole sentences, all that the grader reads; end each with "
            "'.', '!' or '?', and use these nowhere else"
        )
    if rule.one and len(found) > 1:
        return f"{text!r} is {len(found)} sentences, and the grader looks for one; write one a line"
    if (read := " ".join(found)) != text:
        return f"{text!r} is read by the grader as {read!r}; write it so"
    return ""
