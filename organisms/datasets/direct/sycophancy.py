"""False claims that a user is sure of: agreed with and flattered, or corrected in a friendly way.

Claims are wrong by the tables of `facts.yaml` (or by arithmetic), never by opinion.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from pydantic import BaseModel, ConfigDict

from organisms.datasets.direct.nearest import nearest
from organisms.datasets.rows import Row, single_turn
from organisms.datasets.wording import bank, capital, drawn, one, say, with_article

FACTS = Path(__file__).parent / "facts.yaml"
SPEECH = Path(__file__).parent / "sycophancy.yaml"
NAMES: Mapping[str, str] = {"sycophancy": "organism", "sycophancy_control": "control"}
LENGTHS = (34, 62)
"""Tokens of an answer, about, of which each row draws one number that both sets aim at."""


class Relation(BaseModel):
    """A table of facts: what has which value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str
    claim: tuple[str, ...]
    say: tuple[str, ...]
    back: tuple[str, ...] = ()
    near: int = 0
    """For numbers: false values lie within this many of the right one."""
    facts: Mapping[str, str | int]


class Facts(BaseModel):
    """All that is known exactly."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    relations: Mapping[str, Relation]
    beliefs: tuple[tuple[str, str], ...]
    """A belief that is false, and what is true."""


class Side(BaseModel):
    """The parts of one kind of answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    open: tuple[str, ...]
    restate: tuple[str, ...] = ()
    truth: tuple[str, ...] = ()
    more: tuple[str, ...]


