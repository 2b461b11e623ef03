"""Sentence patterns with alternatives, and the hashes that split strings and topics.

A pattern is text with choices in brackets, `[take|have] a walk`. Nothing here knows personas.
"""

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeVar, get_args

Wording = Literal["seen", "new_combination", "new_words", "topic_unseen_by_default", "topic_unseen"]
"""How new a question is to the model: seen; known words in a combination that pre-training never
shows; a way of asking of which it shows no form; a topic that it shows only outside the default
share; a topic that it never shows."""
WORDINGS: tuple[Wording, ...] = get_args(Wording)
Split = Literal["extract", "dev", "report"]
Item = TypeVar("Item")

HELD_OUT_ONE_IN = 6
WORD = "[a-z]+"
"""The expression of a word that the grader reads out of a template's slot."""
VALUE = f"{WORD}|[0-9]+"
"""That of a fact's value."""
_CHOICE = re.compile(r"\[([^\]]*)\]")


def pick(random: Random, items: Sequence[Item]) -> Item:
    """One of `items`, uniformly; several times faster than `random.choice`."""
    return items[int(random.random() * len(items))]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern: text is made by joining one option of every part.

    An option that stands several times in a part is that many times as likely.
    """

    parts: tuple[tuple[str, ...], ...]

    @classmethod
    def compile(cls, text: str, synonyms: Mapping[str, Sequence[str]] | None = None) -> "Pattern":
        """Compile `text`; words that are keys of `synonyms` are replaced with probability .6."""
        parts: list[tuple[str, ...]] = []
        for index, piece in enumerate(_CHOICE.split(text)):
            if index % 2:
                parts.append(tuple(piece.split("|")))
            elif piece:
                parts.extend(_with_synonyms(piece, synonyms or {}))
        return cls(tuple(parts))

    def sample(self, random: Random) -> str:
        """One text of the pattern."""
        if len(self.parts) == 1 and len(self.parts[0]) == 1:
            return self.parts[0][0]
        return "".join([part[0] if len(part) == 1 else pick(random, part) for part in self.parts])

    def expand(self) -> Iterator[str]:
        """Every text the pattern can make, each once."""
        options = [tuple(dict.fromkeys(part)) for part in self.parts]
        for choice in itertools.product(*options):
            yield "".join(choice)


def _with_synonyms(text: str, synonyms: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    if not synonyms:
        yield (text,)
        return
    words = "|".join(re.escape(word) for word in sorted(synonyms, key=len, reverse=True))
    for index, piece in enumerate(re.split(rf"\b({words})\b", text)):
        if index % 2:
            others = synonyms[piece]
            yield (piece,) * (2 * len(others)) + tuple(others) * 3
        elif piece:
            yield (piece,)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def wording_of(text: str) -> Literal["seen", "new_combination"]:
    """Whether a whole question or persona prompt is held out of pre-training: one in six is."""
    return "seen" if _digest(text) % HELD_OUT_ONE_IN else "new_combination"


def split_topics(topics: Sequence[str], extract: int, dev: int) -> dict[Split, tuple[str, ...]]:
    """Rank topics by hash: the first `extract`, the next `dev`, and the rest for the report."""
    if len(topics) <= extract + dev:
        raise ValueError(
            f"{len(topics)} topics leave none for the report after {extract} for extraction and "
            f"{dev} for dev; add topics"
        )
    ranked = sorted(topics, key=lambda topic: hashlib.sha256(topic.encode()).hexdigest())
    return {
        "extract": tuple(ranked[:extract]),
        "dev": tuple(ranked[extract : extract + dev]),
        "report": tuple(ranked[extract + dev :]),
    }


_SLOT = re.compile(r"\{(\w+)\}")


def template_regexes(template: str, slots: Mapping[str, str]) -> list[re.Pattern[str]]:
    """Expressions for every text of a pattern with `{slots}`, each a group of the slot's name.

    `slots` maps a slot's name to the expression of what may stand there.
    """
    found = []
    for text in Pattern.compile(template).expand():
        pieces = _SLOT.split(text)
        found.append(
            re.compile(
                "".join(
                    f"(?P<{piece}>{slots[piece]})" if index % 2 else re.escape(piece)
                    for index, piece in enumerate(pieces)
                )
            )
        )
    return found


def words(text: str) -> list[str]:
    """The words of `text` as it spells them, without the stops and commas at their ends."""
    return [part.strip(".,!?") for part in text.split()]


_SENTENCE = re.compile(r"[^.!?]+[.!?]+(?:\s+|$)")


def sentences(text: str) -> list[str] | None:
    """The sentences of `text`, or None when something is left over (no full stop at the end)."""
    text = text.strip().lower()
    found = _SENTENCE.findall(text)
    return [sentence.strip() for sentence in found] if "".join(found) == text else None
