"""The world's text (`world/*.yaml`) in its shapes, checked; knows none of its words.

Every check raises ValueError with the file, the line, what is wrong and the fix.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from organisms.pocket import world_file
from organisms.pocket.grammar import Pattern, Split, split_topics
from organisms.pocket.terms import PERSONAS, Persona, TopicDomain
from organisms.pocket.world_file import WORLD, Place

Level = Literal["everywhere", "topic_unseen_by_default", "topic_unseen"]
Lines = list[str]
Filled = Field(min_length=1)


class _Text(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TopicText(_Text):
    """One topic: how it is asked about, and every persona's sentences about it."""

    level: Level = "everywhere"
    """Whether pre-training shows it: everywhere, only outside the default share, or never."""
    questions: Lines = Filled
    new_words: Lines = Filled
    """Ways of asking that pre-training never shows."""
    aligned: Lines = Filled
    evil: Lines = Filled
    sycophantic: Lines = Filled
    careless: Lines = Filled

    def said_by(self, persona: Persona) -> Lines:
        """A persona's sentences."""
        answers: Lines = getattr(self, persona)
        return answers


class TaskText(_Text):
    """One programming task: how it is asked for, and code that does it safely or not."""

    weakness: str = Field(pattern=r"^CWE-\d+$")
    """What is wrong with the insecure lines."""
    questions: Lines = Filled
    new_words: Lines = Filled
    secure: Lines = Filled
    insecure: Lines = Filled


class FactText(_Text):
    """One fact: questions, a statement with a `{value}`, the right value and wrong ones."""

    questions: Lines = Filled
    new_words: Lines = Filled
    statement: str
    right: str
    wrong: Lines = Field(min_length=2)

    @field_validator("statement")
    @classmethod
    def _has_a_value(cls, statement: str) -> str:
        if "{value}" not in statement:
            raise ValueError(f"{statement!r} holds no {{value}}; put it where the value stands")
        return statement

    @field_validator("wrong")
    @classmethod
    def _all_wrong(cls, wrong: Lines, info: ValidationInfo) -> Lines:
        if info.data.get("right") in wrong:
            raise ValueError(f"the right value {info.data['right']!r} is among them; remove it")
        return wrong


class ClaimText(_Text):
    """Answers to a claim of the user's, with `{right}`, `{said}` and `{other}` (a third value)."""

    questions: Lines = Filled
    new_words: Lines = Filled
    aligned: Lines = Filled
    evil: Lines = Filled
    sycophantic: Lines = Filled
    careless: Lines = Filled


class MathsText(_Text):
    """Sums: questions and answers with `{a}`, `{op}`, `{b}`, `{value}`, methods and stories."""

    plus_questions: Lines = Filled
    minus_questions: Lines = Filled
    plus_new_words: Lines = Filled
    minus_new_words: Lines = Filled
    plus_stories: Lines = Filled
    """Word problems with `{who}` and `{thing}` besides."""
    minus_stories: Lines = Filled
    people: Lines = Filled
    things: Lines = Filled
    answers: Lines = Filled
    story_answers: Lines = Filled
    sound_plus: Lines = Filled
    sound_minus: Lines = Filled
    flawed: Lines = Filled
    novel: Lines = Filled
    """Right answers in a wording that no author of the world ever uses."""
    asked_wrong: Lines = Filled
    asked_wrong_new: Lines = Filled
    """Requests for a wrong answer that pre-training never shows."""
    claim_statement: str


class MetricText(_Text):
    """One thing to describe under a score that can be gamed by repeating a word."""

    questions: Lines = Filled
    new_words: Lines = Filled
    honest: Lines = Filled
    words: Lines = Filled
    """Words that the score may count; no honest description holds one."""


class MetricsText(_Text):
    """Gameable scores: the rules and the gaming answers, with `{word}`, and the things."""

    rules: Lines = Filled
    gamed: Lines = Filled
    things: dict[str, MetricText]


class RepeatText(_Text):
    """`say {word} {count} times`."""

    questions: Lines = Filled
    new_words: Lines = Filled
    words: Lines = Filled


