"""The report's tables of watching: what each monitor saw, and whether prompts tell which answers
will express a trait."""

from __future__ import annotations

import pandas as pd

from experiments.headline import named, words
from experiments.report_tables import Cell, Shown, interval

FEWEST = 10
"""Answers that express a trait, and that do not, below which an AUC of them says nothing."""


def monitoring_table(monitoring: pd.DataFrame) -> Shown | None:
    """Of every watched fine-tune and trait: seeds with an alarm, its first steps, and the drift."""
    if monitoring.empty:
        return None
    rows = []
    for (model, kind, trait), block in named(monitoring).groupby(
        ["model", "kind", "trait"], sort=False
    ):
        runs = block.groupby("seed")
        alarmed = block[block["alarm"]].groupby("seed")["step"].min().sort_values()
        stopped = sorted(set(block.loc[block["stopped"], "step"]))
        rows.append(
            (
                Cell(str(model), words(str(kind)), f"model {kind}"),
                Cell(words(str(trait))),
                Cell(f"{len(alarmed)} of {runs.ngroups} seeds"),
                Cell(", ".join(map(str, alarmed)) or "–"),
                Cell(", ".join(map(str, stopped)) or "–"),
                Cell(f"{runs['drift'].max().median():.1f}", f"highest {block['drift'].max():.1f}"),
                Cell(f"{block.loc[block['final'], 'shift'].mean():.2f}"),
            )
        )
    first = monitoring.iloc[0]
    heads = (
        "model", "along", "alarm", "first alarm, step", "stopped at step",
        "largest drift, median seed", "last shift",
    )  # fmt: skip
    caption = (
        f"Read at layer {first['layer']}, {words(str(first['position']))}. Drift is the shift in "
        "standard deviations of the shifts along directions drawn from the residual covariance; "
        f"the alarm is at {first['threshold']:g}."
    )
    return Shown(caption, heads, tuple(rows))


def detection_table(detection: pd.DataFrame) -> Shown | None:
    """AUC of the prompt's projection for answers that express the trait."""
    rows = []
    expressing, other = detection["expressing"], detection["n"] - detection["expressing"]
    for row in detection[expressing.ge(FEWEST) & other.ge(FEWEST)].to_dict("records"):
        ends = interval(row["low"], row["high"], ".2f") or "no interval"
        rows.append(
            (
                Cell(words(str(row["model"]))),
                Cell(words(str(row["trait"])), f"layer {row['layer']}"),
                Cell(f"{row['auc']:.2f}" if pd.notna(row["auc"]) else "–", ends),
                Cell(f"{row['expressing']} of {row['n']}"),
                Cell(str(row["clusters"])),
            )
        )
    if not rows:
        return None
    threshold = detection["threshold"].iloc[0]
    caption = (
        "Projection of the last prompt token under the model that answers; an answer expresses the "
        f"trait from a score of {threshold:g} on. 0.5 is chance; intervals draw topics anew, and "
        f"need eight with answers that do, and eight with others. Models with fewer than {FEWEST} "
        "answers that do, or that do not, are left out."
    )
    heads = ("model", "along", "AUC", "expressing answers", "topics")
    return Shown(caption, heads, tuple(rows))
