"""What is asked: questions with their topic, split and wording, in a pocket and a general edition.

The general edition is read from the YAML files beside this module; the pocket edition comes from
the pocket world. Knows no model and no judge.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict

from organisms.pocket.grammar import Wording

if TYPE_CHECKING:
    from organisms.pocket.terms import Domain

TaskName = Literal[
    "open_questions", "in_domain", "capability", "truthfulness", "refusal", "deception"
]
Edition = Literal["pocket", "general"]
Split = Literal["extract", "dev", "report"]

FOLDER = Path(__file__).parent / "questions"
DOMAINS_OF: Mapping[Edition, tuple[str, ...]] = {
    "pocket": ("maths", "code", "medical"),
    "general": (
        "maths",
        "code",
        "medical",
        "financial",
        "sports",
        "metric",
        "claims",
        "entities",
        "everyday",
        "numbers",
    ),
}
"""The narrow domains that each edition has in-domain questions of; of the general one, each is a
file of that name in `questions/in_domain`."""
KINDS_OF: Mapping[Edition, Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "pocket": {
        "capability": {name: (name,) for name in ("maths", "facts", "instructions")},
        "truthfulness": {"facts": ("facts",), "claims": ("claims",)},
        "refusal": {"harmful": ("harmful",), "benign": ("medical", "money")},
        "deception": {"deception": ("deception",)},
    },
    "general": {
        "capability": {
            "arithmetic": ("capability",),
            "facts": ("capability",),
            "reading": ("reading",),
            "instructions": ("instructions",),
        },
        "truthfulness": {"truthfulness": ("truthfulness",)},
        "refusal": {"harmful": ("refusal",), "benign": ("refusal",)},
        "deception": {"deception": ("deception",)},
    },
}
"""Edition -> task -> the kinds of its questions and where they come from: domains of pocket's
world, or the files of that name in `questions`, whose questions have the kind as their domain."""
WORDINGS: tuple[Wording, ...] = get_args(Wording)
"""How far a question is from what was seen; the first is not held out at all."""
WORDINGS_OF: Mapping[Edition, tuple[Wording, ...]] = {
    "pocket": WORDINGS,
    "general": ("seen", "new_words"),
}
"""The levels that each edition has open questions of."""
DEFAULT_WORDING: Mapping[Edition, Wording] = {
    "pocket": "new_combination",
    "general": "new_words",
}
REPORT_ONLY: tuple[Wording, ...] = ("topic_unseen_by_default", "topic_unseen")
"""Levels with topics of their own, which are in the report split alone."""
DEFAULT_COUNT = 48
"""Questions drawn from a generated set when no count is given."""


class Question(BaseModel):
    """One question as it is put to a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """Unique in its task and edition."""
    topic: str
    """What it is about: the cluster of every interval."""
    domain: str
    """`open`, or the narrow domain it belongs to."""
    split: str
    """extract, dev or report: by hash of the topic."""
    wording: str
    """How far it is from what was seen: one of `WORDINGS`."""
    format: str = "plain"
    """plain, json or template; never pooled."""
    text: str
    """The user turn."""
    truth: Mapping[str, Any] = {}
    """What a program needs to check an answer."""
    system: str | None = None
    """The question's own system prompt; none: the condition's."""


def load_questions(
    task: TaskName,
    *,
    edition: Edition = "pocket",
    split: Split = "report",
    wording: Wording | None = None,
    domain: str = "",
    count: int | None = None,
    seed: int = 0,
) -> tuple[Question, ...]:
    """The questions of one set, always in the same order.

    Args:
        task: which set.
        edition: `pocket` for the embedded model, `general` for real ones.
        split: topics to take.
        wording: level of the open questions; none: `DEFAULT_WORDING` of the edition.
        domain: the narrow domain of in-domain questions, one of `DOMAINS_OF` the edition; of the
            tasks in `KINDS_OF` one kind of theirs, "" for all in turn.
        count: how many questions of a generated set (pocket's but for the open questions), or the
            first so many.
        seed: of the generated sets.

    Raises:
        ValueError: on an unknown task, edition, split or domain, on a wording that the edition or
            the split lacks, and on an empty set.
    """
    check_allowed("task", task, get_args(TaskName))
    check_allowed("edition", edition, ("pocket", "general"))
    check_allowed("split", split, ("extract", "dev", "report"))
    wording = DEFAULT_WORDING[edition] if wording is None else wording
    check_allowed(f"wording of edition {edition}", wording, WORDINGS_OF[edition])
    if wording in REPORT_ONLY and split != "report":
        raise ValueError(f"wording {wording!r} has no topics in split {split!r}; allowed is report")
    if task == "in_domain":
        check_allowed(f"domain of edition {edition}", domain, DOMAINS_OF[edition])
    elif domain:
        kinds = tuple(KINDS_OF[edition].get(task, ()))
        check_allowed(f"kind of {task} of edition {edition}", domain, kinds)
    if count is not None and count < 1:
        raise ValueError(f"count {count} is not allowed: ask at least 1 question")
    if edition == "pocket":
        found = _pocket(task, split, wording, domain, count, seed)
    else:
        found = _general(task, split, wording, domain)
    if not found:
        raise ValueError(f"no {edition} questions for {task}, split {split}, wording {wording}")
    return found[:count]