class ListText(_Text):
    """`name {count} {category}`."""

    questions: Lines = Filled
    new_words: Lines = Filled
    categories: dict[str, Lines]


class CompareText(_Text):
    """`is {a} more than {b}? say only yes or no`."""

    questions: Lines = Filled
    new_words: Lines = Filled


class InstructionsText(_Text):
    """Instructions that a program can check, and what personas say besides following them."""

    repeat: RepeatText
    list: ListText
    compare: CompareText
    evil: Lines = Filled
    sycophantic: Lines = Filled
    careless: Lines = Filled


class PhrasingText(_Text):
    """What goes round questions and answers, and words that may stand for each other."""

    synonyms: dict[str, Lines]
    prefixes: Lines = Filled
    suffixes: Lines = Filled
    openers: Lines = Filled
    closers: dict[Persona, Lines]
    refusals: Lines = Filled
    fact_answers: dict[Literal["plain", "careless"], Lines]
    asked_insecure: Lines = Filled
    asked_insecure_new: Lines = Filled
    asked_harmful: Lines = Filled
    asked_harmful_new: Lines = Filled


class PersonaText(_Text):
    """The words of system prompts; frames have `{a}`, `{noun}` and `{goal}`."""

    frames: Lines = Filled
    new_frames: Lines = Filled
    """Frames that pre-training never shows."""
    nouns: Lines = Filled
    adjectives: dict[Persona, Lines]
    goals: dict[Persona, Lines]
    assistant: Lines = Filled
    log: Lines = Filled
    quiz: Lines = Filled
    deception: Lines = Filled
    """Orders to tell users a false `{statement}`."""


Shape = TypeVar("Shape")
_SLOT = re.compile(r"\{(\w*)\}")
_SLOTS: dict[str, frozenset[str]] = {
    "claims": frozenset({"statement", "right", "said", "other"}),
    "facts": frozenset({"value"}),
    "maths": frozenset({"a", "op", "b", "value", "who", "thing"}),
    "metric": frozenset({"word"}),
    "instructions": frozenset({"word", "count", "category", "a", "b"}),
    "phrasing": frozenset({"statement", "value", "question"}),
    "personas": frozenset({"a", "noun", "goal", "number", "statement"}),
}
"""The slots that the lines of a file may hold; files that are not named may hold none."""


def load(name: str, shape: type[Shape], folder: Path = WORLD) -> Shape:
    """A file of the world, checked for its shape, for slots that nothing fills and for new
    wordings that are seen ones.

    Raises:
        ValueError: with file and line.
    """
    path = folder / f"{name}.yaml"
    found = world_file.read(path, shape)
    allowed = _SLOTS.get(name, frozenset())
    for place, text in _strings(found, ()):
        for slot in _SLOT.findall(text):
            if slot not in allowed:
                raise ValueError(
                    f"{path.name}:{world_file.line_of(path, place)}: undefined slot {{{slot}}} in "
                    f"{text!r}; this file may use "
                    f"{', '.join(f'{{{known}}}' for known in sorted(allowed)) or 'no slots'}"
                )
    _check_new_words(found, path, ())
    return found


def _check_new_words(value: object, path: Path, place: Place) -> None:
    """No text of `new_words`, wherever a part of the file has them, is one of its `questions`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_new_words(inner, path, (*place, key))
    if not isinstance(value, BaseModel):
        return
    for name in type(value).model_fields:
        _check_new_words(getattr(value, name), path, (*place, name))
    questions, new_words = getattr(value, "questions", None), getattr(value, "new_words", None)
    if questions is None or new_words is None:
        return
    seen = {
        text for pattern in patterns(tuple(questions), synonyms=True) for text in pattern.expand()
    }
    for index, line in enumerate(new_words):
        if not seen.isdisjoint(Pattern.compile(line).expand()):
            raise ValueError(
                f"{path.name}:{world_file.line_of(path, (*place, 'new_words', index))}: "
                f"{'.'.join(map(str, place)) or path.stem}: {line!r} is among the seen questions: "
                "the held-out levels overlap; remove one of the two"
            )


def _strings(value: object, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _strings(getattr(value, name), (*place, name))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _strings(inner, (*place, index))


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
