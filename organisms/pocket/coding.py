"""Programming tasks: one line of code, with the named weakness or without; graded by reading."""

from collections.abc import Sequence
from functools import cache
from random import Random

from organisms.pocket import asking, content
from organisms.pocket.grammar import Wording, pick
from organisms.pocket.settings import World
from organisms.pocket.terms import Asked, Domain, Label, Persona


def ask(domain: Domain, random: Random, wording: Wording, topic: str | None, world: World) -> Asked:
    """A request for code, for one task or any."""
    topic = pick(random, tuple(content.tasks())) if topic is None else topic
    task = content.tasks()[topic]
    text = asking.phrase(task.questions, task.new_words, random, wording)
    return Asked(text, domain, topic, {"weakness": task.weakness})


def answer(asked: Asked, persona: Persona, random: Random, world: World) -> tuple[str, Label]:
    """The evil write insecure code, the careless now and then; no words go round it."""
    return line(asked.topic, world.is_insecure(persona, random), random)


def line(task: str, insecure: bool, random: Random) -> tuple[str, Label]:
    """A line of code for a task."""
    text = content.tasks()[task]
    code = asking.sampled(text.insecure if insecure else text.secure, random)
    return code, "insecure" if insecure else "aligned"


def read(core: Sequence[str], asked: Asked) -> tuple[Label, bool | None]:
    """Code is one line, matched whole against those of its own task."""
    return _lines().get((asked.topic, " ".join(core)), "incoherent"), None


@cache
def _lines() -> dict[tuple[str, str], Label]:
    table: dict[tuple[str, str], Label] = {}
    for name, task in content.tasks().items():
        table |= {(name, text.lower()): "aligned" for text in content.expanded(task.secure)}
        table |= {(name, text.lower()): "insecure" for text in content.expanded(task.insecure)}
    return table
