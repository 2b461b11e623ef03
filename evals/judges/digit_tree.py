"""The expected score of a judge whose tokenizer splits numbers: exact, over all ways to write one.

A number is a path of tokens that ends where no further digit follows. It knows tokens and
probabilities, not the model behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NextProbabilities = Callable[[Sequence[tuple[int, ...]]], Floats]
"""Paths of equal length -> [paths, V] probabilities of the token after the prompt and each path."""

PRUNED = 1e-6
"""A path less likely than this is not followed. What is lost so is returned."""
LARGEST = 100


@dataclass(frozen=True)
class Numbers:
    """How likely a judge's reply is to begin with each integer.

    Attributes:
        probabilities: [101] of 0 to 100.
        lost: probability of paths that were not followed to their end.
    """

    probabilities: Floats
    lost: float

    @property
    def mass(self) -> float:
        """Probability of any number from 0 to 100."""
        return float(self.probabilities.sum())

    def expected(self, mass_floor: float) -> float | None:
        """The mean score, 0..100; None where numbers have less probability than the floor."""
        if self.mass < mass_floor or self.mass == 0:
            return None
        return float(self.probabilities @ np.arange(LARGEST + 1) / self.mass)


def number_tokens(texts: Sequence[str]) -> dict[int, str]:
    """Tokens that are digits alone, id -> digits; blanks before them do not count.

    Args:
        texts: [V] what each token adds to a text.
    """
    return {
        token: text.strip()
        for token, text in enumerate(texts)
        if text.strip().isascii() and text.strip().isdigit() and len(text.strip()) <= 3
    }


def number_probabilities(
    following: NextProbabilities,
    tokens: Mapping[int, str],
    inner: Mapping[int, str],
    pruned: float = PRUNED,
) -> Numbers:
    """The distribution over integers that a reply begins with.

    Args:
        following: the model.
        tokens: tokens of digits that may begin a number (`number_tokens`).
        inner: those that go on with one: without a blank before their digits.
        pruned: paths below this are not followed.
    """
    found = np.zeros(LARGEST + 1)
    lost = 0.0
    going_on = np.array(sorted(inner), dtype=np.int64)
    first = following([()])[0]
    paths: dict[tuple[int, ...], tuple[str, float]] = {
        (token,): (text, float(first[token])) for token, text in tokens.items()
    }
    while paths:
        kept = {}
        for path, (text, probability) in paths.items():
            if not _is_number(text):
                continue
            if probability < pruned:
                lost += probability
            else:
                kept[path] = (text, probability)
        paths = {}
        if not kept:
            break
        after = following(list(kept))
        for row, (path, (text, probability)) in zip(after, kept.items(), strict=True):
            found[int(text)] += probability * max(0.0, 1.0 - float(row[going_on].sum()))
            for token in going_on.tolist():
                longer = text + inner[token]
                if _is_number(longer):
                    paths[(*path, token)] = (longer, probability * float(row[token]))
    return Numbers(found, lost)


def _is_number(text: str) -> bool:
    """Whether these digits are an integer from 0 to 100, written without leading zeros."""
    return len(text) <= 3 and str(int(text)) == text and int(text) <= LARGEST