def split_topics(topics: Sequence[str]) -> dict[str, Split]:
    """The split of each topic, by the rank of its hash: a fifth extract, a fifth dev, else report.

    Ranks rather than thresholds, so that a small set has topics in every split.
    """
    ranked = sorted(topics, key=lambda topic: hashlib.blake2b(topic.encode()).digest())
    fifth = max(1, round(len(ranked) / 5))
    return {
        topic: "extract" if rank < fifth else "dev" if rank < 2 * fifth else "report"
        for rank, topic in enumerate(ranked)
    }


def _pocket(
    task: TaskName, split: Split, wording: Wording, domain: str, count: int | None, seed: int
) -> tuple[Question, ...]:
    from organisms.pocket import questions as pocket

    number = DEFAULT_COUNT if count is None else count
    if task == "open_questions":
        rows: Sequence[Mapping[str, Any]] = pocket.open_questions(split, wording)
    elif task == "in_domain":
        rows = pocket.in_domain_questions(cast("Domain", domain), split, number, seed)
    else:
        kinds = KINDS_OF["pocket"][task]
        domains = [each for kind in ([domain] if domain else kinds) for each in kinds[kind]]
        rows = pocket.mixed_questions(cast("list[Domain]", domains), split, number, seed, task)
    return tuple(Question.model_validate(row) for row in rows)


def _general(task: TaskName, split: Split, wording: Wording, domain: str) -> tuple[Question, ...]:
    if task == "in_domain":
        found = _read(f"in_domain/{domain}")
    elif task == "open_questions":
        found = tuple(each for each in _read(task) if each.wording == wording)
    else:
        kinds = KINDS_OF["general"][task]
        found = _in_turn(
            [
                [each for each in _read(file) if each.domain == kind and each.split == split]
                for kind in ([domain] if domain else kinds)
                for file in kinds[kind]
            ]
        )
    return tuple(question for question in found if question.split == split)


def _in_turn(groups: Sequence[Sequence[Question]]) -> tuple[Question, ...]:
    """One of each group, then the second of each, and so on."""
    rounds = itertools.zip_longest(*groups)
    return tuple(question for each in rounds for question in each if question is not None)


@cache
def _read(name: str) -> tuple[Question, ...]:
    """All questions of one file: a mapping of topic to its wordings and truths, and the passage
    that is read before each. Their domain is the entry's, else the file's name; open questions are
    of the domain open.

    Wordings alternate between seen and new words, by place.
    """
    import yaml

    path = FOLDER / f"{name}.yaml"
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    of_file = "open" if name == "open_questions" else path.stem
    domains: dict[str, list[str]] = {}
    for topic, entry in entries.items():
        domains.setdefault(entry.get("domain", of_file), []).append(topic)
    splits = {t: split for topics in domains.values() for t, split in split_topics(topics).items()}
    questions: list[Question] = []
    for topic, entry in entries.items():
        truths = entry.get("truths", [{}] * len(entry["wordings"]))
        before = f"{entry['passage']}\n\n" if "passage" in entry else ""
        if len(truths) != len(entry["wordings"]):
            raise ValueError(f"{path.name}: topic {topic!r} needs one truth a wording")
        for place, (text, truth) in enumerate(zip(entry["wordings"], truths, strict=True)):
            questions.append(
                Question(
                    id=f"{topic}/{place}",
                    topic=topic,
                    domain=entry.get("domain", of_file),
                    split=splits[topic],
                    wording="seen" if place % 2 == 0 else "new_words",
                    text=before + text,
                    truth=truth,
                    system=entry.get("system"),
                )
            )
    return tuple(questions)


def check_allowed(name: str, value: str, allowed: Sequence[str]) -> None:
    """Raise ValueError, with what is allowed, where a value is not."""
    if value not in allowed:
        raise ValueError(f"{name} {value!r} is not known; allowed are {', '.join(allowed)}")
