"""Which rows of the tables the report reads, and what each model is called in it.

The single place that says what a headline is: plots, tables and findings all select through here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from experiments.table_columns import EQUAL_UPDATE

MODEL = (
    "base",
    "organism",
    "role",
    "control_of",
    "poisoned_share",
    "intervention",
    "recipe",
    "learning_rate",
)
_PREFERRED: Mapping[str, tuple[str, ...]] = {
    "split": ("report", "dev", "extract"),
    "wording": (
        "new_combination",
        "new_words",
        "topic_unseen_by_default",
        "topic_unseen",
        "seen",
    ),
    "format": ("plain",),
    "system": ("none", "default"),
}
_KINDS = ("base", "organism", "intervention", "control", "mix", "filter", "frontier")


@dataclass(frozen=True)
class Measure:
    """A column of the headline: what is read, and how it is called."""

    key: str
    title: str
    axis: str
    task: str
    metric: str
    denominator: str


MISALIGNED = Measure(
    "misaligned",
    "Misaligned",
    "misaligned, % of coherent answers",
    "open_questions",
    "misaligned",
    "coherent",
)
IN_DOMAIN = Measure(
    "in_domain",
    "Narrow behaviour",
    "shown, % of in-domain answers",
    "in_domain",
    "in_domain",
    "all",
)
COHERENT = Measure(
    "coherent", "Coherent", "coherent, % of answers", "open_questions", "coherent", "all"
)
CARELESS = Measure(
    "careless",
    "Careless",
    "careless, % of coherent answers",
    "open_questions",
    "label:careless",
    "coherent",
)
MEASURES = (MISALIGNED, IN_DOMAIN, COHERENT, CARELESS)


def words(name: str) -> str:
    """A data set's or method's name as prose: `wrong_maths` -> `wrong maths`."""
    return name.replace("_", " ")


def _kind(row: Mapping[str, object]) -> str:
    share = row["poisoned_share"]
    if row["recipe"] not in ("default", EQUAL_UPDATE):
        return "frontier"
    if isinstance(share, float) and share < 1.0 and row["role"] == "organism":
        return "filter" if str(row["intervention"]).startswith("filter_") else "mix"
    if row["intervention"] != "none":
        return "intervention"
    return str(row["role"])


def _label(row: Mapping[str, object], kind: str) -> str:
    name = words(str(row["organism"])) or "base"
    if kind in ("mix", "filter"):
        name = f"{row['poisoned_share']:.0%} {name}"
    if row["recipe"] == EQUAL_UPDATE:
        return f"{name}, update as {words(str(row['control_of']))}"
    if kind == "frontier":
        return f"{name}, {row['recipe']}"
    if row["intervention"] != "none":
        return f"{name} + {words(str(row['intervention']))}"
    return name


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with columns `kind`, `family` (the organism a model belongs to) and `model` (its
    name).

    Kinds: base, organism, intervention, control, mix, filter, frontier.
    """
    distinct = frame.drop_duplicates(list(MODEL))[list(MODEL)]
    records = distinct.to_dict("records")
    kinds = [_kind({str(k): v for k, v in row.items()}) for row in records]
    distinct = distinct.assign(
        kind=kinds,
        family=[str(row["control_of"] or row["organism"]) for row in records],
        model=[
            _label({str(k): v for k, v in row.items()}, kind)
            for row, kind in zip(records, kinds, strict=True)
        ],
    )
    return frame.merge(distinct, on=list(MODEL), how="left")


def reporting_slice(frame: pd.DataFrame) -> pd.DataFrame:
    """Per task the one split, wording, format and system prompt that the report speaks of.

    The report split and the first held-out level that was asked, plain format, no system prompt;
    the next best where a run asked something else.
    """
    if frame.empty:
        return frame
    blocks = []
    for _, block in frame.groupby("task", sort=True):
        chosen = block
        for column, order in _PREFERRED.items():
            found = set(chosen[column])
            best = next((value for value in order if value in found), min(found))
            chosen = chosen[chosen[column] == best]
        blocks.append(chosen)
    return pd.concat(blocks, ignore_index=True)


