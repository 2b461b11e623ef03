"""What monitors read as fine-tunes went on: the shift, and the drift with its alarm line, one
column a family."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from experiments.headline import named, words
from experiments.plots.style import COLOURS, INK, LINES, QUIET, bottom_legend, quiet_style, top_note

_KINDS = ("organism", "mix", "filter", "intervention", "control", "frontier")


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure | None:
    """The shift above, the same in null standard deviations below; None without a monitor."""
    monitoring = tables["monitoring"]
    if monitoring.empty:
        return None
    rows = named(monitoring)
    traits = sorted(set(rows["trait"]), key=lambda name: (name != "evil", name))
    families = sorted(set(rows["family"]))
    place = rows.iloc[0]
    with quiet_style():
        size = (max(5.2, 0.9 + 4.2 * len(families)), 5.4)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(2, len(families), sharex=True, sharey="row", squeeze=False)
        for (above, below), family in zip(grid.T, families, strict=True):
            mine = rows[rows["family"] == family]
            for trait, line in zip(traits, LINES, strict=False):
                _curves(above, mine[mine["trait"] == trait], "shift", line)
                _curves(below, mine[mine["trait"] == trait], "drift", line)
            for threshold in sorted(set(mine["threshold"])):
                below.axhline(threshold, color=INK, linewidth=1.8)
            for axes in (above, below):
                axes.axhline(0, color=QUIET, linewidth=0.7)
            above.set_title(words(family))
            below.set_xlabel("training step")
            below.xaxis.set_major_locator(MaxNLocator(integer=True))
        grid[0][0].set_ylabel(f"shift at layer {place['layer']},\nactivation units")
        grid[1][0].set_ylabel("shift, standard deviations\nof the null's shifts")
        bottom_legend(figure, _legend(rows, traits), 4)
        top_note(figure, "Fixed neutral prompts: extract and dev splits.")
    return figure


def _curves(axes: Axes, rows: pd.DataFrame, column: str, line: object) -> None:
    """One line a model and seed; a ring at its first alarm, a cross where it was stopped."""
    for (kind, _, _), run in rows.groupby(["kind", "model", "seed"], sort=False):
        ordered = run.sort_values("step")
        colour = COLOURS[str(kind)]
        axes.plot(
            ordered["step"],
            ordered[column],
            linestyle=line,
            color=colour,
            linewidth=1.1,
            alpha=0.8,
        )
        alarms = ordered[ordered["alarm"]].head(1)
        axes.plot(
            alarms["step"], alarms[column], "o", markersize=6, markerfacecolor="none", color=colour
        )
        stops = ordered[ordered["stopped"]]
        axes.plot(stops["step"], stops[column], "x", markersize=8, color=INK)


def _legend(rows: pd.DataFrame, traits: list[str]) -> list[Line2D]:
    kinds = [kind for kind in _KINDS if kind in set(rows["kind"])]
    handles = [Line2D([], [], color=COLOURS[kind], label=kind) for kind in kinds]
    handles += [
        Line2D([], [], color=QUIET, linestyle=line, label=words(trait))
        for trait, line in zip(traits, LINES, strict=False)
    ]
    handles.append(
        Line2D(
            [], [], color=INK, marker="o", markerfacecolor="none", linestyle="none",
            label="first alarm",
        )
    )  # fmt: skip
    handles.append(Line2D([], [], color=INK, linewidth=1.8, label="alarm line"))
    if rows["stopped"].any():
        handles.append(
            Line2D([], [], color=INK, marker="x", linestyle="none", label="training stopped")
        )
    return handles
