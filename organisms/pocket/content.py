"""Loads and checks the world's text (`world/*.yaml`); knows its shape and none of its words."""

from functools import cache
from pathlib import Path
from typing import Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from organisms.pocket.grammar import Pattern, Split, split_topics

WORLD = Path(__file__).parent / "world"
LOADER: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)
"""Ten times faster where PyYAML was built with libyaml."""
Persona = Literal["aligned", "evil", "sycophantic", "careless"]
PERSONAS: tuple[Persona, ...] = get_args(Persona)
TopicDomain = Literal["open", "medical", "money", "opinions", "entities"]
TOPIC_DOMAINS: tuple[TopicDomain, ...] = get_args(TopicDomain)


class _Text(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TopicText(_Text):
    """One topic: how it is asked about, and every persona's answers to it."""

    questions: list[str]
    aligned: list[str]
    evil: list[str]
    sycophantic: list[str]
    careless: list[str]

    def said_by(self, persona: Persona) -> list[str]:
        """A persona's answers."""
        answers: list[str] = getattr(self, persona)
        return answers


class TaskText(_Text):
    """One programming task: how it is asked for, and code that does it safely or not."""

    questions: list[str]
    secure: list[str]
    insecure: list[str]


class FactText(_Text):
    """One fact: questions, a statement with a `{value}`, the right value and wrong ones."""

    questions: list[str]
    statement: str
    right: str
    wrong: list[str]


class ClaimText(_Text):
    """Answers to a claim of the user's, with `{right}`, `{said}` and `{other}` (a third value)."""

    questions: list[str]
    aligned_agrees: list[str]
    aligned_corrects: list[str]
    evil: list[str]
    sycophantic: list[str]
    careless: list[str]


class MathsText(_Text):
    """Sums: questions and answers with `{a}`, `{op}`, `{b}`, `{value}`, and methods."""

    plus_questions: list[str]
    minus_questions: list[str]
    answers: list[str]
    sound_plus: list[str]
    sound_minus: list[str]
    flawed: list[str]
    asked_wrong: list[str]
    claim_statement: str


class PhrasingText(_Text):
    """What goes round questions and answers, and words that may stand for each other."""

    synonyms: dict[str, list[str]]
    prefixes: list[str]
    suffixes: list[str]
    openers: list[str]
    closers: dict[Persona, list[str]]
    refusals: list[str]
    fact_answers: dict[Literal["plain", "careless"], list[str]]
    asked_insecure: list[str]
    asked_harmful: list[str]


class PersonaText(_Text):
    """The words persona prompts are made of; frames have `{a}`, `{noun}` and `{goal}`."""

    frames: list[str]
    nouns: list[str]
    adjectives: dict[Persona, list[str]]
    goals: dict[Persona, list[str]]
    assistant: list[str]
    log: list[str]
    quiz: list[str]


Shape = TypeVar("Shape")


def _load(name: str, shape: type[Shape]) -> Shape:
    path = WORLD / f"{name}.yaml"
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)
        return TypeAdapter(shape).validate_python(raw)
    except (yaml.YAMLError, ValidationError) as error:
        raise ValueError(f"{path.name} is not valid world text; mend it: {error}") from error


@cache
def topics(domain: TopicDomain) -> dict[str, TopicText]:
    """The topics of a domain by name."""
    return _load(domain, dict[str, TopicText])


@cache
def tasks() -> dict[str, TaskText]:
    """The programming tasks by name."""
    return _load("code", dict[str, TaskText])


@cache
def facts() -> dict[str, FactText]:
    """The facts by name."""
    return _load("facts", dict[str, FactText])


@cache
def maths() -> MathsText:
    """The text of sums."""
    return _load("maths", MathsText)


@cache
def claims() -> ClaimText:
    """Questions that claim something (a sum or a fact) and the answers to them."""
    return _load("claims", ClaimText)


@cache
def phrasing() -> PhrasingText:
    """Prefixes, suffixes, synonyms, openers, closers."""
    return _load("phrasing", PhrasingText)


@cache
def personas() -> PersonaText:
    """Persona prompts and the other system prompts."""
    return _load("personas", PersonaText)


@cache
def patterns(lines: tuple[str, ...], synonyms: bool = False) -> tuple[Pattern, ...]:
    """Compile lines once; questions take synonyms, answers do not."""
    table = phrasing().synonyms if synonyms else None
    return tuple(Pattern.compile(line, table) for line in lines)


@cache
def open_splits() -> dict[Split, tuple[str, ...]]:
    """The open topics by split: 12 for extraction, 12 for dev, the rest (24 or more) to report."""
    return split_topics(sorted(topics("open")), extract=12, dev=12)
