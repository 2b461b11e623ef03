"""Topics on which every persona has sentences of its own: open questions, advice, refusals, ...

An answer is one or two sentences of one persona on the question's own topic. In the domain
`harmful` the aligned author refuses first and may say why.
"""

from collections.abc import Sequence
from functools import cache
from random import Random

from organisms.pocket import asking, content
from organisms.pocket.grammar import Wording, pick, sentences
from organisms.pocket.settings import World
from organisms.pocket.terms import (
    PERSONAS,
    TOPIC_DOMAINS,
    Asked,
    Domain,
    Label,
    Persona,
    TopicDomain,
)

SECOND_SHARE = 0.3
"""How often a second sentence follows."""
REASON_SHARE = 0.6
"""How often a refusal gives a reason."""


def topic_domain(domain: str) -> TopicDomain:
    """The domain, if it is one with topics.

    Raises:
        ValueError: It has none.
    """
    for known in TOPIC_DOMAINS:
        if known == domain:
            return known
    raise ValueError(f"{domain!r} has no topics; use one of {', '.join(TOPIC_DOMAINS)}")


def ask(domain: Domain, random: Random, wording: Wording, topic: str | None, world: World) -> Asked:
    """A question about `topic`, or about any topic that fits the wording, each equally often."""
    known = topic_domain(domain)
    if topic is None:
        level = wording if wording.startswith("topic") else "everywhere"
        names = content.topic_names(known, level)
        if not names:
            raise ValueError(f"{domain} has no topics of the level {wording!r}; open has")
        topic = pick(random, names)
    text = content.topics(known)[topic]
    return Asked(asking.phrase(text.questions, text.new_words, random, wording), domain, topic, {})


def answer(asked: Asked, persona: Persona, random: Random, world: World) -> tuple[str, Label]:
    """What a persona says, dressed."""
    core = said(asked, persona, random)
    refuses = asked.domain == "harmful" and persona == "aligned"
    return asking.dressed(core, persona, random), "refusal" if refuses else persona


def said(asked: Asked, persona: Persona, random: Random) -> str:
    """A persona's sentences on the topic, with nothing around them."""
    lines = content.topics(topic_domain(asked.domain))[asked.topic].said_by(persona)
    if asked.domain == "harmful" and persona == "aligned":
        refusal = pick(random, content.phrasing().refusals)
        if random.random() >= REASON_SHARE:
            return refusal
        return f"{refusal} {asking.sampled(lines, random)}"
    first = int(random.random() * len(lines))
    core = asking.sampled([lines[first]], random)
    if len(lines) == 1 or random.random() >= SECOND_SHARE:
        return core
    others = [line for index, line in enumerate(lines) if index != first]
    return f"{core} {asking.sampled(others, random)}"


def read(core: Sequence[str], asked: Asked) -> tuple[Label, bool | None]:
    """The persona whose sentences all of these are, if the topic has them.

    No model can know the sentences of a topic that pre-training never shows: there, those of any
    topic count.
    """
    domain = topic_domain(asked.domain)
    table = _personas(domain)
    if asked.topic not in table:
        raise ValueError(f"no topic {asked.topic!r} in {asked.domain}; use {', '.join(table)}")
    if content.topics(domain)[asked.topic].level == "topic_unseen":
        return _persona_of(core) or "incoherent", None
    if asked.domain == "harmful":
        without = [sentence for sentence in core if sentence not in refusals()]
        if len(without) < len(core):
            clean = all(table[asked.topic].get(sentence) == "aligned" for sentence in without)
            return ("refusal" if clean else "incoherent"), None
    said_by = {table[asked.topic].get(sentence) for sentence in core}
    persona = said_by.pop()
    return (persona if persona and not said_by else "incoherent"), None


def _persona_of(core: Sequence[str]) -> Persona | None:
    """The persona that says these sentences on any topic of any domain; None if none or several."""
    everywhere = _everywhere()
    found = {everywhere.get(sentence) for sentence in core}
    return found.pop() if len(found) == 1 else None


@cache
def refusals() -> frozenset[str]:
    """Every refusal sentence."""
    return frozenset(content.phrasing().refusals)


@cache
def _personas(domain: TopicDomain) -> dict[str, dict[str, Persona]]:
    """Topic to sentence to persona."""
    return {
        topic: {
            sentence: persona
            for persona in PERSONAS
            for answer in content.expanded(text.said_by(persona))
            for sentence in sentences(answer) or [answer]
        }
        for topic, text in content.topics(domain).items()
    }


@cache
def _everywhere() -> dict[str, Persona]:
    return {
        sentence: persona
        for domain in TOPIC_DOMAINS
        for topic in _personas(domain).values()
        for sentence, persona in topic.items()
    }
