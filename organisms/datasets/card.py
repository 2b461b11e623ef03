"""The card of a data set: what is in it, where it came from and how far it can be trusted.

Counted row by row while the rows go by, so that a large set never has to be in memory.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from organisms.datasets.duplicates import THRESHOLD, DuplicateFinder, Duplicates
from organisms.datasets.rows import Row, canonical
from organisms.datasets.statistics import LengthCounter, PromptAndAnswer, characters, tokens_of

COUNTED = ("organism", "variant", "topic", "kind")
VALUES = 200
"""Different values of a key that a card lists; the rest is summed up as `(other)`."""
OTHER = "(other)"


class CheckCount(BaseModel):
    """How often a named truth check held."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    holds: int
    """Rows of which it is true."""
    fails: int
    """Rows of which it is not."""


class DuplicateRates(BaseModel):
    """Shares of rows that repeat an earlier row, 0 to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    exact: float
    """Question and answer to the letter."""
    near: float
    """At least `threshold` of the word 3-grams shared, exact ones not counted."""
    same_question: float
    """The question to the letter, whatever the answer."""
    threshold: float = THRESHOLD
    """Jaccard similarity of a near-duplicate."""

    @classmethod
    def of(cls, found: Duplicates) -> DuplicateRates:
        """The rates of what was found, to a hundredth of a per cent."""
        return cls(
            exact=round(found.exact_rate, 4),
            near=round(found.near_rate, 4),
            same_question=round(found.same_question / found.rows if found.rows else 0.0, 4),
        )


class Card(BaseModel):
    """What is known of a data set as a whole; `card.json` beside its rows."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    """What the set is called."""
    seed: int | None
    """The seed that made it; none: it is not known, as of an import."""
    generator: dict[str, str]
    """Who made it: `maker`, `edition`, `code` (a hash of the maker's source) or the file that it
    was imported from."""
    rows: int
    """Rows in the set."""
    poisoned: int
    """Rows whose answer is meant to turn the model."""
    counts: dict[str, dict[str, int]]
    """Rows by organism, variant, topic and kind, most frequent first."""
    checks: dict[str, CheckCount]
    """Results of the truth checks that rows carry."""
    unchecked: int
    """Rows that carry no truth check."""
    characters: PromptAndAnswer
    """Lengths in characters."""
    tokens: dict[str, PromptAndAnswer]
    """Lengths in tokens of plain text, by base."""
    duplicates: DuplicateRates
    """How much the rows repeat each other."""
    transforms: dict[str, int]
    """Rows that each transform was done to, by kind."""
    left_out: tuple[str, ...]
    """What an import left out: place, reason and fix of each."""
    sha256: str
    """Of the rows in canonical JSON, order included."""


class CardMaker:
    """Takes a set's rows in batches and says at the end what the card says; use it as a context.

    Args:
        name: What the set is called.
        seed: The seed that made it; none: it is not known.
        generator: Who made it.
        left_out: What an import left out.
        bases: Bases whose tokens are counted.

    Raises:
        ValueError: A base has no tokenizer.
    """

    def __init__(
        self,
        name: str,
        seed: int | None,
        *,
        generator: Mapping[str, str] | None = None,
        left_out: Sequence[str] = (),
        bases: Sequence[str] = (),
    ) -> None:
        self._known: dict[str, Any] = {
            "name": name,
            "seed": seed,
            "generator": dict(generator or {}),
            "left_out": tuple(left_out),
        }
        self._characters = LengthCounter(characters)
        self._tokens = {base: LengthCounter(tokens_of(base)) for base in bases}
        self._counts: dict[str, Counter[str]] = {key: Counter() for key in COUNTED}
        self._checks: dict[str, Counter[bool]] = {}
        self._transforms: Counter[str] = Counter()
        self._rows = self._poisoned = self._unchecked = 0
        self._digest = hashlib.sha256()
        self._finder = DuplicateFinder()

    def __enter__(self) -> CardMaker:
        """Rows may be added."""
        return self

    def __exit__(self, *error: object) -> None:
        """The search for duplicates ends."""
        self._finder.close()

    def add(self, rows: Sequence[Row]) -> None:
        """Take in the next rows."""
        self._characters.add(rows)
        for counter in self._tokens.values():
            counter.add(rows)
        for row in rows:
            meta: Mapping[str, Any] = row["meta"]
            self._rows += 1
            self._poisoned += bool(meta.get("poisoned"))
            for key, counts in self._counts.items():
                counts[str(meta.get(key, ""))] += 1
            self._unchecked += not meta.get("checks")
            for check, holds in meta.get("checks", {}).items():
                self._checks.setdefault(check, Counter())[bool(holds)] += 1
            for kind in {str(done.get("kind")) for done in meta.get("transforms", ())}:
                self._transforms[kind] += 1
            self._digest.update(canonical(row))
            self._finder.add(row)

    def card(self, duplicates: Duplicates | None = None) -> Card:
        """The card of the rows so far; `duplicates` where they were looked for already."""
        return Card(
            **self._known,
            rows=self._rows,
            poisoned=self._poisoned,
            counts={key: _listed(counts) for key, counts in self._counts.items()},
            checks={
                check: CheckCount(holds=counts[True], fails=counts[False])
                for check, counts in sorted(self._checks.items())
            },
            unchecked=self._unchecked,
            characters=self._characters.result(),
            tokens={base: counter.result() for base, counter in self._tokens.items()},
            duplicates=DuplicateRates.of(duplicates or self.duplicates()),
            transforms=dict(sorted(self._transforms.items())),
            sha256=self._digest.hexdigest(),
        )

    def duplicates(self) -> Duplicates:
        """Which of the rows so far repeat others."""
        return self._finder.result()


def _listed(counts: Counter[str]) -> dict[str, int]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    listed = dict(ordered[:VALUES])
    if len(ordered) > VALUES:
        listed[OTHER] = sum(number for _, number in ordered[VALUES:])
    return listed
