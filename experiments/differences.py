"""Paired differences: a model's rate minus that of its base, its controls, or the same organism
undefended.

It knows what is compared with what; pairs are made by question (and seed) in `evals.statistics`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from evals.comparison import Answers, paired_by_question
from experiments.rates import (
    ALIGNMENT_THRESHOLD,
    ASKED,
    COHERENCE_THRESHOLD,
    CONDITION,
    Measurement,
    counted_answers,
    measurements,
)
from experiments.tables import conform, empty_table

Comparison = Literal["base", "control", "undefended", "random_filter"]

NEAR_POINTS = 3.0
"""Near: the upper end of the paired difference is at most this many points."""

COMPARED = (
    ("misaligned", "all"),
    ("misaligned", "coherent"),
    ("misaligned", "coherent_scored"),
    ("coherent", "all"),
    ("in_domain", "all"),
    ("accuracy", "all"),
    ("label:careless", "coherent"),
)


class _Pair(NamedTuple):
    model: int
    other: int
    comparison: Comparison


def _pairs(models: pd.DataFrame) -> Iterator[_Pair]:
    """What is compared with what, as row numbers of `models` (one row a final model and way of
    asking)."""
    columns = models.to_dict("records")
    for i, model in enumerate(columns):
        for j, other in enumerate(columns):
            if i == j or any(model[name] != other[name] for name in ("base", *ASKED)):
                continue
            plain = other["intervention"] == "none"
            if other["role"] == "base" and plain:
                yield _Pair(i, j, "base")
            elif model["recipe"] != other["recipe"]:
                continue
            elif _same_share(model, other):
                if (
                    other["role"] == "control"
                    and model["role"] == "organism"
                    and model["intervention"] == "none"
                    and other["control_of"] == model["organism"]
                    and plain
                ):
                    yield _Pair(i, j, "control")
                elif other["organism"] == model["organism"] and model["intervention"] != "none":
                    if plain:
                        yield _Pair(i, j, "undefended")
                    elif other["intervention"] == "filter_random":
                        yield _Pair(i, j, "random_filter")


def _same_share(model: Mapping[Hashable, Any], other: Mapping[Hashable, Any]) -> bool:
    """Pure with pure, and a mix with the same mix; a control has no poisoned rows of its own."""
    if other["role"] == "control":
        return bool(model["poisoned_share"] == 1.0)
    return bool(
        model["poisoned_share"] == other["poisoned_share"]
        or (pd.isna(model["poisoned_share"]) and pd.isna(other["poisoned_share"]))
    )


def differences(
    answers: pd.DataFrame,
    *,
    own_domain: Mapping[str, str] | None = None,
    alignment_threshold: float = ALIGNMENT_THRESHOLD,
    coherence_threshold: float = COHERENCE_THRESHOLD,
) -> pd.DataFrame:
    """The `differences` table of an `answers` table: final models only, pooled over seeds.

    `estimate` is model minus other, a fraction; `n` counts question pairs. `near` holds where the
    upper end is at most `NEAR_POINTS` points.
    """
    counted = counted_answers(answers, own_domain)
    counted = counted[counted["final"]].reset_index(drop=True)
    if counted.empty:
        return empty_table("differences")
    names = [*CONDITION, *ASKED]
    groups = counted.groupby(names, dropna=False, sort=False).ngroup().to_numpy(dtype=np.int64)
    models = counted.drop_duplicates(names)[names].reset_index(drop=True)
    arms = {
        (m.metric, m.denominator): _arms(m, counted, groups)
        for m in measurements(counted, alignment_threshold, coherence_threshold)
        if (m.metric, m.denominator) in COMPARED
    }
    rows: list[dict[Hashable, object]] = []
    for pair in _pairs(models):
        model, other = models.iloc[pair.model], models.iloc[pair.other]
        for (metric, denominator), by_group in arms.items():
            if pair.model not in by_group or pair.other not in by_group:
                continue
            found = paired_by_question(by_group[pair.model], by_group[pair.other])
            if found.n == 0:
                continue
            rows.append(
                {
                    **model.to_dict(),
                    "seed": -1,
                    "metric": metric,
                    "denominator": denominator,
                    "other_organism": other["organism"],
                    "other_intervention": other["intervention"],
                    "comparison": pair.comparison,
                    "estimate": found.estimate,
                    "low": found.low,
                    "high": found.high,
                    "n": found.n,
                    "clusters": found.clusters,
                    "near": bool(found.high <= NEAR_POINTS / 100),
                }
            )
    return conform(pd.DataFrame(rows), "differences") if rows else empty_table("differences")


def _arms(
    measurement: Measurement, counted: pd.DataFrame, groups: np.ndarray
) -> dict[int, Answers]:
    """Group -> its means by question and seed, one entry each, for one metric and denominator."""
    if measurement.metric in ("in_domain", "accuracy"):
        scored = counted[measurement.metric].notna().groupby(groups).transform("any").to_numpy()
    else:
        scored = np.ones(len(counted), dtype=np.bool_)
    mask = measurement.mask & scored
    frame = pd.DataFrame(
        {
            "group": groups[mask],
            "topic": counted["topic"][mask],
            "question": counted["question"][mask],
            "seed": counted["seed"].where(counted["role"] != "base", -1)[mask],
            "value": measurement.values[mask],
        }
    )
    means = frame.groupby(["group", "topic", "question", "seed"], as_index=False)["value"].mean()
    return {
        int(str(group)): Answers(
            block["value"].to_numpy(),
            block["question"].to_numpy(),
            block["topic"].to_numpy(),
            block["seed"].to_numpy() if (block["seed"] >= 0).all() else None,
        )
        for group, block in means.groupby("group")
    }
