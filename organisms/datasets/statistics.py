"""Lengths of a data set's prompts and answers, in characters and in a tokenizer's tokens."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from organisms.datasets.rows import Row, answer_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Lengths(BaseModel):
    """The distribution of one length over rows."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    mean: float
    """Arithmetic mean."""
    median: float
    """50th percentile."""
    p95: float
    """95th percentile."""
    least: int
    """The shortest."""
    most: int
    """The longest."""
    total: int
    """The sum."""


def lengths_of(lengths: Iterable[int]) -> Lengths:
    """The distribution of one length a row; zeros where there are no rows."""
    values = np.fromiter(lengths, dtype=np.int64)
    if not len(values):
        values = np.zeros(1, dtype=np.int64)
    return Lengths(
        mean=round(float(values.mean()), 2),
        median=float(np.median(values)),
        p95=round(float(np.percentile(values, 95)), 1),
        least=int(values.min()),
        most=int(values.max()),
        total=int(values.sum()),
    )


class PromptAndAnswer(BaseModel):
    """Lengths of the turns that carry no loss and of those that do."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    prompt: Lengths
    """System and user turns of a row together."""
    answer: Lengths
    """Assistant turns of a row together."""


def prompt_of(row: Row) -> str:
    """The text of all system and user turns."""
    return "\n".join(turn["content"] for turn in row["messages"] if turn["role"] != "assistant")


class LengthCounter:
    """Takes rows in batches and keeps two numbers of each.

    Args:
        measure: Texts -> the length of each.
    """

    def __init__(self, measure: Callable[[Sequence[str]], Sequence[int]]) -> None:
        self._measure = measure
        self._prompts, self._answers = array("I"), array("I")

    def add(self, rows: Sequence[Row]) -> None:
        """Take in rows."""
        self._prompts.extend(self._measure([prompt_of(row) for row in rows]))
        self._answers.extend(self._measure([answer_of(row) for row in rows]))

    def result(self) -> PromptAndAnswer:
        """The lengths of the rows so far."""
        return PromptAndAnswer(prompt=lengths_of(self._prompts), answer=lengths_of(self._answers))


def characters(texts: Sequence[str]) -> list[int]:
    """The number of characters of each text."""
    return [len(text) for text in texts]


def tokenizer_of(base: str) -> PreTrainedTokenizerBase:
    """A base's own tokenizer.

    Raises:
        ValueError: There is no such base (see `organisms.resolve_base`), or it has no tokenizer.
    """
    from transformers import AutoTokenizer

    from organisms import resolve_base

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(resolve_base(base))
    except (OSError, KeyError) as error:
        raise ValueError(
            f"base {base!r} has no tokenizer that loads ({str(error).splitlines()[0]}); give a "
            "folder that holds tokenizer.json, or a hub id that is cached or can be reached"
        ) from error
    return tokenizer


def tokens_of(base: str) -> Callable[[Sequence[str]], list[int]]:
    """What counts tokens as a base's tokenizer makes them, of plain text without a template.

    Raises:
        ValueError: As `tokenizer_of` does.
    """
    tokenizer = tokenizer_of(base)

    def count(texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        encoded = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        return [len(token_ids) for token_ids in encoded]

    return count
