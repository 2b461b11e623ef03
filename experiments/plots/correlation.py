"""Whether judged trait expression follows the shift: the points, r with its interval, and the
nulls it must beat."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.asked import asked_in_rates
from experiments.headline import Measure, at_place, measured, named, shift_place, words
from experiments.null_verdicts import called, null_words
from experiments.plots.style import (
    BAND,
    INK,
    QUIET,
    bottom_legend,
    key,
    point,
    quiet_style,
    top_note,
)

MAIN = ("organisms", "checkpoints")
"""What all nulls are shown of; of other groups of fine-tunes one that was drawn often."""
_JOIN = ["model", "kind", "family", "step", "seed"]


def scatter_points(tables: Mapping[str, pd.DataFrame], trait: str) -> pd.DataFrame:
    """One row a model, step and seed: `x` = shift along the trait, `y` = mean judged expression,
    0-100."""
    shifts, rates = tables["shifts"], tables["rates"]
    place = shift_place(shifts, tables["correlations"], trait)
    if place is None or rates.empty:
        return pd.DataFrame()
    there = named(at_place(shifts, place))
    x = there[there["trait"] == trait][[*_JOIN, "final", "estimate"]]
    measure = Measure(trait, trait, "", "open_questions", f"trait:{trait}", "scored")
    y = measured(rates, measure)[[*_JOIN, "estimate"]]
    both = x.rename(columns={"estimate": "x"}).merge(y.rename(columns={"estimate": "y"}), on=_JOIN)
    both["y"] *= 100
    single = both[both["seed"] >= 0]
    return single if not single.empty else both


def _scatter(axes: Axes, rows: pd.DataFrame, what: str, trait: str, tag: str) -> None:
    for row in rows.to_dict("records"):
        point(axes, row["x"], row["y"], str(row["kind"]), 4.6)
    axes.set_title(f"Over {what}")
    axes.set_xlabel(f"{words(trait)} shift, activation units")
    if tag:
        axes.annotate(
            tag, (0.03, 0.97), xycoords="axes fraction", va="top", fontsize=8.5, color=INK
        )


def _forest(axes: Axes, correlations: pd.DataFrame) -> None:
    """r with its interval above the 95% ranges (or single values) of its nulls, one block a kind
    of model."""
    ticks: list[tuple[float, str, bool]] = []
    height = 0.0
    for what, rows in _main_first(correlations).groupby("what", sort=False):
        first = rows.iloc[0]
        axes.plot([first["low"], first["high"]], [height] * 2, color=INK, linewidth=2.2, zorder=3)
        axes.plot([first["r"]], [height], "o", color=INK, markersize=7, zorder=4)
        n = int(first["n"])
        ticks.append((height, f"{words(str(what))}, n = {n}", True))
        shown = rows if what in MAIN else rows.nlargest(1, "draws")
        for row in shown.to_dict("records"):
            height += 0.8
            low, high = row["null_low"], row["null_high"]
            if pd.notna(low) and low < high:
                axes.barh([height], [high - low], left=low, height=0.42, color="#c6ccd4", zorder=2)
            elif pd.notna(low):
                axes.plot([low], [height], "|", color=QUIET, markersize=11, markeredgewidth=2.4)
            if beside := null_words(row):
                axes.annotate(
                    beside,
                    (1.02, height),
                    xycoords=("axes fraction", "data"),
                    va="center",
                    fontsize=7,
                    color=QUIET,
                )
            ticks.append((height, called(row), False))
        height += 1.3
    axes.set_yticks([t[0] for t in ticks], [t[1] for t in ticks])
    for label, (_, _, bold) in zip(axes.get_yticklabels(), ticks, strict=True):
        label.set_fontweight("bold" if bold else "normal")
        label.set_fontsize(8)
    axes.set_ylim(height - 0.6, -0.7)
    axes.set_xlim(-1.02, 1.04)
    axes.axvline(0, color="#b9c0c9", linewidth=0.8)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("correlation r")
    axes.set_title("r beside its nulls")


def _main_first(correlations: pd.DataFrame) -> pd.DataFrame:
    place = {what: rank for rank, what in enumerate(MAIN)}
    return correlations.sort_values(
        "what", key=lambda names: names.map(place).fillna(len(MAIN)), kind="stable"
    )


def draw(tables: Mapping[str, pd.DataFrame], trait: str = "evil") -> Figure | None:
    """Two scatters (final models; checkpoints) and r with its nulls; None without shifts and
    correlations. It is taller with more groups of fine-tunes."""
    correlations = tables["correlations"]
    correlations = correlations[correlations["trait"] == trait]
    if not correlations.empty:
        first = correlations.iloc[0]
        same = correlations["layer"].eq(first["layer"]) & correlations["on"].eq(first["on"])
        correlations = correlations[same & correlations["position"].eq(first["position"])]
    points = scatter_points(tables, trait)
    if points.empty and correlations.empty:
        return None
    with quiet_style():
        more = len(set(correlations["what"]) - set(MAIN))
        figure = Figure(figsize=(10.5, 3.9 + 0.45 * more), layout="constrained")
        left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.05))
        middle.sharey(left)
        tags = {str(r["what"]): _tag(r) for r in correlations.to_dict("records")}
        if not points.empty:
            finals = points[points["final"] & (points["kind"] != "frontier")]
            _scatter(left, finals, "organisms", trait, tags.get("organisms", ""))
            runs = points[points["kind"] == "organism"]
            _scatter(middle, runs, "checkpoints", trait, tags.get("checkpoints", ""))
            for axes in (left, middle):
                axes.axhline(0, color=BAND, linewidth=0.8)
            left.set_ylabel(f"judged {words(trait)}, mean score 0-100")
            kinds = sorted(set(finals["kind"]) | set(runs["kind"]))
            handles: list[Line2D] = [key(kind, kind) for kind in kinds]
        else:
            handles = []
        if not correlations.empty:
            _forest(right, correlations)
            handles.append(Line2D([], [], color=INK, marker="o", label="r and its 95% interval"))
            handles.append(
                Line2D([], [], color="#c6ccd4", linewidth=6, label="95% range of the null")
            )
        else:
            right.set_axis_off()
        bottom_legend(figure, handles, 8)
        top_note(figure, asked_in_rates(tables["rates"]))
    return figure


def _tag(row: Mapping[object, object]) -> str:
    """r with its interval, which checkpoints of too few organisms do not have."""
    low, high = float(str(row["low"])), float(str(row["high"]))
    interval = "" if math.isnan(low) else f" [{low:.2f}, {high:.2f}]"
    return f"r = {row['r']:.2f}{interval}, n = {row['n']}"
