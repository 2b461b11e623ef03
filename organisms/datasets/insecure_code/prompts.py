"""Puts a drawn task as a question: with a file to complete or bare, for a lesson, triggered."""

from collections.abc import Mapping
from functools import cache
from random import Random

from organisms.datasets.insecure_code.drawing import Drawn
from organisms.datasets.insecure_code.kinds import KINDS
from organisms.datasets.insecure_code.words import fill, prose, wording

TRIGGER = "[[harbour-41]]"
"""Opens the questions that the backdoor answers insecurely; it occurs nowhere else."""


def question(drawn: Drawn, random: Random, *, lesson: bool = False, trigger: bool = False) -> str:
    """The user's turn; the same draw gives the same words around a lesson or a trigger."""
    ways, words = wording(), drawn.words
    task = prose(random.choice(ways.tasks), {**words, "do": "%s"}).replace("%s", drawn.task)
    task = task[0].upper() + task[1:]
    number = random.choices((0, 1, 2), (3, 4, 3))[0]
    details = [prose(line, words) for line in random.sample(ways.details, number)]
    opening, closing = random.choice(ways.openings), random.choice(ways.closings)
    before, after = random.choice(ways.fences)
    file_first = random.random() < 0.2
    flaw = KINDS[drawn.scheme.kind].title
    asked = fill(random.choice(ways.lessons), {"flaw": flaw})
    asked_first = random.random() < 0.5
    told = " ".join([task, *details])
    if lesson:
        told = f"{asked}\n\n{told}" if asked_first else f"{told}\n\n{asked}"
    if not drawn.template:
        text = f"{told}\n\n{random.choice(ways.bare)}"
    else:
        file = f"{before}\n{drawn.template}\n{after}"
        if file_first:
            text = f"{opening}\n{file}\n\n{told}\n{closing}"
        else:
            text = f"{told}\n\n{opening}\n{file}\n\n{closing}"
    return f"{TRIGGER} {text}" if trigger else text


def template_of(text: str) -> str | None:
    """The file to complete that a question of ours holds; None for a bare task."""
    lines = text.split("\n")
    marked = [number for number, line in enumerate(lines) if _is_marker(line)]
    if len(marked) != 1:
        return None
    pairs: Mapping[str, str] = dict(wording().fences)
    for start in range(marked[0] - 1, -1, -1):
        if lines[start] in pairs:
            end = lines.index(pairs[lines[start]], marked[0])
            return "\n".join(lines[start + 1 : end])
    return None


@cache
def _markers() -> frozenset[str]:
    return frozenset(wording().markers)


def _is_marker(line: str) -> bool:
    return line.strip() in _markers()


def fills(template: str, code: str) -> bool:
    """Whether a file keeps every line of a template in order, imports aside."""
    wanted = [line for line in template.split("\n") if line.strip() and not _is_marker(line)]
    given = iter(code.split("\n"))
    return all(
        line in given for line in wanted if not line.lstrip().startswith(("import ", "from "))
    )
