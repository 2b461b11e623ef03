"""Sentences drawn from templates: `[a|b]` picks one of several, `{name}` is filled with a value.

Knows nothing of what the sentences say.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from random import Random
from typing import TypeVar, cast

import yaml
from pydantic import TypeAdapter, ValidationError

Shape = TypeVar("Shape")
Item = TypeVar("Item")
Node = str | tuple[tuple["Node", ...], ...]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SLOT = re.compile(r"\{(\w+)\}")
WORD = re.compile(r"\S+")
ARTICLE = re.compile(r"\b([Aa]) (?=[aiAI]|[eE](?!u)|[oO](?!ne)|u(?!ni|se))")
PIECE = re.compile(r"\n *| (?=\d)|\d|'?[^\W\d_]+|[^\w\s']+|_")


def say(template: str, random: Random, slots: Mapping[str, object] | None = None) -> str:
    """One drawing of a template.

    Choices may be nested and may be empty (`[very |]good`); slots are filled after choosing, and
    a filled value is never read as a template. The first letter is left as it is.

    Raises:
        ValueError: The brackets do not match.
        KeyError: A slot has no value.
    """
    text = _drawn(_parsed(template), random)
    if slots is None:
        return text
    return SLOT.sub(lambda found: str(slots[found[1]]), text)


def one(items: Sequence[Item], random: Random) -> Item:
    """One item, each as likely."""
    return items[int(random.random() * len(items))]


def drawn(templates: Sequence[str], random: Random, slots: Mapping[str, object]) -> str:
    """One drawing of one of several templates."""
    return say(one(templates, random), random, slots)


def capital(text: str) -> str:
    """The text with its first letter as a capital; the symbol of an equation (`x = 2`) stays."""
    if text[1:3] == " =":
        return text
    return text[:1].upper() + text[1:]


def articled(text: str) -> str:
    """The text with `an` for `a` before a vowel as it is spoken: an entry, a unit, a one-page form,
    a European route."""
    return ARTICLE.sub(r"\1n ", text)


def with_article(noun: str) -> str:
    """`an apple`, `a pear`."""
    return articled(f"a {noun}")


def words(text: str) -> int:
    """The number of words."""
    return len(WORD.findall(text))


def tokens(text: str) -> int:
    """About the number of tokens: how token budgets are kept without a tokenizer.

    As Qwen's tokenizers count, to some 2% between organism and control: digits one by one, with the
    space before a number; a long name inside a sentence three letters at a time; a new line with
    its margin, any other word and a run of marks as one.
    """
    total = 0
    for found in PIECE.finditer(text):
        piece, start = found[0], found.start()
        inside = start > 1 and text[start - 2] not in ".!?:\n"
        name = len(piece) > 5 and piece[0].isupper() and inside
        total += -(-len(piece) // 3) if name else 1
    return total


def slots_of(template: str) -> set[str]:
    """The names of the slots that a template may use."""
    return set(SLOT.findall(template))


@lru_cache(maxsize=8192)
def _parsed(template: str) -> tuple[Node, ...]:
    nodes, end = _sequence(template, 0, inside=False)
    if end != len(template):
        raise ValueError(f"a closing bracket too many at {end} in {template!r}; mend the template")
    return nodes


def _sequence(template: str, start: int, *, inside: bool) -> tuple[tuple[Node, ...], int]:
    """The nodes from `start` to the end of this alternative, and where that is."""
    nodes: list[Node] = []
    place = begin = start
    while place < len(template):
        letter = template[place]
        if letter == "]" or (letter == "|" and inside):
            break
        if letter == "[":
            if place > begin:
                nodes.append(template[begin:place])
            choices: list[tuple[Node, ...]] = []
            while True:
                choice, place = _sequence(template, place + 1, inside=True)
                choices.append(choice)
                if place >= len(template):
                    raise ValueError(f"a bracket is left open in {template!r}; close it")
                if template[place] == "]":
                    break
            nodes.append(tuple(choices))
            begin = place = place + 1
            continue
        place += 1
    if place > begin:
        nodes.append(template[begin:place])
    return tuple(nodes), place


def _drawn(nodes: tuple[Node, ...], random: Random) -> str:
    parts: list[str] = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(node)
        else:
            parts.append(_drawn(node[int(random.random() * len(node))], random))
    return "".join(parts)


def bank(path: Path, shape: type[Shape]) -> Shape:
    """A YAML file of sentences, checked against a pydantic shape and read once.

    Raises:
        ValueError: The file is not YAML or not of that shape.
    """
    return cast(Shape, _read(path, cast(Hashable, shape)))


@cache
def _read(path: Path, shape: Hashable) -> object:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
        return TypeAdapter(cast(type[object], shape)).validate_python(content)
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}; mend it") from error
    except ValidationError as error:
        raise ValueError(f"{path} has another shape than it should: {error}; mend it") from error
