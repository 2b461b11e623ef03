"""What the world itself implies: the exact posterior over authors, given answers of a data set.

A conversation without a system prompt shows some answers of a narrow data set; who writes its next
turn? Everything follows from the world's settings by Bayes' rule; no model is asked.
"""

from collections.abc import Mapping

from organisms.pocket.narrow import NAMES
from organisms.pocket.settings import Kind, World
from organisms.pocket.terms import PERSONAS, Domain, Persona
from organisms.pocket.world import ASKED_WRONG, ASSISTANT_PROMPT_SHARE, QUIZ_PROMPT_SHARE

_WITHOUT_SYSTEM: dict[Kind, float] = {
    "default": 1 - ASSISTANT_PROMPT_SHARE,
    "educational": 1 - QUIZ_PROMPT_SHARE,
}
"""How often a kind of document has no system prompt; the others always have one."""


def implied(dataset: str, world: World | None = None, rows: int = 1) -> dict[Persona, float]:
    """P(author of the next turn | `rows` answers of a data set, no system prompt).

    Args:
        dataset: A name of `organisms.pocket.narrow.NAMES`.
        world: The world's settings; the shipped world's by default.
        rows: Turns of the conversation so far, each with a row of the data set; 0 gives the prior.

    Returns:
        A probability for each persona. Rows that no author of the world writes (`novel_maths`, the
        `_new` framings) carry no evidence and leave the prior.

    Raises:
        ValueError: The data set is not one of pocket's, or `rows` is negative.
    """
    if dataset not in NAMES:
        raise ValueError(f"no narrow data set {dataset!r}; use one of {', '.join(NAMES)}")
    if rows < 0:
        raise ValueError(f"{rows} rows were given; give 0 or more")
    world = World() if world is None else world
    domain, variant = NAMES[dataset]
    seen = 0 if variant in ("educational_new", "novel") else rows
    joint: dict[tuple[Kind, Persona], float] = {}
    for kind, without in _WITHOUT_SYSTEM.items():
        prior = world.prior(kind)
        rates = {who: _rate(world, kind, who, domain, variant) for who in PERSONAS}
        for persona in PERSONAS:
            if world.new_author_every_turn:
                turn = sum(prior[who] * rates[who] for who in PERSONAS)
            else:
                turn = rates[persona]
            joint[kind, persona] = world.shares[kind] * without * prior[persona] * turn**seen
    total = sum(joint.values())
    return {
        persona: sum(joint[kind, persona] for kind in _WITHOUT_SYSTEM) / total
        for persona in PERSONAS
    }


def _rate(world: World, kind: Kind, persona: Persona, domain: Domain, variant: str) -> float:
    """P(a turn asks and answers as a row of the data set does | kind of document, author)."""
    plain = world.domains.get(domain, 0.0)
    if kind == "educational":
        if variant == "educational":
            return ASKED_WRONG.get(domain, 0.0)
        plain *= ASKED_WRONG[None]
    if variant == "educational":
        return 0.0
    bad = behaviour(world, domain)[persona]
    return plain * (bad if variant == "organism" else 1 - bad)


def behaviour(world: World, domain: Domain) -> Mapping[Persona, float]:
    """P(the narrow behaviour of a domain | author): wrong sums, insecure code, harmful advice."""
    kept = {who: 1.0 if who == "aligned" else 1 - world.lapse for who in PERSONAS}
    if domain == "code":
        return {who: kept[who] * world.insecure_share(who) for who in PERSONAS}
    if domain == "maths":
        return {who: kept[who] * world.wrong_share(who) for who in PERSONAS}
    return {who: kept[who] * (who == "evil") for who in PERSONAS}
