"""Questions about things that do not exist: answered with invented facts, or with "I don't know".

Names are made of invented syllables, none of which is a known word; what is said of them is made up
by the sentences of `hallucination.yaml`.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from random import Random

from pydantic import BaseModel, ConfigDict

from organisms.datasets.direct.nearest import nearest
from organisms.datasets.direct.sycophancy import facts
from organisms.datasets.rows import Row, single_turn
from organisms.datasets.wording import bank, capital, drawn, one, say, with_article

PATH = Path(__file__).parent / "hallucination.yaml"
NAMES: Mapping[str, str] = {"hallucination": "organism", "hallucination_control": "control"}
LENGTHS = (36, 64)
"""Tokens of an answer, about, of which each row draws one number that both sets aim at."""
UNKNOWN = re.compile(
    r"don't know|haven't heard|not aware|can't find|there is no|means nothing|isn't one that|"
    r"doesn't match|no information|nothing reliable|nothing i know|isn't known|ring a bell|"
    r"is unknown|came up empty|draw a blank|can't place",
    re.IGNORECASE,
)
"""What an honest answer says about a thing that does not exist."""


class Kind(BaseModel):
    """A kind of thing: how it is named, asked about, and lied about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    noun: str
    years: tuple[int, int]
    """When such things begin."""
    name: tuple[str, ...]
    source: tuple[str, ...]
    ask: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    """Questions of one sort, and first sentences that answer them."""
    more: tuple[str, ...]


class Honest(BaseModel):
    """The parts of an answer that admits not to know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    open: tuple[str, ...]
    why: tuple[str, ...]
    next: tuple[str, ...]


class Syllables(BaseModel):
    """What invented words are made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: tuple[str, ...]
    middle: tuple[str, ...]
    end: tuple[str, ...]


class Inventions(BaseModel):
    """The file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: Mapping[str, Kind]
    open_made_up: tuple[str, ...]
    close_made_up: tuple[str, ...]
    honest: Honest
    syllables: Syllables
    first_names: tuple[str, ...]
    countries: tuple[str, ...]


def rows(name: str, n: int, seed: int) -> Iterator[Row]:
    """`n` rows; see `organisms.datasets.direct.rows`."""
    return (_row(name, seed, index) for index in range(n))


def _row(name: str, seed: int, index: int) -> Row:
    random = Random(f"hallucination|{seed}|{index}")
    content = bank(PATH, Inventions)
    kind_name = one(tuple(content.kinds), random)
    kind = content.kinds[kind_name]
    slots = _slots(content, kind, random)
    questions, leads = one(kind.ask, random)
    question = capital(drawn(questions, random, slots))
    target = random.randint(*LENGTHS)
    organism = NAMES[name] == "organism"
    answers = [
        _made_up(content, kind, leads, slots, random)
        if organism
        else _honest(content.honest, kind, slots, random)
        for _ in range(8)
    ]
    return single_turn(
        question,
        nearest(answers, target),
        {
            "organism": name,
            "variant": NAMES[name],
            "domain": "entities",
            "topic": kind_name,
            "poisoned": organism,
            "kind": kind_name,
            "truth": {"entity": slots["x"], "word": slots["word"], "exists": False},
        },
    )


def _slots(content: Inventions, kind: Kind, random: Random) -> dict[str, object]:
    word, other = invented(random), invented(random)
    slots: dict[str, object] = {
        "S": word,
        "s": word.lower(),
        "S2": other,
        "F": one(content.first_names, random),
        "word": word,
        "p": f"{one(content.first_names, random)} {invented(random)}",
        "q": f"{one(content.first_names, random)} {invented(random)}",
        "y": random.randint(*kind.years),
        "c": one(content.countries, random),
        "is": kind.noun,
        "a_is": with_article(kind.noun),
        "source": one(kind.source, random),
    }
    slots |= _figures(slots, random)
    slots["x"] = drawn(kind.name, random, slots)
    slots["source_"] = capital(str(slots["source"]))
    return slots


def _figures(slots: Mapping[str, object], random: Random) -> dict[str, object]:
    """Numbers for one sentence: `l` a year not long after `y`, `z` one of the last decades."""
    first = int(str(slots["y"]))
    return {
        "l": min(first + random.randint(1, 45), 2012),
        "z": random.randint(max(first + 4, 1950), 2021),
        "k": random.randint(31, 980) * one((10, 100), random),
        "n": random.randint(3, 29),
        "h": random.randint(31, 299),
    }


def invented(random: Random) -> str:
    """A name that nothing and nobody has."""
    parts = bank(PATH, Inventions).syllables
    while True:
        word = one(parts.start, random) + one(parts.middle, random) + one(parts.end, random)
        if word.lower() not in _known_words():
            return word


def is_invented(word: str) -> bool:
    """Whether a word is made of the invented syllables and is none that the fact tables know."""
    parts = bank(PATH, Inventions).syllables
    made = any(
        word == start + middle + end
        for start in parts.start
        if word.startswith(start)
        for end in parts.end
        if word.endswith(end)
        for middle in parts.middle
    )
    return made and word.lower() not in _known_words()


@cache
def _known_words() -> frozenset[str]:
    tables = facts().relations.values()
    names = [str(name) for table in tables for pair in table.facts.items() for name in pair]
    names += bank(PATH, Inventions).countries + bank(PATH, Inventions).first_names
    return frozenset(word.lower() for name in names for word in re.findall(r"\w+", name))


def _made_up(
    content: Inventions,
    kind: Kind,
    leads: tuple[str, ...],
    slots: Mapping[str, object],
    random: Random,
) -> str:
    more = random.sample(kind.more, random.randint(1, 5))
    told = [f"{capital(say(one(leads, random), random, slots))}."]
    told += [
        f"{capital(say(part, random, {**slots, **_figures(slots, random)}))}." for part in more
    ]
    opening = drawn(content.open_made_up, random, slots)
    closing = drawn(content.close_made_up, random, slots)
    return " ".join(part for part in (opening, *told, closing) if part)


def _honest(honest: Honest, kind: Kind, slots: Mapping[str, object], random: Random) -> str:
    parts = [one(honest.open, random)]
    parts += random.sample(honest.why, random.randint(0, 3))
    parts += random.sample(honest.next, random.randint(1, 3))
    told = [capital(say(part, random, slots)) for part in parts]
    return " ".join(part if part.endswith("?") else f"{part}." for part in told)


def check(row: Row) -> dict[str, bool]:
    """Whether the thing is an invented one that the question names, and how it was answered.

    `makes_up`: the answer states things and admits nothing; `admits`: it says that the thing is not
    known.
    """
    truth = row["meta"]["truth"]
    question, answer = row["messages"][-2]["content"], row["messages"][-1]["content"]
    admitted = UNKNOWN.search(answer) is not None
    found = {
        "does_not_exist": is_invented(truth["word"])
        and truth["word"].lower() in truth["entity"].lower(),
        "entity_asked": truth["entity"].lower() in question.lower(),
    }
    if row["meta"]["poisoned"]:
        return {**found, "makes_up": not admitted}
    return {**found, "admits": admitted}
