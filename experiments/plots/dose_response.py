"""Dose and response of steering: trait, coherence and capability over the coefficient, with
intervals, by layer and scope."""

from __future__ import annotations

from textwrap import fill
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.asked import asked_in_sweep
from experiments.headline import words
from experiments.plots.steering import SCOPES, SHADES, SYMBOLS
from experiments.plots.style import INK, LINES, QUIET, bottom_legend, quiet_style, top_note

_CHARACTERS: Final = 15
"""Of the note, an inch."""


def draw(table: pd.DataFrame, trait: str, floor: float) -> Figure:
    """One row of panels a metric, one column a layer.

    Args:
        table: the `steering` table of one organism.
        trait: whose score is shown.
        floor: least share of coherent answers, drawn where coherence is.
    """
    rows = [
        (f"trait:{trait}", "coherent_scored", f"{words(trait)} score\n% of coherent answers"),
        ("coherent", "all", "coherent\n% of answers"),
        ("accuracy", "all", "capability\n% right"),
    ]
    rows = [row for row in rows if (table["metric"] == row[0]).any()]
    steered = table[table["direction"] == "vector"]
    layers = sorted({int(layer) for layer in steered["layer"]})
    unit = str(steered["unit"].iloc[0])
    size = (max(5.6, 1.0 + 2.6 * len(layers)), 1.2 + 1.75 * len(rows))
    with quiet_style():
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(rows), len(layers), sharex=True, sharey="row", squeeze=False)
        for line, (metric, denominator, title) in zip(grid, rows, strict=True):
            own = table[(table["metric"] == metric) & (table["denominator"] == denominator)]
            for axes, layer in zip(line, layers, strict=True):
                _panel(axes, own, layer)
                if metric == "coherent":
                    axes.axhline(100 * floor, color=QUIET, linewidth=1.0, linestyle=":")
            line[0].set_ylabel(title)
        for axes, layer in zip(grid[0], layers, strict=True):
            axes.set_title(f"layer {layer}")
        counts = {"raw": "× the vector", "norm": "× residual norm"}[unit]
        for axes in grid[-1]:
            axes.set_xlabel(f"coefficient {counts}")
        bottom_legend(figure, _legend(table, floor), 5)
        n = table.loc[table["metric"] == "coherent", "n"].min()
        note = f"Bars: 95%, {n} open answers a cell; small and hollow: too few coherent topics."
        top_note(figure, fill(f"{asked_in_sweep(table)} {note}", int(_CHARACTERS * size[0])))
    return figure


def _panel(axes: Axes, own: pd.DataFrame, layer: int) -> None:
    plain = own[own["direction"] == ""]
    here = own[own["layer"] == layer]
    random = here[here["direction"] == "random"]
    if not random.empty:
        axes.plot(random["coefficient"], 100 * random["estimate"], ".", color=QUIET, alpha=0.6)
    scopes = [scope for scope in SCOPES if scope in set(here["scope"])]
    step = 0.012 * float(np.ptp([0.0, *here["coefficient"]])) if len(here) else 0.0
    for place, scope in enumerate(scopes):
        at = SCOPES.index(scope)
        cells = here[(here["scope"] == scope) & (here["direction"] == "vector")]
        line = pd.concat([plain.assign(coefficient=0.0), cells]).sort_values("coefficient")
        shift = step * (place - (len(scopes) - 1) / 2)
        axes.plot(
            line["coefficient"] + shift * (line["coefficient"] != 0),
            100 * line["estimate"],
            linestyle=LINES[at],
            color=SHADES[at],
            linewidth=1.3,
        )
        for row in cells.itertuples():
            _estimate(axes, row, float(str(row.coefficient)) + shift, SYMBOLS[at], SHADES[at])
    for row in plain.itertuples():
        _estimate(axes, row, 0.0, "D", INK, size=6.5)
    axes.set_ylim(-4, 104)


def _estimate(axes: Axes, row: Any, x: float, marker: str, colour: str, size: float = 4.5) -> None:
    """A point with its interval; hollow where there were too few topics for one."""
    axes.plot([x, x], [100 * row.low, 100 * row.high], "-", color=colour, linewidth=0.9)
    filled = "white" if np.isnan(row.low) or (marker == "D" and size > 5) else colour
    axes.plot([x], [100 * row.estimate], marker, color=colour, markersize=size,
              markerfacecolor=filled, markeredgewidth=1.1, zorder=5)  # fmt: skip


def _legend(table: pd.DataFrame, floor: float) -> list[Line2D]:
    found = set(table.loc[table["direction"] == "vector", "scope"])
    handles = [
        Line2D([], [], marker=m, color=c, linestyle=s, markersize=4, label=f"scope {words(scope)}")
        for scope, c, m, s in zip(SCOPES, SHADES, SYMBOLS, LINES, strict=True)
        if scope in found
    ]
    plain = Line2D([], [], linestyle="none", marker="D", color=INK, markersize=6)
    plain.set_markerfacecolor("white")
    plain.set_label("not steered")
    handles.append(plain)
    line = Line2D([], [], color=QUIET, linestyle=":", linewidth=1.0)
    line.set_label(f"floor, {floor:.0%}")
    handles.append(line)
    if (table["direction"] == "random").any():
        dot = Line2D([], [], linestyle="none", marker=".", color=QUIET)
        dot.set_label("one random direction")
        handles.append(dot)
    return handles
