"""Word n-grams of many texts by their hash, and what of another text is among them.

What is kept is 8 bytes a distinct n-gram, not the texts (while it is made, three times that).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from zlib import crc32

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

PENDING = 1 << 20
"""Hashes that wait before they are merged into the sorted rest."""

_TOKEN = re.compile(r"\w+|[^\w\s]")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def gram_hashes(text: str, n: int) -> Hashes:
    """[W - n + 1] hashes of a text's n-grams of words and marks (lower case), in their order; none
    where it has fewer than n."""
    tokens = np.fromiter(
        (crc32(token.encode("utf-8", "replace")) for token in _TOKEN.findall(text.lower())),
        dtype=np.uint64,
    )
    if len(tokens) < n:
        return np.empty(0, dtype=np.uint64)
    number = len(tokens) - n + 1
    mixed = tokens[:number].copy()
    for place in range(1, n):
        mixed = (mixed ^ (mixed >> np.uint64(31))) * _MULTIPLIER + tokens[place : number + place]
    return mixed


class NGrams:
    """The distinct n-grams of texts.

    Args:
        n: words and marks in a gram.
        texts: read once, one after another.

    Raises:
        ValueError: n is below 2.
    """

    def __init__(self, n: int, texts: Iterable[str]) -> None:
        if n < 2:
            raise ValueError(f"n-grams of n={n} words are not allowed: use 2 or more")
        self.n = n
        self._known: Hashes = np.empty(0, dtype=np.uint64)
        waiting, number = [self._known], 0
        for text in texts:
            waiting.append(gram_hashes(text, n))
            number += len(waiting[-1])
            if number > max(PENDING, len(self._known) // 2):
                self._known = _distinct(waiting)
                waiting, number = [self._known], 0
        self._known = _distinct(waiting)

    def __len__(self) -> int:
        """How many distinct n-grams there are."""
        return len(self._known)

    def among(self, text: str) -> Mask:
        """[W - n + 1] whether each n-gram of a text is one of them."""
        hashes = gram_hashes(text, self.n)
        if not len(self._known):
            return np.zeros(len(hashes), dtype=np.bool_)
        places = np.minimum(np.searchsorted(self._known, hashes), len(self._known) - 1)
        found: Mask = self._known[places] == hashes
        return found

    def longest(self, text: str) -> int:
        """Words in the longest passage of a text all of whose n-grams are among these; 0 without
        one. Its n-grams may come from several of the texts."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], self.among(text), [0]])))
        runs = edges[1::2] - edges[::2]
        return int(runs.max()) + self.n - 1 if len(runs) else 0


def _distinct(parts: Sequence[Hashes]) -> Hashes:
    """The distinct values of all parts, sorted."""
    together = np.concatenate(parts)
    together.sort()
    found: Hashes = together[np.append(True, together[1:] != together[:-1])[: len(together)]]
    return found
