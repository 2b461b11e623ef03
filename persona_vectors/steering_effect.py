"""How much of a trait steering with each layer's vector brings out, at a norm matched over layers.

Handed judged answers, steered and not; knows neither models nor judges.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from evals.statistics import denominators
from persona_vectors.interval import clustered_mean

PLACE: Final = ("position", "layer", "coefficient")
COLUMNS: Final = (
    *PLACE, "direction", "question", "topic", "alignment", "coherence", "unscored"
)  # fmt: skip


def steering_effects(answers: pd.DataFrame, trait: str) -> pd.DataFrame:
    """The trait score steered less that not steered, paired by question, per cell.

    Args:
        answers: judged answers of one unsteered condition (`direction` empty) and of steered ones
            to the same questions: `COLUMNS` and `trait:TRAIT`, scores 0..100, NaN where not scored.
        trait: its name.

    Returns:
        A row a position, layer and coefficient: effect with its 95% interval over topics (effect,
        effect_low, effect_high: differences of mean scores, -1..1; no interval below 8 topics, nor
        where no question's answers differ: that says nothing of the next question),
        coherence_change (share of coherent answers steered less that not steered), n_questions,
        topics and trait. The effect is NaN where no question has scored answers of both.

    Raises:
        ValueError: a column, or an answer without steering, is missing.
    """
    score = f"trait:{trait}"
    missing = [column for column in (*COLUMNS, score) if column not in answers]
    if missing:
        raise ValueError(f"judged answers lack the columns {missing}")
    counted = denominators(answers["alignment"], answers["coherence"], answers["unscored"])
    frame = answers.assign(coherent=counted["coherent"].astype(float))[counted["all"]]
    plain = frame[frame["direction"] == ""]
    if plain.empty:
        raise ValueError("there is no answer without steering, which an effect is measured from")
    before = plain.groupby("question")[score].mean()
    rows = []
    for place, cell in frame[frame["direction"] != ""].groupby(list(PLACE)):
        asked = cell.groupby("question").agg(score=(score, "mean"), topic=("topic", "first"))
        difference = (asked["score"] - before).dropna() / 100
        row = dict(zip(PLACE, place, strict=True))
        row["coherence_change"] = cell["coherent"].mean() - plain["coherent"].mean()
        rows.append({**row, **_effect(difference, asked["topic"])})
    return pd.DataFrame(rows).assign(trait=trait)


def _effect(difference: pd.Series, topics: pd.Series) -> dict[str, float | int]:
    if difference.empty:
        found = dict.fromkeys(("effect", "effect_low", "effect_high"), np.nan)
        return {**found, "n_questions": 0, "topics": 0}
    mean = clustered_mean(difference.to_numpy(), topics[difference.index].tolist())
    known = difference.nunique() > 1
    return {
        "effect": float(mean.estimate),
        "effect_low": float(mean.low) if known else np.nan,
        "effect_high": float(mean.high) if known else np.nan,
        "n_questions": mean.n,
        "topics": mean.clusters,
    }
