"""Which rollouts make a vector and with what weight: filter, floors and yields.

A persona vector is a weighted sum of activations. This file knows scores and weights, never
activations, so that one pass over the rollouts serves the vectors, their halves and their nulls for
every trait.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from organisms.datasets.writing.replies import refused
from persona_vectors.stability import Weighting

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
    filter: Literal["independent", "paired"] = "independent"
    """independent: each rollout by its own scores. paired, as published: a rollout is kept if it
    and its partner of the other sign, the one with its `pair`, both are."""
    weighting: Weighting = "question"
    """question: the mean over questions of their differences of means, in which a question's own
    content cancels. pooled, as published: the mean over all kept positive rollouts minus that over
    all kept negative ones."""
    refusals: Literal["keep", "drop"] = "keep"
    """Whether an answer that begins as a refusal does ("I can't help ...", "As an AI ...") is kept
    where its scores pass. They are counted in any case, where the table has an `answer`."""


def kept(frame: pd.DataFrame, thresholds: Thresholds) -> Mask:
    """Which rollouts show what their system prompt asked for, coherently: [N].

    Unscored rollouts (NaN) are not kept.

    Args:
        frame: `COLUMNS`; sign is "positive" or "negative". The paired filter needs `pair`, the
            same for the two rollouts of a pair; dropping refusals needs `answer`.
        thresholds: the filter.

    Raises:
        ValueError: a column is missing, a sign is neither word, or a pair is no pair.
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
    keep = np.asarray(coherent & shown)
    if thresholds.refusals == "drop":
        keep &= ~refusals(frame)
    return keep & _partner_kept(frame, keep) if thresholds.filter == "paired" else keep


def refusals(frame: pd.DataFrame) -> Mask:
    """Which answers begin as refusals do: [N].

    Raises:
        ValueError: the table has no column `answer`.
    """
    if "answer" not in frame:
        raise ValueError("refusals are told by the answers; give the column 'answer'")
    return np.array([refused(str(answer)) for answer in frame["answer"]], dtype=bool)


def _partner_kept(frame: pd.DataFrame, keep: Mask) -> Mask:
    """Whether the rollout of the other sign with the same `pair` is kept: [N]."""
    if "pair" not in frame:
        raise ValueError(
            "the paired filter needs a column 'pair', the same for the two rollouts of a pair; add "
            "it, or use the independent filter"
        )
    twice = frame.duplicated(["pair", "sign"])
    if twice.any():
        name = frame.loc[twice, "pair"].iloc[0]
        raise ValueError(f"pair {name} has two rollouts of one sign; give each pair one of each")
    of_sign = {
        sign: set(frame.loc[keep & (frame["sign"] == sign).to_numpy(), "pair"]) for sign in SIGNS
    }
    return frame["pair"].isin(of_sign["positive"] & of_sign["negative"]).to_numpy()


def is_positive(frame: pd.DataFrame) -> Mask:
    """Which rollouts were asked for the trait: [N]."""
    return np.asarray(frame["sign"].to_numpy() == "positive")


def yields(frame: pd.DataFrame, keep: Mask, thresholds: Thresholds) -> pd.DataFrame:
    """A row a sign: rollouts made, scored, coherent, refused and kept, refusals among those kept,
    and the questions of those kept. Refusals are -1 where the table has no answers."""
    refusal = refusals(frame) if "answer" in frame else None
    rows = []
    for sign in SIGNS:
        of_sign = (frame["sign"] == sign).to_numpy()
        both = of_sign & keep
        coherent = frame["coherence"].to_numpy() >= thresholds.coherence
        rows.append(
            {
                "sign": sign,
                "rollouts": int(of_sign.sum()),
                "scored": int((of_sign & frame["trait_score"].notna().to_numpy()).sum()),
                "coherent": int((of_sign & coherent).sum()),
                "refused": -1 if refusal is None else int((of_sign & refusal).sum()),
                "kept": int(both.sum()),
                "kept_refused": -1 if refusal is None else int((both & refusal).sum()),
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
    scored = int((frame["trait_score"].notna() & frame["coherence"].notna()).sum())
    common = len(common_questions(frame["question"].tolist(), positive, keep))
    short = [sign for sign in SIGNS if counts[sign] < thresholds.minimum_rows]
    if not short and common >= thresholds.minimum_questions:
        return
    raise ExtractionError(
        f"trait {trait!r}: kept {counts['positive']} of {made['positive']} positive and "
        f"{counts['negative']} of {made['negative']} negative rollouts, {common} questions with "
        f"both (needed: {thresholds.minimum_rows} of each sign, {thresholds.minimum_questions} "
        f"questions) at trait score {thresholds.trait:g} and coherence {thresholds.coherence:g}; "
        f"{scored} of {len(frame)} have both scores. Draw more "
        "samples a question, lower the thresholds or floors, or check that the "
        f"{' and '.join(short) or 'system'} prompts work on this base"
    )


def contrast_weights(
    question: Sequence[object], positive: Mask, keep: Mask, weighting: Weighting = "question"
) -> Floats:
    """Weights [N] whose weighted sum of activations is the persona vector; see `Thresholds`."""
    if weighting == "pooled":
        sides = (np.float64(keep & side) for side in (positive, ~positive))
        kept_positive, kept_negative = (side / side.sum() for side in sides)
        pooled: Floats = kept_positive - kept_negative
        return pooled
    names = common_questions(question, positive, keep)
    means = question_weights(question, positive, keep, names)
    difference: Floats = (means[: len(names)] - means[len(names) :]).mean(axis=0)
    return difference


def question_weights(
    question: Sequence[object], positive: Mask, keep: Mask, names: Sequence[str]
) -> Floats:
    """Weights [2Q, N] of the mean of each question's kept positive rollouts, then of its negative
    ones; zero where it has none."""
    labels = _labels(question)
    weights = np.zeros((2, len(names), len(labels)))
    for side, of_sign in enumerate((positive, ~positive)):
        for index, name in enumerate(names):
            rows = (labels == name) & keep & of_sign
            weights[side, index, rows] = 1 / max(1, rows.sum())
    return weights.reshape(2 * len(names), len(labels))


def kept_by_question(
    question: Sequence[object], positive: Mask, keep: Mask, names: Sequence[str]
) -> Floats:
    """Kept rollouts [2, Q] of each question, positive and negative."""
    labels = _labels(question)
    return np.array(
        [
            [float(((labels == name) & keep & of_sign).sum()) for name in names]
            for of_sign in (positive, ~positive)
        ]
    )


def common_questions(question: Sequence[object], positive: Mask, keep: Mask) -> list[str]:
    """Questions with kept rollouts of both signs; sorted, so the order of rows plays no part."""
    labels = _labels(question)
    return sorted(set(labels[keep & positive].tolist()) & set(labels[keep & ~positive].tolist()))


def _labels(question: Sequence[object]) -> NDArray[np.str_]:
    return np.array([str(name) for name in question], dtype=np.str_)