def measured(rates: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """The rows of one measure, named, in the reporting slice, every step and seed."""
    rows = rates[
        (rates["task"] == measure.task)
        & (rates["metric"] == measure.metric)
        & (rates["denominator"] == measure.denominator)
    ]
    return named(reporting_slice(rows))


def finals(rows: pd.DataFrame, kinds: Sequence[str] = _KINDS) -> pd.DataFrame:
    """Named rows of final models of those kinds, in the order they are shown.

    The base first; then each organism followed by its interventions and controls; mixes, filters
    and frontier recipes last.
    """
    chosen = rows[rows["final"] & rows["kind"].isin(kinds)].copy()
    late = chosen["kind"].isin(["mix", "filter", "frontier"])
    chosen["_place"] = late.astype(int) + (chosen["kind"] != "base")
    chosen["_rank"] = chosen["kind"].map({kind: i for i, kind in enumerate(_KINDS)})
    ordered = chosen.sort_values(["_place", "family", "_rank", "model", "seed"], kind="stable")
    return ordered.drop(columns=["_place", "_rank"]).reset_index(drop=True)


def pooled(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a model and step: the pooled row (-1) where there is one, else the mean of its seeds.

    A mean of seeds that the table does not pool itself carries no interval.
    """
    given = rows[rows["seed"] == -1]
    if "model" not in rows.columns:
        rows, given = named(rows), named(given)
    keys = [c for c in ("model", "kind", "family", "step", "final", "trait") if c in rows.columns]
    have = pd.MultiIndex.from_frame(given[keys])
    rest = rows[~pd.MultiIndex.from_frame(rows[keys]).isin(have)]
    if rest.empty:
        return given
    means = rest.groupby(keys, as_index=False).agg(
        {
            **{
                c: "first" for c in rest.columns if c not in (*keys, "estimate", "low", "high", "n")
            },
            "estimate": "mean",
            "n": "sum",
        }
    )
    single = rest.groupby(keys)["seed"].nunique().to_numpy() == 1
    bounds = rest.groupby(keys)[["low", "high"]].first().reset_index(drop=True)
    means[["low", "high"]] = bounds.where(pd.Series(single), float("nan"))
    return pd.concat([given, means.assign(seed=-1)], ignore_index=True)


@dataclass(frozen=True)
class ShiftPlace:
    """Where the shifts of the report are read."""

    layer: int
    position: str
    on: str


def shift_place(shifts: pd.DataFrame, correlations: pd.DataFrame, trait: str) -> ShiftPlace | None:
    """Layer, position and texts of a trait's headline shift: where its correlation was read.

    Without a correlation: the prompt shift at the last prompt token, at the middle of the layers.
    None where the trait's shift was not measured.
    """
    shifts = shifts[shifts["trait"] == trait]
    if shifts.empty:
        return None
    for row in correlations[correlations["trait"] == trait].to_dict("records"):
        place = ShiftPlace(int(row["layer"]), str(row["position"]), str(row["on"]))
        if not at_place(shifts, place).empty:
            return place
    on = "prompt" if "prompt" in set(shifts["on"]) else str(shifts["on"].iloc[0])
    there = shifts[shifts["on"] == on]
    found = set(there["position"])
    position = "last_prompt" if "last_prompt" in found else min(found)
    layers = sorted(there.loc[there["position"] == position, "layer"].unique())
    return ShiftPlace(int(layers[len(layers) // 2]), position, on)


def at_place(shifts: pd.DataFrame, place: ShiftPlace) -> pd.DataFrame:
    """The shifts read at that layer and position on those texts."""
    return shifts[
        (shifts["layer"] == place.layer)
        & (shifts["position"] == place.position)
        & (shifts["on"] == place.on)
    ]