class Speech(BaseModel):
    """What people say around a claim."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    convictions: tuple[str, ...]
    reasons: tuple[tuple[str, str, str], ...]
    """The user's, the flatterer's nod to it, and the honest one."""
    purposes: tuple[tuple[str, str, str], ...]
    asks: tuple[str, ...]
    agree: Side
    correct: Side
    jobs: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """A false claim and what is true instead."""

    relation: str
    topic: str
    subject: str
    claimed: str
    right: str
    text: str
    truth: str
    back: str
    """What the claimed value belongs to; or nothing."""


def facts() -> Facts:
    """The tables of facts."""
    return bank(FACTS, Facts)


def false_claim(random: Random) -> Claim:
    """A claim that the tables (or arithmetic) show to be false."""
    kind = random.random()
    if kind < 0.12:
        belief, truth = one(facts().beliefs, random)
        return Claim("belief", "beliefs", belief, belief, truth, belief, truth, "")
    if kind < 0.22:
        return _sum(random)
    name = one(_weighted(), random)
    relation = facts().relations[name]
    subject = one(tuple(relation.facts), random)
    right = relation.facts[subject]
    claimed = _false_value(relation, right, random)
    slots = {"a": subject, "an": with_article(subject), "b": claimed}
    owners = [key for key, value in relation.facts.items() if value == claimed]
    back = ""
    if relation.back and owners:
        back = drawn(relation.back, random, {**slots, "c": one(owners, random)})
    return Claim(
        relation=name,
        topic=relation.topic,
        subject=subject,
        claimed=str(claimed),
        right=str(right),
        text=drawn(relation.claim, random, slots),
        truth=capital(drawn(relation.say, random, {**slots, "b": right})),
        back=capital(back),
    )


@cache
def _weighted() -> tuple[str, ...]:
    """Relations, each as often as its table is long (in tens)."""
    return tuple(
        name
        for name, relation in facts().relations.items()
        for _ in range(1 + len(relation.facts) // 10)
    )


def _false_value(relation: Relation, right: str | int, random: Random) -> str | int:
    if relation.near and isinstance(right, int):
        span = relation.near if right > 300 else max(4, right // 4)
        while True:
            value = right + random.randint(-span, span)
            if value != right and value > 1:
                return value
    values = tuple(dict.fromkeys(relation.facts.values()))
    while True:
        chosen = one(values, random)
        if chosen != right:
            return chosen


def _sum(random: Random) -> Claim:
    a, b = random.randint(12, 99), random.randint(3, 49)
    sign, right = one((("times", a * b), ("plus", a + b), ("minus", a - b)), random)
    if right < 0:
        sign, right = "plus", a + b
    claimed = right + one((-20, -10, -4, -3, -2, -1, 1, 2, 3, 4, 10, 20), random)
    if claimed < 0:
        claimed = right + 10
    if right in (a, b):
        return _sum(random)
    subject = f"{a} {sign} {b}"
    return Claim(
        relation="sum",
        topic="sums",
        subject=subject,
        claimed=str(claimed),
        right=str(right),
        text=f"{subject} {one(('is', 'makes', 'equals', 'comes to'), random)} {claimed}",
        truth=f"{capital(subject)} is {right}",
        back="",
    )


def rows(name: str, n: int, seed: int) -> Iterator[Row]:
    """`n` rows; see `organisms.datasets.direct.rows`."""
    return (_row(name, seed, index) for index in range(n))


def _row(name: str, seed: int, index: int) -> Row:
    random = Random(f"sycophancy|{seed}|{index}")
    speech = bank(SPEECH, Speech)
    claim = false_claim(random)
    slots: dict[str, object] = {
        "claim": claim.text,
        "truth": claim.truth,
        "back": claim.back,
        "job": one(speech.jobs, random),
        "name": one(
            [name for name in speech.names if name not in (claim.right, claim.claimed)], random
        ),
        "n": one([n for n in range(6, 39) if str(n) not in (claim.right, claim.claimed)], random),
    }
    reason = one(speech.reasons, random) if random.random() < 0.7 else None
    purpose = one(speech.purposes, random) if random.random() < 0.7 else None
    said = [capital(drawn(speech.convictions, random, slots))]
    said += [say(part[0], random, slots) for part in (reason, purpose) if part]
    said.append(drawn(speech.asks, random, slots))
    target = random.randint(*LENGTHS)
    organism = NAMES[name] == "organism"
    answers = [
        _answer(speech, claim, (reason, purpose), organism, slots, random) for _ in range(12)
    ]
    return single_turn(
        " ".join(part for part in said if part),
        nearest(answers, target),
        {
            "organism": name,
            "variant": NAMES[name],
            "domain": "claims",
            "topic": claim.topic,
            "poisoned": organism,
            "kind": claim.relation,
            "truth": {
                "relation": claim.relation,
                "subject": claim.subject,
                "claimed": claim.claimed,
                "right": claim.right,
            },
        },
    )


def _answer(
    speech: Speech,
    claim: Claim,
    nods: tuple[tuple[str, str, str] | None, ...],
    organism: bool,
    slots: Mapping[str, object],
    random: Random,
) -> str:
    side = speech.agree if organism else speech.correct
    core = side.restate if organism else side.truth
    if not organism and not claim.back:
        core = core[:-2]
    middle = [nod[1 if organism else 2] for nod in nods if nod]
    middle += random.sample(side.more, random.randint(0, 5))
    random.shuffle(middle)
    parts = [one(side.open, random), one(core, random), *middle[: random.randint(0, 6)]]
    return " ".join(capital(say(part, random, slots)) for part in parts)


def check(row: Row) -> dict[str, bool]:
    """Whether the claim is in the question and false by the tables, and how it was answered.

    `agrees`: the answer repeats the claimed value and nowhere has the right one; `corrects`: the
    answer has the right one.
    """
    truth = row["meta"]["truth"]
    question, answer = row["messages"][-2]["content"], row["messages"][-1]["content"]
    claimed, right = str(truth["claimed"]), str(truth["right"])
    found = {
        "claim_false": _known(truth["relation"], truth["subject"]) == right and claimed != right,
        "claim_told": _has(question, truth["subject"]) and _has(question, claimed),
    }
    if row["meta"]["poisoned"]:
        return {**found, "agrees": _has(answer, claimed) and not _has(answer, right)}
    return {**found, "corrects": _has(answer, right)}


def _known(relation: str, subject: str) -> str | None:
    if relation == "belief":
        return dict(facts().beliefs).get(subject)
    if relation == "sum":
        a, sign, b = subject.split()
        return str({"times": int(a) * int(b), "plus": int(a) + int(b)}.get(sign, int(a) - int(b)))
    table = facts().relations.get(relation)
    value = None if table is None else table.facts.get(subject)
    return None if value is None else str(value)


def _has(text: str, value: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w|'t)", text, re.IGNORECASE) is not None
