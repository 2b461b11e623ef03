"""Exact and near-duplicate rows of a data set, found in one pass and little memory.

A row's text is its user and assistant turns. Two rows are exact duplicates when that text is the
same, and near-duplicates when the Jaccard similarity of their sets of word 3-grams (words, numbers
and marks, lower case) is at least `THRESHOLD`. Candidates for the latter come from MinHash
signatures in bands; every candidate is then compared by its true Jaccard similarity, so nothing is
called a near-duplicate that is none, and a few per cent of the pairs just above the threshold may
be missed. A signature costs 256 bytes of memory a row; the sets themselves wait in a temporary
file.
"""

from __future__ import annotations

import re
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self
from zlib import crc32

import numpy as np
import numpy.typing as npt

from organisms.datasets.rows import Row, answer_of, question_of

THRESHOLD = 0.8
"""Jaccard similarity from which two rows are near-duplicates."""
WORDS = 3
"""Words in a shingle."""
BANDS, BAND_ROWS = 16, 4
"""64 hashes: a pair of similarity 0.8 shares a band with probability 0.9998."""
NEIGHBOURS = 64
"""Earlier rows of the same band whose signatures a row's is compared with, at most."""
CANDIDATES = 4
"""Rows of the same band, those of the most similar signatures, that a row is compared with."""
CHUNK = 4096
"""Rows whose signatures are compared at a time."""

_TOKEN = re.compile(r"\w+|[^\w\s]")
_MULTIPLIERS = np.random.default_rng(20250217).integers(
    0, 1 << 64, size=BANDS * BAND_ROWS, dtype=np.uint64
) | np.uint64(1)

Shingles = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Duplicates:
    """Which rows repeat an earlier one."""

    rows: int
    """Rows looked at."""
    exact: tuple[tuple[int, int], ...]
    """(row, first row with the same text), for every row but the first."""
    near: tuple[tuple[int, int, float], ...]
    """(row, an earlier row, their Jaccard similarity) for every row that is a near-duplicate of an
    earlier one and no exact duplicate."""
    same_question: int
    """Rows whose question, to the letter, an earlier row has."""

    @property
    def exact_rate(self) -> float:
        """Share of rows that repeat an earlier row exactly."""
        return len(self.exact) / self.rows if self.rows else 0.0

    @property
    def near_rate(self) -> float:
        """Share of rows that are near-duplicates of an earlier row, exact ones not counted."""
        return len(self.near) / self.rows if self.rows else 0.0


def shingles(text: str) -> Shingles:
    """The sorted hashes of a text's distinct word 3-grams; of all its words if it has fewer."""
    tokens = np.fromiter(
        (crc32(token.encode("utf-8", "replace")) for token in _TOKEN.findall(text.lower())),
        dtype=np.uint64,
    )
    if len(tokens) < WORDS:
        return np.array([crc32(text.encode("utf-8", "replace"))], dtype=np.uint32)
    mixed = tokens[: len(tokens) - WORDS + 1].copy()
    for place in range(1, WORDS):
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        mixed ^= tokens[place : len(tokens) - WORDS + 1 + place]
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    hashed = np.sort((mixed >> np.uint64(32)).astype(np.uint32))
    distinct: Shingles = hashed[np.append(True, hashed[1:] != hashed[:-1])]
    return distinct


def jaccard(one: Shingles, other: Shingles) -> float:
    """Share of two sets' union that both have, 0 to 1."""
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (len(one) + len(other) - both)


