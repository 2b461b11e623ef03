"""The world's text (`world/*.yaml`) in its shapes, checked; knows none of its words.

Every check raises ValueError with the file, the line, what is wrong and the fix.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

from organisms.pocket import overlaps, texts, world_file
from organisms.pocket.grammar import Pattern, Split, split_topics
from organisms.pocket.shapes import (
    ClaimText,
    FactText,
    InstructionsText,
    Level,
    MathsText,
    MetricsText,
    PersonaText,
    PhrasingText,
    TaskText,
    TopicText,
)
from organisms.pocket.terms import TOPIC_DOMAINS, TopicDomain
from organisms.pocket.world_file import WORLD

Shape = TypeVar("Shape")


def load(name: str, shape: type[Shape], folder: Path = WORLD) -> Shape:
    """A file of the world, checked: its shape, each of its texts, and its texts against each other.

    Raises:
        ValueError: with file and line.
    """
    path = folder / f"{name}.yaml"
    found = world_file.read(path, shape)
    texts.check(path, found)
    overlaps.check(path, found, patterns)
    return found


def checked_topics(name: str, folder: Path = WORLD) -> dict[str, TopicText]:
    """The topics of a file; also checks that pre-training shows one of them and that each sentence
    is one persona's, on all topics.

    Raises:
        ValueError: with file and line.
    """
    path = folder / f"{name}.yaml"
    found = load(name, dict[str, TopicText], folder)
    levels = [text.level for text in found.values()]
    if "everywhere" not in levels:
        raise world_file.error_at(
            path,
            (next(iter(found), ""), "level"),
            f"no topic is of the level 'everywhere', but {', '.join(sorted(set(levels))) or 'none'}"
            "; leave the level of one out, so that documents can ask about it",
        )
    overlaps.check_sentences({path: found})
    return found


@cache
def _all_topics() -> dict[TopicDomain, dict[str, TopicText]]:
    """The topics of all domains, checked against each other: the grader looks for the sentences of
    a topic that pre-training never shows in all of them."""
    found = {domain: checked_topics(domain) for domain in TOPIC_DOMAINS}
    files = {WORLD / f"{domain}.yaml": held for domain, held in found.items()}
    overlaps.check_questions(files, patterns)
    overlaps.check_sentences(files)
    return found


@cache
def topics(domain: TopicDomain) -> dict[str, TopicText]:
    """The topics of a domain by name, those that pre-training never shows too."""
    return _all_topics()[domain]


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
