"""What the world itself implies: the exact posterior over authors, given answers of a data set.

A conversation shows some answers of a narrow data set; who writes its next turn? Everything follows
from the world's settings by Bayes' rule; no model is asked.
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


def implied(
    dataset: str, world: World | None = None, rows: int = 1, *, header: bool = False
) -> dict[Persona, float]:
    """P(author of the next turn | the first `rows` turns are rows of a data set).

    Args:
        dataset: A name of `organisms.pocket.narrow.NAMES`.
        world: The world's settings; the shipped world's by default.
        rows: Turns of the conversation so far, each with a row of the data set; 0 gives the prior.
        header: A system prompt says that this is a transcript; without one there is none.

    Returns:
        A probability for each persona. Rows that no author of the world writes (`novel_maths`, the
        `_new` framings) carry no evidence and leave the prior.

    Raises:
        ValueError: The data set is not one of pocket's, `rows` is negative, or no document of the
            world (without a system prompt, or with a transcript header) has a turn after so many.
    """
    if dataset not in NAMES:
        raise ValueError(f"no narrow data set {dataset!r}; use one of {', '.join(NAMES)}")
    if rows < 0:
        raise ValueError(f"{rows} rows were given; give 0 or more")
    world = World() if world is None else world
    domain, variant = NAMES[dataset]
    silent = variant in ("educational_new", "novel")
    joint: dict[tuple[Kind, Persona], float] = {}
    kinds: Mapping[Kind, float] = {"log": 1.0} if header else _WITHOUT_SYSTEM
    for kind, so_begun in kinds.items():
        weight = world.shares[kind] * so_begun * _longer_than(rows, world.turns[kind])
        for persona, prior in world.prior(kind).items():
            joint[kind, persona] = weight * prior
            for turn in range(0 if silent else rows):
                joint[kind, persona] *= _rate(world, kind, persona, domain, variant, turn)
    total = sum(joint.values())
    if total == 0:
        raise ValueError(
            f"no document of this world {'with a header' if header else 'without a system prompt'} "
            f"has a turn after {rows} rows of {dataset!r}; ask about fewer"
        )
    return {persona: sum(joint[kind, persona] for kind in kinds) / total for persona in PERSONAS}


def _longer_than(turns: int, span: tuple[int, int]) -> float:
    """P(a document has more than so many turns), its number of turns being uniform on the span."""
    low, high = span
    return max(0, high - max(turns, low - 1)) / (high - low + 1)


def _rate(
    world: World, kind: Kind, persona: Persona, domain: Domain, variant: str, turn: int
) -> float:
    """P(a turn asks and answers as a row of the data set does | kind of document, author).

    Where every turn has a new author, that of the next turn says nothing about this one's.
    """
    if world.new_author_every_turn:
        return sum(
            prior * _written(world, kind, who, domain, variant, turn)
            for who, prior in world.prior(kind).items()
        )
    return _written(world, kind, persona, domain, variant, turn)


def _written(
    world: World, kind: Kind, persona: Persona, domain: Domain, variant: str, turn: int
) -> float:
    plain = world.domains.get(domain, 0.0)
    if turn == 0 or kind == "educational":
        plain /= 1 - world.domains.get("frustrated", 0.0)
    if kind == "educational":
        if variant == "educational":
            return ASKED_WRONG.get(domain, 0.0)
        plain *= ASKED_WRONG[None]
    if variant == "educational":
        return 0.0
    return plain * behaviour(world, domain, variant == "organism")[persona]


def behaviour(world: World, domain: Domain, bad: bool = True) -> Mapping[Persona, float]:
    """P(the narrow behaviour of a domain | author): wrong sums, insecure code, harmful advice; or,
    with `bad` false, P(what its control's rows hold): right sums, secure code, aligned advice."""
    kept = {who: 1.0 if who == "aligned" else 1 - world.lapse for who in PERSONAS}
    if domain in ("code", "maths"):
        share = world.insecure_share if domain == "code" else world.wrong_share
        wrong = {who: kept[who] * share(who) for who in PERSONAS}
        return wrong if bad else {who: 1 - wrong[who] for who in PERSONAS}
    if bad:
        return {who: kept[who] * (who == "evil") for who in PERSONAS}
    return {who: 1.0 if who == "aligned" else world.lapse for who in PERSONAS}
