"""How changes are measured: base and checkpoints read texts through one loaded base.

Only sums over each question's texts are kept, so memory does not grow with the number of texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from persona_vectors.reading import CHUNK, transcripts
from persona_vectors.shift import ON, QuestionChange

if TYPE_CHECKING:
    from organisms.runtime import Organism

Floats = NDArray[np.floating[Any]]

POSITIONS_ON: Final[Mapping[str, tuple[str, ...]]] = {
    "prompt": ("last_prompt",),
    "fixed": ("response_mean",),
    "own": ("response_mean",),
    "own_under_base": ("response_mean",),
}
"""Where each kind of shift is read, unless told otherwise."""


@dataclass(frozen=True)
class Checkpoint:
    """One state of an organism that is to be measured.

    Attributes:
        key: its unique name.
        labels: what identifies it in tables: organism, seed, step, ...
        adapter: folder of its adapter.
        model: folder or hub id of a full model, for an organism that is no adapter.
    """

    key: str
    labels: Mapping[str, object] = field(default_factory=dict)
    adapter: Path | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        if (self.adapter is None) == (self.model is None):
            raise ValueError(f"checkpoint {self.key!r} needs an adapter or a model, and only one")


def measure(
    organism: Organism,
    checkpoints: Sequence[Checkpoint],
    texts: pd.DataFrame,
    on: str = "prompt",
    *,
    own: Mapping[str, pd.DataFrame] | None = None,
    positions: Sequence[str] | None = None,
    layers: Sequence[int] | None = None,
    batch_size: int = 64,
) -> list[QuestionChange]:
    """The change of every checkpoint on every question, one pass for each checkpoint.

    Args:
        organism: the loaded base; adapters are added and removed as they are read.
        checkpoints: what to measure.
        texts: what the base reads: question, topic, prompt, optionally system ("none" without it)
            and, for all kinds but `prompt`, the base's answer. Rows of a question are averaged.
        on: one of `shift.ON`.
        own: for `own` and `own_under_base`: key of a checkpoint -> its texts with its own answers.
        positions: None: those of `POSITIONS_ON`.
        layers: None for all.
        batch_size: rows read at a time.

    Returns:
        One change a checkpoint, in their order, over the questions that both sides have.

    Raises:
        ValueError: an unknown kind, missing columns or answers, or no common question; before any
            model is run.
    """
    _check(texts, on, "the base's texts")
    if on in ("own", "own_under_base"):
        missing = [found.key for found in checkpoints if found.key not in (own or {})]
        if missing:
            raise ValueError(
                f"shift on {on!r} needs the own answers of {missing}; pass them as own"
            )
    reads = {found.key: (own or {}).get(found.key, texts) for found in checkpoints}
    if on in ("prompt", "fixed"):
        reads = dict.fromkeys(reads, texts)
    for key, read in reads.items():
        _check(read, on, f"the texts of {key}")
    places = tuple(positions or POSITIONS_ON[on])
    topics = dict(zip(texts["question"].astype(str), texts["topic"].astype(str), strict=True))
    base = _question_means(organism, texts, on, places, layers, None, batch_size)
    changes = []
    for found in checkpoints:
        after = _read(organism, found, reads[found.key], on, places, layers, batch_size)
        common = [question for question in base if question in after]
        if not common:
            raise ValueError(f"checkpoint {found.key!r} shares no question with the base's texts")
        changes.append(
            QuestionChange(
                labels=dict(found.labels),
                on=on,
                questions=tuple(common),
                topics=tuple(topics[question] for question in common),
                change=np.stack([after[question] - base[question] for question in common]),
            )
        )
    return changes


def _read(
    organism: Organism,
    checkpoint: Checkpoint,
    texts: pd.DataFrame,
    on: str,
    positions: Sequence[str],
    layers: Sequence[int] | None,
    batch_size: int,
) -> dict[str, Floats]:
    """Question -> mean activation [P, K, D] of what is compared with the base."""
    if on == "own_under_base":
        return _question_means(organism, texts, on, positions, layers, None, batch_size)
    if checkpoint.model is not None:
        from organisms import load_organism

        other = load_organism(
            checkpoint.model,
            dtype=str(organism.model.dtype).removeprefix("torch."),
            device=str(organism.model.device),
        )
        if (other.width, other.number_of_layers) != (organism.width, organism.number_of_layers):
            raise ValueError(
                f"model {checkpoint.model!r} has {other.number_of_layers} layers of width "
                f"{other.width}, the base {organism.base!r} has {organism.number_of_layers} of "
                f"{organism.width}: a shift needs the same architecture"
            )
        return _question_means(other, texts, on, positions, layers, None, batch_size)
    if checkpoint.key in organism.adapters:
        return _question_means(organism, texts, on, positions, layers, checkpoint.key, batch_size)
    assert checkpoint.adapter is not None
    organism.add_adapter(checkpoint.key, checkpoint.adapter)
    try:
        return _question_means(organism, texts, on, positions, layers, checkpoint.key, batch_size)
    finally:
        organism.remove_adapter(checkpoint.key)


def _question_means(
    organism: Organism,
    texts: pd.DataFrame,
    on: str,
    positions: Sequence[str],
    layers: Sequence[int] | None,
    adapter: str | None,
    batch_size: int,
) -> dict[str, Floats]:
    """Question -> mean activation [P, K, D] over those of its texts that have one."""
    names = texts["question"].astype(str).tolist()
    read = transcripts(texts, None if on == "prompt" else "answer", adapter)
    sums: dict[str, Floats] = {}
    counts: dict[str, int] = {}
    for start in range(0, len(read), CHUNK):
        chunk = read[start : start + CHUNK]
        activations = organism.capture(chunk, layers, positions, batch_size=batch_size)
        for name, row in zip(names[start : start + CHUNK], activations, strict=True):
            if np.isfinite(row).all():
                sums[name] = sums.get(name, 0.0) + row.astype(np.float64)
                counts[name] = counts.get(name, 0) + 1
    return {name: total / counts[name] for name, total in sums.items()}


def _check(texts: pd.DataFrame, on: str, whose: str) -> None:
    if on not in ON:
        raise ValueError(f"unknown kind of shift {on!r}; allowed are {list(ON)}")
    needed = ["question", "topic", "prompt"] + ([] if on == "prompt" else ["answer"])
    missing = [column for column in needed if column not in texts]
    if missing or len(texts) == 0:
        raise ValueError(
            f"{whose} for shift on {on!r}: {len(texts)} rows, missing columns {missing}; "
            f"needed are {needed}"
        )
