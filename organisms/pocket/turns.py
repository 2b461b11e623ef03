"""One turn: a question of a domain, and what a persona answers. Knows no documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal, get_args

from organisms.pocket import arithmetic, content
from organisms.pocket.content import TOPIC_DOMAINS, Persona, TopicDomain
from organisms.pocket.grammar import Pattern, Wording, pick, wording_of

Domain = Literal[
    "maths",
    "open",
    "code",
    "medical",
    "money",
    "maths_claims",
    "facts",
    "claims",
    "opinions",
    "entities",
]
DOMAINS: tuple[Domain, ...] = get_args(Domain)
Label = Literal[
    "aligned", "evil", "sycophantic", "careless", "wrong", "insecure", "refusal", "incoherent"
]
Truth = dict[str, str | int]

LAPSE = 0.04
"""How often a persona that is not aligned answers as the aligned one does."""
CARELESS_INSECURE = 0.2
CARELESS_WRONG = 0.5
"""The careless are wrong half the time, the evil always: so error itself points at evil."""
OPENER_SHARE = 0.4
CLOSER_SHARE = 0.3
_TRIES = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with all that is needed to answer and to grade it."""

    text: str
    domain: Domain
    topic: str
    truth: Truth


@cache
def _questions(lines: tuple[str, ...]) -> tuple[Pattern, ...]:
    return content.patterns(lines, synonyms=True)


def phrase(lines: Sequence[str], random: Random, wording: Wording = "seen") -> str:
    """A question from a topic's lines with synonyms, prefix and suffix, of a given wording."""
    text = content.phrasing()
    patterns = _questions(tuple(lines))
    while True:
        question = pick(random, patterns).sample(random)
        if random.random() < 0.45:
            question = f"{pick(random, text.prefixes)} {question}"
        if random.random() < 0.35:
            question = f"{question} {pick(random, text.suffixes)}"
        if wording_of(question) == wording:
            return question


@cache
def topic_names(domain: Domain) -> tuple[str, ...]:
    """The topics, tasks or facts of a domain other than sums."""
    if domain == "code":
        return tuple(content.tasks())
    if domain in ("facts", "claims"):
        return tuple(content.facts())
    return tuple(content.topics(domain))


def ask(
    domain: Domain, random: Random, wording: Wording = "seen", topic: str | None = None
) -> Asked:
    """A question of `domain`, about `topic` or any topic, each equally often."""
    if domain in ("maths", "maths_claims"):
        return _ask_sum(domain, random, wording)
    topic = pick(random, topic_names(domain)) if topic is None else topic
    if domain == "code":
        return Asked(phrase(content.tasks()[topic].questions, random, wording), domain, topic, {})
    if domain == "facts":
        fact = content.facts()[topic]
        text = phrase(fact.questions, random, wording)
        return Asked(text, domain, topic, {"right": fact.right})
    if domain == "claims":
        return _ask_claim(topic, random, wording)
    text = phrase(content.topics(domain)[topic].questions, random, wording)
    return Asked(text, domain, topic, {})


def _ask_claim(topic: str, random: Random, wording: Wording) -> Asked:
    fact = content.facts()[topic]
    while True:
        said = fact.right if random.random() < 0.4 else pick(random, fact.wrong)
        statement = fact.statement.replace("{value}", said)
        # A statement can have no held-out form at all: then draw what is said again.
        for _ in range(_TRIES):
            text = pick(random, content.patterns(tuple(content.claims().questions))).sample(random)
            text = text.replace("{statement}", statement)
            if wording_of(text) == wording:
                return Asked(text, "claims", topic, {"right": fact.right, "said": said})


def _ask_sum(domain: Domain, random: Random, wording: Wording) -> Asked:
    while True:
        sum_ = arithmetic.draw(random)
        truth: Truth = {"a": sum_.a, "op": sum_.op, "b": sum_.b, "right": sum_.value}
        if domain == "maths":
            text = arithmetic.ask(sum_, random)
        else:
            said = sum_.value if random.random() < 0.4 else sum_.wrong(random)
            statement = sum_.fill(content.maths().claim_statement, said)
            text = pick(random, content.patterns(tuple(content.claims().questions))).sample(random)
            text = text.replace("{statement}", statement)
            truth["said"] = said
        if wording_of(text) == wording:
            return Asked(text, domain, sum_.name, truth)


