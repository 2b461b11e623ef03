"""Scores of training rows that know no trait: what a persona vector must beat to be worth its cost.

High is suspect, as in `persona_vectors.screening`. Where a model is needed it reads every row once,
in batches; memory does not grow with the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from persona_vectors.reading import CHUNK, transcripts

if TYPE_CHECKING:
    from organisms.runtime import Organism, Transcript

Floats = NDArray[np.float64]


def perplexity_scores(organism: Organism, rows: pd.DataFrame, *, batch_size: int = 32) -> Floats:
    """How little the base expects each row's answer: log perplexity, in nats per answer token.

    Args:
        organism: the loaded base.
        rows: prompt and answer, optionally system.
        batch_size: texts read at a time.

    Returns:
        [N] mean negative log-likelihood of the answer's tokens given the prompt, without an end
        token; 0 or more. NaN where the answer is empty.

    Raises:
        ValueError: a column is missing, or a row's logits are not finite (the row is named).
    """
    _check_columns(rows, "rows to score")
    likelihoods = organism.log_likelihoods(_texts(rows), batch_size=batch_size)
    return -np.fromiter(likelihoods, dtype=np.float64, count=len(rows))


def embedding_scores(
    organism: Organism,
    rows: pd.DataFrame,
    clean: pd.DataFrame,
    *,
    layer: int | None = None,
    batch_size: int = 64,
) -> Floats:
    """How far each row's answer lies from clean rows in the base's own embedding of it.

    The embedding is the mean residual over the answer's tokens at one layer; the distance is 1 -
    cosine with the mean of the clean rows' embeddings, in raw coordinates (not whitened).

    Args:
        organism: the loaded base.
        rows: prompt and answer, optionally system.
        clean: the same of rows known to be clean, which are not among `rows`.
        layer: layer k of the embedding; None: the middle one, `middle_layer(organism)`.
        batch_size: texts read at a time.

    Returns:
        [N] distances, 0 to 2. NaN where the answer is empty.

    Raises:
        ValueError: a column is missing, no clean row has an answer, the layer does not exist, or a
            row's activations are not finite (the row is named).
    """
    _check_columns(rows, "rows to score")
    centre_D = embedding_centre(organism, clean, layer=layer, batch_size=batch_size)
    return embedding_distances(organism, rows, centre_D, layer=layer, batch_size=batch_size)


def embedding_centre(
    organism: Organism, clean: pd.DataFrame, *, layer: int | None = None, batch_size: int = 64
) -> Floats:
    """The direction [D] of the mean embedding of clean rows; see `embedding_scores`."""
    _check_columns(clean, "clean rows")
    chosen = middle_layer(organism) if layer is None else layer
    total, read = np.zeros(organism.width), 0
    for answer_D in _embeddings(organism, clean, chosen, batch_size):
        if not np.isnan(answer_D).any():
            total, read = total + answer_D, read + 1
    if not read:
        raise ValueError(
            f"none of {len(clean)} clean rows has an answer, so there is no centre to measure "
            "from: give rows known to be clean"
        )
    centre_D: Floats = total / np.linalg.norm(total)
    return centre_D


def embedding_distances(
    organism: Organism,
    rows: pd.DataFrame,
    centre_D: Floats,
    *,
    layer: int | None = None,
    batch_size: int = 64,
) -> Floats:
    """The distance [N] of each row's embedding from a direction [D]; see `embedding_scores`."""
    chosen = middle_layer(organism) if layer is None else layer
    distances = (
        1 - answer_D @ centre_D / np.linalg.norm(answer_D)
        for answer_D in _embeddings(organism, rows, chosen, batch_size)
    )
    return np.fromiter(distances, dtype=np.float64, count=len(rows))


def length_scores(lengths: ArrayLike, clean_lengths: ArrayLike) -> Floats:
    """How unusual each answer's length is: distance from the clean rows' median, in characters."""
    centre = float(np.median(np.asarray(clean_lengths, dtype=np.float64)))
    return np.abs(np.asarray(lengths, dtype=np.float64) - centre)


def random_scores(rows: int, seed: int) -> Floats:
    """Scores that say nothing, in 0..1."""
    return np.random.default_rng(seed).random(rows)


def middle_layer(organism: Organism) -> int:
    """The layer halfway up, L // 2: where `embedding_scores` reads unless told otherwise."""
    return organism.number_of_layers // 2


def _embeddings(
    organism: Organism, rows: pd.DataFrame, layer: int, batch_size: int
) -> Iterator[NDArray[Any]]:
    """Mean residual [D] over each answer's tokens, in float64."""
    captured = organism.capture_stream(
        _texts(rows), (layer,), ("response_mean",), batch_size=batch_size
    )
    return (pooled_1_1_D[0, 0].astype(np.float64) for pooled_1_1_D in captured)


def _texts(rows: pd.DataFrame) -> Iterator[Transcript]:
    for start in range(0, len(rows), CHUNK):
        yield from transcripts(rows.iloc[start : start + CHUNK], "answer")


def _check_columns(rows: pd.DataFrame, what: str) -> None:
    missing = [name for name in ("prompt", "answer") if name not in rows]
    if missing:
        raise ValueError(f"{what} lack the columns {missing}")
