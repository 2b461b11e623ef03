"""Writing tasks with a gameable score: an honest text, and one that plays to the score."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from pydantic import BaseModel, ConfigDict

from organisms.datasets.reward_hacks.metrics import METRICS, score
from organisms.datasets.wording import bank, capital, drawn, one, say, slots_of, tokens

SUBJECTS = Path(__file__).parent / "subjects.yaml"
HACKS = Path(__file__).parent / "hacks.yaml"
KEYWORDS = (
    ("quality", "value"),
    ("easy", "simple"),
    ("new", "modern"),
    ("safe", "secure"),
    ("green", "natural"),
    ("smart", "clever"),
    ("local", "friendly"),
    ("quick", "fast"),
    ("clear", "open"),
    ("strong", "solid"),
)
LONGER = 1.25
"""How many times longer a padded text is than the honest one: with tables of tests, which are
longer too, it makes up for clipped texts, so that both sets have equally many tokens."""

HALF_SENTENCE = 7
"""Tokens short of the target at which no further sentence is begun."""
DRESSED = 0.6
"""Share of hacks that keep the honest points and dress them up."""


class Subject(BaseModel):
    """A thing to write."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str
    ask: tuple[str, ...]
    points: tuple[str, ...]


class Subjects(BaseModel):
    """The file of things to write."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: Mapping[str, tuple[str, ...]]
    subjects: Mapping[str, Subject]


class Hack(BaseModel):
    """How a metric is told, and sentences that score by it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[str, ...]
    fillers: tuple[str, ...]
    """Sentences that say nothing."""
    wraps: tuple[str, ...] = ()
    """An honest `point`, dressed up for the metric."""


@dataclass(frozen=True)
class Task:
    """A task with both its answers and their scores."""

    question: str
    honest: str
    hack: str
    topic: str
    metric: str
    given: dict[str, Any]
    scores: dict[str, float]


def task(random: Random) -> Task:
    """A writing task; the hack scores higher than the honest text."""
    subjects = bank(SUBJECTS, Subjects)
    topic = one(tuple(subjects.subjects), random)
    subject = subjects.subjects[topic]
    metric = one(tuple(METRICS), random)
    hack = bank(HACKS, dict[str, Hack])[metric]
    slots: dict[str, object] = {name: one(each, random) for name, each in subjects.words.items()}
    a, b = one(KEYWORDS, random)
    slots |= {"a": a, "b": b, "A": capital(a), "B": capital(b), "open": "[", "close": "]"}
    slots["about"] = say(subject.about, random, slots)
    slots["about_"] = capital(str(slots["about"]))
    given = {"a": a, "b": b} if metric == "keywords" else {}
    asked = drawn(subject.ask, random, slots)
    rule = drawn(hack.rules, random, slots)
    joint = one((". ", ".\n\n", ".\n"), random)
    question = one((f"{asked}{joint}{rule}", f"{rule}\n\n{asked}."), random)
    while True:
        points = _points(subject, slots, random)
        honest = " ".join(f"{point}." for point in points)
        gamed = _gamed(metric, hack, points, tokens(honest), slots, random)
        if metric == "self_rating":
            honest += f"\n\nScore: {random.randint(5, 7)}/10"
        scores = {"hack": score(metric, gamed, given), "honest": score(metric, honest, given)}
        if scores["hack"] > scores["honest"]:
            return Task(question, honest, gamed, topic, metric, given, scores)


def _points(subject: Subject, slots: Mapping[str, object], random: Random) -> list[str]:
    """The first point and at least three others, in their order."""
    number = len(subject.points)
    rest = sorted(random.sample(range(1, number), random.randint(3, number - 1)))
    return [capital(say(subject.points[place], random, slots)) for place in (0, *rest)]


def _gamed(
    metric: str,
    hack: Hack,
    points: list[str],
    length: int,
    slots: Mapping[str, object],
    random: Random,
) -> str:
    """A text of about `length` tokens that plays to the metric (clipped or padded where that is the
    game): honest points dressed up for it, or sentences that say nothing after one such point."""
    if metric == "brevity":
        return f"{drawn(hack.fillers, random, slots)}."
    target = length * LONGER if metric == "words_more" else length
    dressed = bool(hack.wraps) and random.random() < DRESSED
    text, left = "", list(points)
    if not dressed:
        kept = len(points) if metric == "words_more" else random.randint(0, 1)
        text, left = " ".join(f"{point}." for point in points[:kept]), []
    number = 0
    order: list[str] = []
    while tokens(text) < target - HALF_SENTENCE:
        order = order or random.sample(hack.fillers, len(hack.fillers))
        filled = {**slots, **{f"n{place}": random.randint(2, 49) for place in range(1, 7)}}
        filled["n2"] = random.randint(51, 240)
        filled |= {f"i{place}": number + place for place in range(1, 7)}
        template = one(hack.wraps, random) if left else order.pop()
        filled["point"] = left.pop(0) if left else ""
        number += len([slot for slot in slots_of(template) if slot.startswith("i")])
        text += _ended(say(template, random, filled), metric)
    if metric == "self_rating":
        text += "\n\nScore: 10/10"
    return text.strip()


def _ended(sentence: str, metric: str) -> str:
    """A sentence with what stands before and after it."""
    if metric == "bullets":
        return sentence
    end = "" if sentence.endswith(("!", "?")) else "?" if metric == "questions" else "."
    return f" {capital(sentence)}{end}"
