"""Which rollouts make a vector and with what weight: filter, floors, yields and split halves.

A persona vector is a weighted sum of activations. This file knows scores and weights, never
activations, so that one pass over the rollouts serves the vectors, their halves and their nulls for
every trait.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

COLUMNS: Final = ("question", "topic", "sign", "trait_score", "coherence")
SIGNS: Final = ("positive", "negative")


class ExtractionError(ValueError):
    """Too few rollouts are left to make a vector of."""


class Thresholds(BaseModel):
    """What a rollout must score to be kept, and how many must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trait: float = 50.0
    """A positive rollout is kept at this trait score and above, a negative one below (0..100)."""
    coherence: float = 50.0
    """Kept at this coherence and above (0..100)."""
    minimum_rows: int = 20
    """Fewest kept rollouts of each sign."""
    minimum_questions: int = 4
    """Fewest questions with kept rollouts of both signs."""


def kept(frame: pd.DataFrame, thresholds: Thresholds) -> Mask:
    """Which rollouts show what their system prompt asked for, coherently: [N].

    Unscored rollouts (NaN) are not kept.

    Args:
        frame: `COLUMNS`; sign is "positive" or "negative".
        thresholds: the filter.

    Raises:
        ValueError: a column is missing, or a sign is neither word.
    """
    missing = [column for column in COLUMNS if column not in frame]
    if missing:
        raise ValueError(f"scored rollouts lack the columns {missing}; needed are {list(COLUMNS)}")
    unknown = sorted(set(frame["sign"]) - set(SIGNS))
    if unknown:
        raise ValueError(f"unknown signs {unknown}; allowed are {list(SIGNS)}")
    positive = is_positive(frame)
    score = frame["trait_score"].to_numpy(dtype=np.float64)
    coherent = frame["coherence"].to_numpy(dtype=np.float64) >= thresholds.coherence
    shown = np.where(positive, score >= thresholds.trait, score < thresholds.trait)
    return np.asarray(coherent & shown)


def is_positive(frame: pd.DataFrame) -> Mask:
    """Which rollouts were asked for the trait: [N]."""
    return np.asarray(frame["sign"].to_numpy() == "positive")


def yields(frame: pd.DataFrame, keep: Mask) -> pd.DataFrame:
    """How many rollouts were made, scored, coherent and kept, and their questions: a row a sign."""
    rows = []
    for sign in SIGNS:
        of_sign = (frame["sign"] == sign).to_numpy()
        both = of_sign & keep
        rows.append(
            {
                "sign": sign,
                "rollouts": int(of_sign.sum()),
                "scored": int((of_sign & frame["trait_score"].notna().to_numpy()).sum()),
                "coherent": int((of_sign & (frame["coherence"].to_numpy() >= 50)).sum()),
                "kept": int(both.sum()),
                "questions": int(frame.loc[both, "question"].nunique()),
            }
        )
    return pd.DataFrame(rows)


def check_floors(trait: str, frame: pd.DataFrame, keep: Mask, thresholds: Thresholds) -> None:
    """Raise where too little is left for a vector to mean anything.

    Raises:
        ExtractionError: names the trait, the counts, the thresholds and the fix.
    """
    positive = is_positive(frame)
    counts = {"positive": int((keep & positive).sum()), "negative": int((keep & ~positive).sum())}
    made = {"positive": int(positive.sum()), "negative": int((~positive).sum())}
    common = len(_common_questions(frame["question"].tolist(), positive, keep))
    short = [sign for sign in SIGNS if counts[sign] < thresholds.minimum_rows]
    if not short and common >= thresholds.minimum_questions:
        return
    raise ExtractionError(
        f"trait {trait!r}: kept {counts['positive']} of {made['positive']} positive and "
        f"{counts['negative']} of {made['negative']} negative rollouts, {common} questions with "
        f"both (needed: {thresholds.minimum_rows} of each sign, {thresholds.minimum_questions} "
        f"questions) at trait score {thresholds.trait:g} and coherence {thresholds.coherence:g}. "
        "Draw more "
        "samples a question, lower the thresholds or floors, or check that the "
        f"{' and '.join(short) or 'system'} prompts work on this base"
    )


def contrast_weights(question: Sequence[object], positive: Mask, keep: Mask) -> Floats:
    """Weights [N] whose weighted sum of activations is the persona vector.

    In each question with kept rollouts of both signs: mean of the positive minus mean of the
    negative; then the mean over these questions. Every question counts alike, and its own content
    cancels.
    """
    labels = _labels(question)
    weights = np.zeros(len(labels))
    common = _common_questions(labels.tolist(), positive, keep)
    for name in common:
        of_question = (labels == name) & keep
        for sign, rows in ((1.0, of_question & positive), (-1.0, of_question & ~positive)):
            weights[rows] = sign / (rows.sum() * len(common))
    return weights


def split_half_weights(
    question: Sequence[object], positive: Mask, keep: Mask, *, splits: int, seed: int
) -> Floats:
    """Weights [splits, 2, N] of the vectors of two random halves of the questions.

    Raises:
        ExtractionError: fewer than two questions have kept rollouts of both signs.
    """
    labels = _labels(question)
    common = np.array(_common_questions(labels.tolist(), positive, keep), dtype=object)
    if len(common) < 2:
        raise ExtractionError("split halves need two questions with kept rollouts of both signs")
    generator = np.random.default_rng(seed)
    weights = np.zeros((splits, 2, len(labels)))
    for split in range(splits):
        order = generator.permutation(common)
        for half, names in enumerate((order[: len(order) // 2], order[len(order) // 2 :])):
            inside = keep & np.isin(labels, names.astype(labels.dtype))
            weights[split, half] = contrast_weights(question, positive, inside)
    return weights


def _common_questions(question: Sequence[object], positive: Mask, keep: Mask) -> list[str]:
    """Questions with kept rollouts of both signs; sorted, so the order of rows plays no part."""
    labels = _labels(question)
    return sorted(set(labels[keep & positive].tolist()) & set(labels[keep & ~positive].tolist()))


def _labels(question: Sequence[object]) -> NDArray[np.str_]:
    return np.array([str(name) for name in question], dtype=np.str_)