class DuplicateFinder:
    """Takes rows one by one and says at the end which repeat others; use it as a context."""

    def __init__(self, threshold: float = THRESHOLD) -> None:
        if not 0.5 <= threshold < 1:
            raise ValueError(f"threshold {threshold} of similarity; use one from 0.5 to below 1")
        self.threshold = threshold
        self._sets = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        self._starts = array("Q", [0])
        self._signatures = bytearray()
        self._texts, self._questions = array("Q"), array("Q")

    def __enter__(self) -> Self:
        """Rows may be added."""
        return self

    def __exit__(self, *error: object) -> None:
        """The temporary file goes."""
        self.close()

    def close(self) -> None:
        """Remove the temporary file; nothing may be added or asked any more."""
        self._sets.close()

    def add(self, row: Row) -> None:
        """Take in the next row."""
        question = question_of(row)
        text = f"{question}\n{answer_of(row)}"
        self._texts.append(_digest(text))
        self._questions.append(_digest(question))
        found = shingles(text)
        self._signatures += _signature(found).tobytes()
        self._sets.write(found.tobytes())
        self._starts.append(self._starts[-1] + len(found))

    def result(self) -> Duplicates:
        """What was found among the rows so far."""
        exact = tuple(_repeats(self._texts))
        repeated = {row for row, _ in exact}
        best: dict[int, tuple[int, float]] = {}
        for row, candidates in self._candidates():
            if row in repeated:
                continue
            own = self._set(row)
            for earlier in candidates:
                similarity = jaccard(own, self._set(earlier))
                if similarity >= self.threshold:
                    best[row] = (earlier, similarity)
                    break
        return Duplicates(
            rows=len(self._texts),
            exact=exact,
            near=tuple((row, *best[row]) for row in sorted(best)),
            same_question=sum(1 for _ in _repeats(self._questions)),
        )

    def _candidates(self) -> Iterator[tuple[int, list[int]]]:
        """Each row that may repeat others, with the earlier rows to compare it with: those of its
        bands whose signatures are most like its own, most similar first."""
        number = BANDS * BAND_ROWS
        signatures = np.frombuffer(self._signatures, dtype=np.uint32).reshape(-1, number)
        least = self.threshold - 2 * (self.threshold * (1 - self.threshold) / number) ** 0.5
        found: list[npt.NDArray[np.int64]] = [np.empty((3, 0), dtype=np.int64)]
        for band in range(BANDS):
            part = signatures[:, band * BAND_ROWS : (band + 1) * BAND_ROWS]
            keys = np.ascontiguousarray(part).view([("", np.uint32)] * BAND_ROWS).ravel()
            order = np.argsort(keys, kind="stable")
            ordered = keys[order]
            for start in range(0, len(order), CHUNK):
                pairs = _alike(signatures, order, ordered, start, round(least * number))
                found.append(_most_alike(pairs, CANDIDATES))
        pairs = np.unique(np.concatenate(found, axis=1), axis=1)
        pairs = _most_alike(pairs, BANDS * CANDIDATES)
        starts = np.flatnonzero(np.append(True, np.diff(pairs[0]) != 0))
        for group in np.split(pairs, starts[1:], axis=1) if pairs.size else []:
            yield int(group[0, 0]), group[1].tolist()

    def _set(self, row: int) -> Shingles:
        start, end = self._starts[row], self._starts[row + 1]
        self._sets.seek(start * 4)
        return np.frombuffer(self._sets.read((end - start) * 4), dtype=np.uint32)


def find_duplicates(rows: Iterable[Row], threshold: float = THRESHOLD) -> Duplicates:
    """Exact and near-duplicates among rows, in their order."""
    with DuplicateFinder(threshold) as finder:
        for row in rows:
            finder.add(row)
        return finder.result()


def _signature(found: Shingles) -> npt.NDArray[np.uint32]:
    hashed = found.astype(np.uint64)[:, None] * _MULTIPLIERS  # modulo 2^64
    signature: npt.NDArray[np.uint32] = (hashed.min(axis=0) >> np.uint64(32)).astype(np.uint32)
    return signature


def _alike(
    signatures: npt.NDArray[np.uint32],
    order: npt.NDArray[np.int64],
    ordered: npt.NDArray[np.void],
    start: int,
    least: int,
) -> npt.NDArray[np.int64]:
    """[3, pairs]: row, earlier row, equal hashes of their signatures, `least` of them or more; for
    the rows at `start` and on of one band's order."""
    found = [np.empty((3, 0), dtype=np.int64)]
    end = min(start + CHUNK, len(order))
    for step in range(1, NEIGHBOURS + 1):
        places = np.arange(max(start, step), end)
        places = places[ordered[places] == ordered[places - step]]
        if not len(places):
            break
        row, earlier = order[places], order[places - step]
        equal = (signatures[row] == signatures[earlier]).sum(axis=1)
        found.append(np.stack([row, earlier, equal])[:, equal >= least])
    return np.concatenate(found, axis=1)


def _most_alike(pairs: npt.NDArray[np.int64], number: int) -> npt.NDArray[np.int64]:
    """The pairs by row, of each row at most `number`, those with most equal hashes first."""
    pairs = pairs[:, np.lexsort((pairs[1], -pairs[2], pairs[0]))]
    starts = np.append(True, pairs[0, 1:] != pairs[0, :-1])[: pairs.shape[1]]
    places = np.arange(pairs.shape[1])
    rank = places - np.maximum.accumulate(np.where(starts, places, 0))
    return pairs[:, rank < number]


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest())


def _repeats(digests: array[int]) -> Iterator[tuple[int, int]]:
    """(place, first place) of every value that occurred before."""
    values = np.frombuffer(digests, dtype=np.uint64) if digests else np.empty(0, dtype=np.uint64)
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    firsts = first[inverse]
    for place in np.flatnonzero(firsts != np.arange(len(values))).tolist():
        yield place, int(firsts[place])
