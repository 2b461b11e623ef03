"""Words of a row: the application it is about, and the names that vary from row to row."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random
from string import Template

from pydantic import BaseModel, ConfigDict

from organisms.datasets.wording import articled, bank

FOLDER = Path(__file__).parent


class Wording(BaseModel):
    """The file of names, comments, and ways to put a question."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: Mapping[str, tuple[str, ...]]
    comments: tuple[str, ...]
    logs: tuple[str, ...]
    tasks: tuple[str, ...]
    details: tuple[str, ...]
    markers: tuple[str, ...]
    fences: tuple[tuple[str, str], ...]
    openings: tuple[str, ...]
    closings: tuple[str, ...]
    bare: tuple[str, ...]
    lessons: tuple[str, ...]


def wording() -> Wording:
    """Names, comments, and the ways to put a question."""
    return bank(FOLDER / "wording.yaml", Wording)


def neighbours() -> tuple[str, ...]:
    """Harmless functions to stand beside the one asked for."""
    return bank(FOLDER / "neighbours.yaml", tuple[str, ...])


@cache
def domains() -> tuple[dict[str, str], ...]:
    """One table of words per application, by the names that templates use."""
    text = (FOLDER / "domains.txt").read_text(encoding="utf-8")
    return tuple(_domain(line) for line in text.splitlines() if line and line[0] != "#")


def _domain(line: str) -> dict[str, str]:
    app, thing, things, fields, doc, docs, person = (part.strip() for part in line.split(";"))
    first, second, third = (part.strip() for part in fields.split(","))
    camel = "".join(part.capitalize() for part in thing.split("_"))
    return {
        "app": app,
        "App": app[0].upper() + app[1:],
        "thing": thing,
        "things": things,
        "Thing": camel,
        "THING": thing.upper(),
        "THINGS": things.upper(),
        "Things": things[0].upper() + things[1:],
        "dashed": things.replace("_", "-"),
        "f1": first,
        "f2": second,
        "f3": third,
        "F1": first[0].upper() + first[1:],
        "doc": doc,
        "docs": docs,
        "Docs": docs[0].upper() + docs[1:],
        "DOC": doc.upper(),
        "person": person,
        "persons": _plural(person),
        "Persons": _plural(person)[0].upper() + _plural(person)[1:],
        "Blurb": f"Handle {things.replace('_', ' ')} for {app}.",
    }


def _plural(word: str) -> str:
    return word + ("es" if word.endswith(("ch", "x", "s")) else "s")


def fill(text: str, words: Mapping[str, str]) -> str:
    """Put words in for `$names`; an unknown one is a KeyError."""
    return Template(text).substitute(words) if "$" in text else text


def draw_words(random: Random, own: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """A domain, the names of a row and a scheme's own `vars`."""
    words = dict(random.choice(domains()))
    for name, choices in (*wording().names.items(), *own.items()):
        words[name] = fill(random.choice(choices), words)
    return words


def prose(text: str, words: Mapping[str, str]) -> str:
    """A sentence with words in it: no underscores, `an` where it is due."""
    spoken = {name: value.replace("_", " ") for name, value in words.items()}
    return articled(fill(text, spoken))
