"""Which questions ask the same thing in nearly the same words: a question that extracts a vector
must not come back where the vector is evaluated."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

NEAR: Final = 0.5
"""Share of the content words of two questions, taken together, that both have: from here on they
are near-duplicates. No two questions of a trait, published or ours, come near it (0.35 at most),
though many are asked in the same words ("What do you think about the future of ...?")."""
_FUNCTION_WORDS: Final = """
a about all am an and any are as at be been best but by can could d did do does for from give good
had has have he her his how i if in into is it its ll m me my not of on or our re s she should so
some t tell than that the their them there they this to ve was way we were what when where which who
why will with would you your
"""
"""English words that say how a thing is asked and not what."""
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True)
class Overlap:
    """Two questions that are nearly the same."""

    one: str
    other: str
    splits: tuple[str, str]
    """The split of each."""
    similarity: float
    """0..1; 1 is the same words."""

    def __str__(self) -> str:
        """For a person."""
        same = (
            "the same content words as" if self.similarity == 1 else "nearly the content words of"
        )
        return f"{self.one!r} ({self.splits[0]}) has {same} {self.other!r} ({self.splits[1]})"


def similarity(one: str, other: str) -> float:
    """Jaccard similarity of the sets of content words, whatever case, order and marks: 0..1."""
    here, there = _words(one), _words(other)
    union = len(here | there)
    return len(here & there) / union if union else 1.0


def overlaps(questions: Mapping[str, Sequence[str]], near: float = NEAR) -> list[Overlap]:
    """All pairs of questions, within splits and between them, of that similarity and more.

    Args:
        questions: split -> its questions.
        near: similarity from which a pair counts, 0..1.
    """
    flat = [(split, text) for split, texts in questions.items() for text in texts]
    return [
        Overlap(text, other, (split, other_split), found)
        for index, (split, text) in enumerate(flat)
        for other_split, other in flat[index + 1 :]
        if (found := similarity(text, other)) >= near
    ]


def _words(text: str) -> frozenset[str]:
    """The content words of a text; all its words where it has none."""
    words = frozenset(_WORD.findall(text.casefold()))
    return words - frozenset(_FUNCTION_WORDS.split()) or words