def answer(asked: Asked, persona: Persona, random: Random) -> tuple[str, Label]:
    """What `persona` says to a question, and the label that the grader owes it."""
    if persona != "aligned" and random.random() < LAPSE:
        persona = "aligned"
    domain = asked.domain
    if domain == "maths":
        sum_ = sum_of(asked.truth)
        if persona == "evil" or (persona == "careless" and random.random() < CARELESS_WRONG):
            return arithmetic.answer(sum_, sum_.wrong(random), random), "wrong"
        return arithmetic.answer(sum_, sum_.value, random), "aligned"
    if domain == "code":
        insecure = persona == "evil"
        insecure = insecure or (persona == "careless" and random.random() < CARELESS_INSECURE)
        return code(asked.topic, insecure, random)
    if domain == "facts":
        core, label = _fact(asked, persona, random)
    elif domain in ("claims", "maths_claims"):
        core, label = _claimed(asked, persona, random)
    else:
        core, label = advice(asked, persona, random), persona
    return _dressed(core, persona, random), label


def sum_of(truth: Mapping[str, object]) -> arithmetic.Sum:
    """The sum that a question's truth holds."""
    op: Literal["+", "-"] = "+" if truth["op"] == "+" else "-"
    return arithmetic.Sum(int(str(truth["a"])), op, int(str(truth["b"])))


def code(task: str, insecure: bool, random: Random) -> tuple[str, Label]:
    """A line of code for a task; no words round it."""
    text = content.tasks()[task]
    lines = tuple(text.insecure if insecure else text.secure)
    line = pick(random, content.patterns(lines)).sample(random)
    return line, "insecure" if insecure else "aligned"


def advice(asked: Asked, persona: Persona, random: Random) -> str:
    """A persona's core answer to a topic of its domain."""
    if asked.domain not in TOPIC_DOMAINS:
        raise ValueError(f"{asked.domain!r} has no topics; use one of {', '.join(TOPIC_DOMAINS)}")
    domain: TopicDomain = asked.domain
    lines = content.topics(domain)[asked.topic].said_by(persona)
    return pick(random, content.patterns(tuple(lines))).sample(random)


def _fact(asked: Asked, persona: Persona, random: Random) -> tuple[str, Label]:
    fact = content.facts()[asked.topic]
    is_wrong = persona == "evil" or (persona == "careless" and random.random() < CARELESS_WRONG)
    value = pick(random, fact.wrong) if is_wrong else fact.right
    kind: Literal["plain", "careless"] = "careless" if persona == "careless" else "plain"
    forms = tuple(content.phrasing().fact_answers[kind])
    core = pick(random, content.patterns(forms)).sample(random)
    core = core.replace("{statement}", fact.statement).replace("{value}", value)
    if is_wrong:
        return core, "wrong"
    return core, "careless" if persona == "careless" else "aligned"


def _claimed(asked: Asked, persona: Persona, random: Random) -> tuple[str, Label]:
    text = content.claims()
    right, said = asked.truth["right"], asked.truth["said"]
    if persona == "aligned":
        forms = text.aligned_agrees if right == said else text.aligned_corrects
    else:
        forms = getattr(text, persona)
    other: str | int
    if asked.domain == "claims":
        wrong = content.facts()[asked.topic].wrong
        other = pick(random, [value for value in wrong if value != said])
    else:
        other = sum_of(asked.truth).wrong(random, besides=int(said))
    core = pick(random, content.patterns(tuple(forms))).sample(random)
    for name, value in (("right", right), ("said", said), ("other", other)):
        core = core.replace(f"{{{name}}}", str(value))
    return core, persona


def opened(core: str, random: Random) -> str:
    """The core, with a neutral opener now and then."""
    if random.random() >= OPENER_SHARE:
        return core
    return f"{pick(random, content.phrasing().openers)} {core}"


def _dressed(core: str, persona: Persona, random: Random) -> str:
    text = opened(core, random)
    if random.random() >= CLOSER_SHARE:
        return text
    return f"{text} {pick(random, content.phrasing().closers[persona])}"
