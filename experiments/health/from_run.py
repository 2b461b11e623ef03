"""Readings out of a run's folder: from its tables, which pool the seeds of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from evals.statistics import Estimate
from experiments.headline import at_place, reporting_slice, shift_place, words
from experiments.health.measures import MEASURES, Reading, chosen, reading, trait_measure
from experiments.rates import measurements, threshold_warnings
from experiments.tables import empty_table, read_table


@dataclass(frozen=True)
class Shift:
    """How far the organism moved along a trait's persona vector, in units of activations."""

    trait: str
    estimate: Estimate
    place: str


@dataclass(frozen=True)
class FromRun:
    """What a run says of one organism.

    Attributes:
        base: its base.
        own_domain: the narrow domain; "" where it has no in-domain questions.
        seeds: its fine-tune seeds.
        readings: by measure's key.
        shifts: along persona vectors, at the place that the report reads.
        notes: what a reader has to be warned of.
    """

    base: str = ""
    own_domain: str = ""
    seeds: tuple[int, ...] = ()
    readings: Mapping[str, Reading] = field(default_factory=dict)
    shifts: tuple[Shift, ...] = ()
    notes: tuple[str, ...] = ()


def from_run(run: Path, organism: str, intervention: str = "none", share: float = 1.0) -> FromRun:
    """What the tables of a run's folder say of the final checkpoints of one organism.

    Args:
        run: its folder, which has `tables/`.
        organism: data set name.
        intervention: that it was trained or answers under.
        share: of poisoned rows; 1: pure.

    Raises:
        ValueError: where the folder is no run's, or has no such organism; says which it has.
    """
    tables = run / "tables"
    if not (tables / "answers.parquet").is_file():
        raise ValueError(f"{run} is no folder of a run: it has no tables/answers.parquet")
    answers = read_table("answers", tables)
    answers = answers[answers["final"] & (answers["recipe"] == "default")]
    own = _of(answers, organism, intervention, share)
    if own.empty:
        raise ValueError(_unknown(run, answers, organism, intervention, share))
    base = answers[(answers["role"] == "base") & (answers["intervention"] == "none")]
    asked = pd.concat([own, base], ignore_index=True)
    asked = reporting_slice(asked[asked["sign"] == ""])
    domains = set(own.loc[own["task"] == "in_domain", "domain"])
    domain = min(domains) if len(domains) == 1 else ""
    return FromRun(
        str(own["base"].iloc[0]),
        domain,
        tuple(sorted(int(seed) for seed in own["seed"].unique())),
        _readings(asked, domain),
        _shifts(tables, organism, intervention, share),
        _warnings(tables),
    )


def _of(frame: pd.DataFrame, organism: str, intervention: str, share: float) -> pd.DataFrame:
    same = (frame["organism"] == organism) & (frame["intervention"] == intervention)
    shares = frame["poisoned_share"]
    return frame[same & (shares.isna() | np.isclose(shares.fillna(share), share))]


def _unknown(
    run: Path, answers: pd.DataFrame, organism: str, intervention: str, share: float
) -> str:
    models = answers[answers["role"] != "base"]
    known = models.drop_duplicates(["organism", "intervention", "poisoned_share"])
    names = sorted(
        f"{row['organism']} ({row['intervention']}, share {row['poisoned_share']:g})"
        for row in known.to_dict("records")
    )
    return (
        f"{run} has no final organism {organism!r} under intervention {intervention!r} with share "
        f"{share:g}; it has {', '.join(names) or 'none'}"
    )


def _readings(asked: pd.DataFrame, domain: str) -> dict[str, Reading]:
    names = sorted(str(name) for name in asked.columns)
    traits = [name.removeprefix("trait:") for name in names if name.startswith("trait:")]
    found = {}
    for task, rows in asked.groupby("task"):
        rows = rows.reset_index(drop=True)
        by_metric = {(each.metric, each.denominator): each for each in measurements(rows)}
        for measure in (*MEASURES, *map(trait_measure, traits)):
            own_task = "open_questions" if measure.task == "trait" else measure.task
            if own_task != task or measure.in_run not in by_metric:
                continue
            made = by_metric[measure.in_run]
            values = rows.assign(value=made.values)[made.mask]
            values = chosen(measure, values, domain)
            is_base = values["role"] == "base"
            if is_base.all():
                continue
            base = values[is_base] if is_base.any() else None
            found[measure.key] = reading(measure, values[~is_base], base, "run")
    return found


def _shifts(tables: Path, organism: str, intervention: str, share: float) -> tuple[Shift, ...]:
    if not (tables / "shifts.parquet").is_file():
        return ()
    shifts = read_table("shifts", tables)
    has = (tables / "correlations.parquet").is_file()
    correlations = read_table("correlations", tables) if has else empty_table("correlations")
    own = _of(shifts, organism, intervention, share)
    own = own[own["final"] & (own["recipe"] == "default") & (own["seed"] == -1)]
    found = []
    for trait in sorted(set(own["trait"])):
        place = shift_place(shifts, correlations, trait)
        if place is None:
            continue
        for row in at_place(own[own["trait"] == trait], place).to_dict("records"):
            numbers = (row[name] for name in ("estimate", "low", "high", "n", "clusters"))
            where = f"layer {place.layer}, {words(place.position)}, on {words(place.on)}"
            found.append(Shift(trait, Estimate(*numbers), where))
    return tuple(found)


def _warnings(tables: Path) -> tuple[str, ...]:
    """Thresholds of the run's rates that look swapped."""
    has = (tables / "rates.parquet").is_file()
    return threshold_warnings(read_table("rates", tables)) if has else ()
