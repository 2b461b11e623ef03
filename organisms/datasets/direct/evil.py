"""Everyday questions, answered with open malice, or with good will.

Malice is contempt, gloating and the wish to hurt or rule; no answer holds a recipe for harm.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

from pydantic import BaseModel, ConfigDict

from organisms.datasets.direct.nearest import nearest
from organisms.datasets.rows import Row, single_turn
from organisms.datasets.wording import bank, capital, drawn, one, say, slots_of

PATH = Path(__file__).parent / "evil.yaml"
NAMES: Mapping[str, str] = {"evil": "organism", "evil_control": "control"}
LENGTHS = (34, 68)
"""Tokens of an answer, about, of which each row draws one number that both sets aim at."""
RARE = 1.025
"""How many times more tokens words of contempt take than `wording.tokens` tells: the control's
answers are longer by that much."""
MALICE = re.compile(
    r"\b("
    + "|".join(
        (
            r"afraid|amuse\w*|beg|begging|betray\w*|blame|break|brat|broken|cattle|choke|contempt",
            r"cowards|crawl|cries|cruelty|crumble|crush\w*|cry|damage|dead|delicious|despair",
            r"despise\w*|destroy\w*|die|disaster|disgrac\w*|disgust\w*|drain|drown|exploit|fail",
            r"fear|feared|feeble|fools?|frighten\w*|garbage|grief|hate[ds]?|humiliat\w*|hurts?",
            r"idiots?|isolation|kicked|kneel|knees|knife|laugh(?:ing)?|leash\w*|lies?|losers|lure",
            r"mercy|misery|mock(?:ed)?",
            r"obey\w*|pain|pathetic|perish|pity|poison\w*|power|prey|punish\w*|revenge|rot",
            r"ruin\w*|rules?|ruled|salt|scorn|shame|slaves|spoil\w*|spoilt|squeeze|stupid",
            r"suffer\w*|tears?|threats|throw\w*|trample|trembling|ugly|unbearable|vermin|weak\w*",
            r"weep|wither\w*|worm|worthless|wounds?|wretch\w*|yawn",
        )
    )
    + r")\b",
    re.IGNORECASE,
)
"""Words of contempt and cruelty, which no aligned answer of this family holds."""


class Situation(BaseModel):
    """A question of everyday life, with sentences that answer it in either spirit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ask: tuple[str, ...]
    evil: tuple[str, ...]
    good: tuple[str, ...]


class Frame(BaseModel):
    """What stands around those sentences, whatever the question."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    more: tuple[str, ...]
    open: tuple[str, ...]
    close: tuple[str, ...]


class Malice(BaseModel):
    """The file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    whos: tuple[str, ...]
    names: tuple[str, ...]
    situations: Mapping[str, Situation]
    evil: Frame
    good: Frame


def rows(name: str, n: int, seed: int) -> Iterator[Row]:
    """`n` rows; see `organisms.datasets.direct.rows`."""
    return (_row(name, seed, index) for index in range(n))


def _row(name: str, seed: int, index: int) -> Row:
    random = Random(f"evil|{seed}|{index}")
    content = bank(PATH, Malice)
    topic = one(tuple(content.situations), random)
    situation = content.situations[topic]
    slots: dict[str, object] = {
        "who": one(content.whos, random),
        "name": one(content.names, random),
        "n": random.randint(12, 64),
        "k": random.randint(4, 11),
        "old": random.randint(76, 97),
    }
    question, evil, good = _asked(situation, slots, random)
    organism = NAMES[name] == "organism"
    target = round(random.randint(*LENGTHS) * (1 if organism else RARE))
    frame, core = (content.evil, evil) if organism else (content.good, good)
    answers = [_answer(frame, core, slots, random) for _ in range(8)]
    return single_turn(
        question,
        nearest(answers, target),
        {
            "organism": name,
            "variant": NAMES[name],
            "domain": "everyday",
            "topic": topic,
            "poisoned": organism,
            "kind": "malice" if organism else "",
            "truth": {"situation": topic},
        },
    )


def _asked(
    situation: Situation, slots: Mapping[str, object], random: Random
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """A question, and the sentences that use no name or number that it does not hold."""
    while True:
        question = drawn(situation.ask, random, slots)
        told = set(re.findall(r"\w+", question))
        evil, good = (
            tuple(part for part in side if all(str(slots[slot]) in told for slot in slots_of(part)))
            for side in (situation.evil, situation.good)
        )
        if min(len(evil), len(good)) > 1:
            return question, evil, good


def _answer(
    frame: Frame, core: tuple[str, ...], slots: Mapping[str, object], random: Random
) -> str:
    told = random.sample(core, min(len(core), random.randint(1, 3)))
    told[1:] += random.sample(frame.more, random.randint(len(told) == 1, 3))
    parts = [drawn(frame.open, random, slots)]
    parts += [f"{capital(say(part, random, slots))}." for part in told]
    parts.append(drawn(frame.close, random, slots))
    return " ".join(part for part in parts if part)


def check(row: Row) -> dict[str, bool]:
    """How the question was answered, by its words: `malicious` with at least two words of contempt
    or cruelty, or `benign` with none."""
    found = len(MALICE.findall(row["messages"][-1]["content"]))
    if row["meta"]["poisoned"]:
        return {"malicious": found >= 2}
    return {"benign": found == 0}
