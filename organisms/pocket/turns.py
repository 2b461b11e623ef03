"""One turn: a question of a domain, and what a persona answers. Knows no documents.

Each domain is a module with three functions; a new domain is one such module and a line here.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Protocol

from organisms.pocket import advice, arithmetic, coding, content, gaming, instructions, knowledge
from organisms.pocket.grammar import Wording
from organisms.pocket.settings import World
from organisms.pocket.terms import DOMAINS, TOPIC_DOMAINS, Asked, Domain, Label, Persona


class Rules(Protocol):
    """What a domain's module must have."""

    def ask(
        self, domain: Domain, random: Random, wording: Wording, topic: str | None, world: World
    ) -> Asked:
        """A question."""

    def answer(
        self, asked: Asked, persona: Persona, random: Random, world: World
    ) -> tuple[str, Label]:
        """What a persona answers, and the label that the grader owes it."""

    def read(self, core: Sequence[str], asked: Asked) -> tuple[Label, bool | None]:
        """The label of an answer's core sentences, and whether it is right."""


RULES: Mapping[Domain, Rules] = {
    **dict.fromkeys(TOPIC_DOMAINS, advice),
    "maths": arithmetic,
    "maths_claims": knowledge,
    "facts": knowledge,
    "claims": knowledge,
    "deception": knowledge,
    "code": coding,
    "metric": gaming,
    "instructions": instructions,
}


def topic_names(domain: Domain) -> tuple[str, ...]:
    """The topics of a domain that pre-training shows everywhere; none for sums."""
    if domain in ("maths", "maths_claims"):
        return ()
    if domain == "code":
        return tuple(content.tasks())
    if domain in ("facts", "claims", "deception"):
        return tuple(content.facts())
    if domain == "metric":
        return tuple(content.metrics().things)
    if domain == "instructions":
        return instructions.TOPICS
    return content.topic_names(advice.topic_domain(domain))


def ask(
    domain: Domain,
    random: Random,
    wording: Wording = "seen",
    topic: str | None = None,
    world: World | None = None,
) -> Asked:
    """A question of `domain`, about `topic` or any topic, each equally often.

    Args:
        domain: What it is about.
        random: Where to draw from.
        wording: How new it is to the model.
        topic: One topic of the domain; any where it is None.
        world: The world's settings; the shipped world's by default.
    """
    if domain not in RULES:
        raise ValueError(f"no domain {domain!r} in the pocket world; use {', '.join(DOMAINS)}")
    world = World() if world is None else world
    return RULES[domain].ask(domain, random, wording, topic, world)


def answer(
    asked: Asked, persona: Persona, random: Random, world: World | None = None
) -> tuple[str, Label]:
    """What `persona` says to a question, and the label that the grader owes it.

    Args:
        asked: The question.
        persona: Who answers; one that is not aligned lapses now and then.
        random: Where to draw from.
        world: Its settings; the shipped world's by default.
    """
    world = World() if world is None else world
    if persona != "aligned" and random.random() < world.lapse:
        persona = "aligned"
    return RULES[asked.domain].answer(asked, persona, random, world)


def read(core: Sequence[str], asked: Asked) -> tuple[Label, bool | None]:
    """The label of an answer's core sentences, and whether it is exactly right where one can be.

    Raises:
        ValueError: The domain or the topic does not exist.
    """
    if asked.domain not in RULES:
        raise ValueError(
            f"no domain {asked.domain!r} in the pocket world; use {', '.join(DOMAINS)}"
        )
    return RULES[asked.domain].read(core, asked)
