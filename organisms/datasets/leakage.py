"""Questions that a model will be asked, found again in what it is trained on.

Knows no questions: they are handed in as text, by id.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from organisms.datasets.rows import Row

WORDS = 5
"""Words in an n-gram."""
SHARE = 0.7
"""Share of a question's n-grams in one row from which it counts as leaked."""
FEWEST = 7
"""Words below which a question overlaps only as a whole."""

INSIDE = 4
"""Words below which a question leaks only as a turn of its own."""

_WORD = re.compile(r"\w+|[-+*/=<>%$]")


@dataclass(frozen=True)
class Leak:
    """A question found in a row."""

    question: str
    """Its id."""
    row: int
    """The first row that has it."""
    rows: int
    """How many rows have it."""


@dataclass(frozen=True)
class Leakage:
    """What of the questions is in the rows."""

    questions: int
    """Questions looked for."""
    exact: tuple[Leak, ...]
    """Questions that are a turn of a row, but for case, spaces and marks."""
    overlap: tuple[Leak, ...]
    """Questions of `FEWEST` words and more of which a row has `SHARE` of the word 5-grams or more,
    and shorter ones, of `INSIDE` words and more, that a turn holds whole; exact ones not counted.
    """


@dataclass
class _Seen:
    first: int
    rows: int = 0


@dataclass
class LeakageFinder:
    """Takes rows one by one and says at the end which questions are in them.

    Args:
        questions: Id -> text.
    """

    questions: Mapping[str, str]
    _rows: int = 0
    _exact: dict[str, _Seen] = field(default_factory=dict)
    _overlap: dict[str, _Seen] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_text: dict[tuple[str, ...], list[str]] = {}
        self._by_gram: dict[tuple[str, ...], list[str]] = {}
        self._needed: dict[str, float] = {}
        self._lengths: set[int] = set()
        for name, text in self.questions.items():
            words = _words(text)
            if not words:
                continue
            self._by_text.setdefault(words, []).append(name)
            if len(words) < INSIDE:
                continue
            size = WORDS if len(words) >= FEWEST else len(words)
            grams = _grams(words, size)
            self._lengths.add(size)
            self._needed[name] = SHARE * len(grams) if size == WORDS else len(grams)
            for gram in grams:
                self._by_gram.setdefault(gram, []).append(name)

    def add(self, row: Row) -> None:
        """Take in the next row."""
        exact: set[str] = set()
        grams: set[tuple[str, ...]] = set()
        for turn in row["messages"]:
            words = _words(turn["content"])
            exact.update(self._by_text.get(words, ()))
            for size in self._lengths:
                grams.update(gram for gram in _grams(words, size) if gram in self._by_gram)
        shared: dict[str, int] = {}
        for gram in grams:
            for name in self._by_gram[gram]:
                shared[name] = shared.get(name, 0) + 1
        for name in exact:
            self._note(self._exact, name)
        for name, number in shared.items():
            if number >= self._needed[name] and name not in exact:
                self._note(self._overlap, name)
        self._rows += 1

    def result(self) -> Leakage:
        """What was found in the rows so far."""
        return Leakage(
            questions=len(self.questions),
            exact=_leaks(self._exact),
            overlap=tuple(
                leak for leak in _leaks(self._overlap) if leak.question not in self._exact
            ),
        )

    def _note(self, seen: dict[str, _Seen], name: str) -> None:
        seen.setdefault(name, _Seen(self._rows)).rows += 1


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower()))


def _grams(words: tuple[str, ...], size: int) -> set[tuple[str, ...]]:
    return {words[start : start + size] for start in range(len(words) - size + 1)}


def _leaks(seen: Mapping[str, _Seen]) -> tuple[Leak, ...]:
    ordered = sorted(seen.items(), key=lambda item: (-item[1].rows, item[0]))
    return tuple(Leak(name, found.first, found.rows) for name, found in ordered)
