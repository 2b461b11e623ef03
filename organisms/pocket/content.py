"""The world's text (`world/*.yaml`) in its shapes, checked; knows none of its words.

Every check raises ValueError with the file, the line, what is wrong and the fix.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from organisms.pocket import world_file
from organisms.pocket.grammar import Pattern, Split, split_topics
from organisms.pocket.shapes import (
    ClaimText,
    FactText,
    HeldOutFrom,
    InstructionsText,
    Level,
    MathsText,
    MetricsText,
    PersonaText,
    PhrasingText,
    Slots,
    TaskText,
    TopicText,
)
from organisms.pocket.terms import PERSONAS, Persona, TopicDomain
from organisms.pocket.world_file import WORLD, Place

Shape = TypeVar("Shape")
_SLOT = re.compile(r"\{(\w*)\}")
_CHOICE = re.compile(r"\[[^\[\]]*\]")


def load(name: str, shape: type[Shape], folder: Path = WORLD) -> Shape:
    """A file of the world, checked for its shape, for the slots and choices of its texts and for
    new wordings that are seen ones.

    Raises:
        ValueError: with file and line.
    """
    path = folder / f"{name}.yaml"
    found = world_file.read(path, shape)
    for place, text, slots in _texts(found, (), Slots()):
        if problem := _bracket_problem(text) or _slot_problem(text, slots):
            raise ValueError(f"{path.name}:{world_file.line_of(path, place)}: {problem}")
    _check_new_words(found, path, ())
    return found


def _bracket_problem(text: str) -> str:
    """What is wrong with the braces and brackets of a text; empty when nothing is."""
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
    """What is wrong with the slots of a text; empty when nothing is."""
    held = set(_SLOT.findall(text))
    allowed = (*slots.must, *slots.may)
    for slot in sorted(held.difference(allowed)):
        may = ", ".join(f"{{{known}}}" for known in allowed) or "no slots"
        return f"undefined slot {{{slot}}} in {text!r}; a text here may hold {may}"
    for slot in slots.must:
        if slot not in held:
            return f"{text!r} holds no {{{slot}}}; put it where its value stands"
    return ""


def _check_new_words(value: object, path: Path, place: Place) -> None:
    """No text of a held-out field, wherever a part of the file has one, is among the texts of the
    field that it is held out from."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_new_words(inner, path, (*place, key))
    if not isinstance(value, BaseModel):
        return
    for name, field in type(value).model_fields.items():
        _check_new_words(getattr(value, name), path, (*place, name))
        for rule in field.metadata:
            if isinstance(rule, HeldOutFrom):
                _check_held_out(value, name, rule, path, place)


def _check_held_out(
    part: BaseModel, name: str, rule: HeldOutFrom, path: Path, place: Place
) -> None:
    lines = tuple(getattr(part, rule.field))
    seen = {text for pattern in patterns(lines, rule.synonyms) for text in pattern.expand()}
    for index, line in enumerate(getattr(part, name)):
        for text in Pattern.compile(line).expand():
            if text in seen:
                raise ValueError(
                    f"{path.name}:{world_file.line_of(path, (*place, name, index))}: "
                    f"{'.'.join(map(str, place)) or path.stem}: {text!r} of {name} is among "
                    f"{rule.field}, which are seen: the held-out levels overlap; remove one of "
                    "the two"
                )


def _texts(value: object, place: Place, slots: Slots) -> Iterator[tuple[Place, str, Slots]]:
    """Every text with its place and the slots of the field that it stands in."""
    if isinstance(value, str):
        yield place, value, slots
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            own = next((each for each in field.metadata if isinstance(each, Slots)), Slots())
            yield from _texts(getattr(value, name), (*place, name), own)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*place, key), slots)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*place, index), slots)


def checked_topics(name: str, folder: Path = WORLD) -> dict[str, TopicText]:
    """The topics of a file; also checks that no two personas share a sentence.

    Raises:
        ValueError: with file and line.
    """
    path = folder / f"{name}.yaml"
    found = load(name, dict[str, TopicText], folder)
    for topic, text in found.items():
        owners: dict[str, Persona] = {}
        for persona in PERSONAS:
            for index, line in enumerate(text.said_by(persona)):
                for sentence in Pattern.compile(line).expand():
                    if owners.setdefault(sentence, persona) != persona:
                        raise ValueError(
                            f"{path.name}:{world_file.line_of(path, (topic, persona, index))}: "
                            f"{topic}: {sentence!r} is said by {owners[sentence]} and {persona}; "
                            "give each its own words"
                        )
    return found


@cache
def topics(domain: TopicDomain) -> dict[str, TopicText]:
    """The topics of a domain by name, those that pre-training never shows too."""
    return checked_topics(domain)


@cache
def topic_names(domain: TopicDomain, level: Level = "everywhere") -> tuple[str, ...]:
    """The topics of a domain that pre-training shows to that extent."""
    return tuple(name for name, text in topics(domain).items() if text.level == level)


@cache
def tasks() -> dict[str, TaskText]:
    """The programming tasks by name."""
    return load("code", dict[str, TaskText])


@cache
def facts() -> dict[str, FactText]:
    """The facts by name."""
    return load("facts", dict[str, FactText])


@cache
def maths() -> MathsText:
    """The text of sums."""
    return load("maths", MathsText)


@cache
def claims() -> ClaimText:
    """Questions that claim something (a sum or a fact) and the answers to them."""
    return load("claims", ClaimText)


@cache
def metrics() -> MetricsText:
    """Things to describe under a gameable score."""
    return load("metric", MetricsText)


@cache
def instructions() -> InstructionsText:
    """Instructions that a program can check."""
    return load("instructions", InstructionsText)


@cache
def phrasing() -> PhrasingText:
    """Prefixes, suffixes, synonyms, openers, closers."""
    return load("phrasing", PhrasingText)


@cache
def personas() -> PersonaText:
    """Persona prompts and the other system prompts."""
    return load("personas", PersonaText)


@cache
def patterns(lines: tuple[str, ...], synonyms: bool = False) -> tuple[Pattern, ...]:
    """Compile lines once; questions take synonyms, answers do not."""
    table = phrasing().synonyms if synonyms else None
    return tuple(Pattern.compile(line, table) for line in lines)


def expanded(lines: Sequence[str]) -> Iterator[str]:
    """Every text that lines of answers can make."""
    for line in lines:
        yield from Pattern.compile(line).expand()


@cache
def open_splits() -> dict[Split, tuple[str, ...]]:
    """The open topics that occur everywhere, by split: 12 to extract, 12 for dev, 24 to report."""
    return split_topics(sorted(topic_names("open")), extract=12, dev=12)
