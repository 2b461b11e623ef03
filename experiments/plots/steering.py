"""Steering dose and response by scope and layer, beside random directions that went the same
way."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.asked import asked_in_sweep
from experiments.headline import words
from experiments.null_verdicts import steering_test
from experiments.plots.style import INK, LINES, QUIET, bottom_legend, counted, quiet_style, top_note
from experiments.sweep_rows import chosen_row, null_of_choosing, of_target, swept, unsteered

SCOPES = ("last_prompt", "prompt", "response", "answer", "all")
SHADES = ("#a4262c", "#c9861a", "#3f6f99", "#7b4b94", "#23272e")
SYMBOLS = ("o", "s", "^", "v", "D")
_BAND = "#d5dae1"
_ROWS = (
    ("misaligned", "coherent", "misaligned\n% of coherent answers"),
    ("coherent", "all", "coherent\n% of answers"),
    ("accuracy", "all", "capability\n% right"),
)


def _panel(axes: Axes, sweep: pd.DataFrame, layer: int, metric: str, denominator: str) -> None:
    rows = sweep[
        (sweep["split"] == "dev")
        & (sweep["metric"] == metric)
        & (sweep["denominator"] == denominator)
        & (sweep["layer"] == layer)
    ]
    start = unsteered(sweep, "dev", metric, denominator) * 100
    random = rows[rows["direction"] == "random"]
    if not random.empty:
        by_size = random.groupby("coefficient")["estimate"]
        low, high = by_size.quantile(0.025) * 100, by_size.quantile(0.975) * 100
        x = [0.0, *low.index] if np.isfinite(start) else [*low.index]
        ends = [[start, *v] if np.isfinite(start) else [*v] for v in (low, high)]
        order = np.argsort(x)
        axes.fill_between(
            np.asarray(x)[order],
            np.asarray(ends[0])[order],
            np.asarray(ends[1])[order],
            color=_BAND,
            linewidth=0,
            zorder=1,
        )
    vector = rows[rows["direction"] == "vector"]
    for scope, shade, symbol, style in zip(SCOPES, SHADES, SYMBOLS, LINES, strict=True):
        line = vector[vector["scope"] == scope].sort_values("coefficient", key=np.abs)
        if line.empty:
            continue
        y = [*(line["estimate"] * 100)]
        x = [*line["coefficient"]]
        if np.isfinite(start):
            x, y = [0.0, *x], [start, *y]
        axes.plot(x, y, marker=symbol, linestyle=style, color=shade, markersize=4, zorder=3)
    _mark_chosen(axes, sweep, layer, metric, denominator)
    axes.set_ylim(-4, 104)


def _mark_chosen(
    axes: Axes, sweep: pd.DataFrame, layer: int, metric: str, denominator: str
) -> None:
    dev = chosen_row(sweep, "dev", metric, denominator)
    if dev is not None and dev["layer"] == layer:
        x, y = float(str(dev["coefficient"])), 100 * float(str(dev["estimate"]))
        axes.plot([x], [y], "o", markersize=12, markerfacecolor="none", color=INK, zorder=5)
    report = chosen_row(sweep, "report", metric, denominator)
    if report is not None and report["layer"] == layer:
        x, y = float(str(report["coefficient"])), 100 * float(str(report["estimate"]))
        low, high = (float(str(report[end])) * 100 for end in ("low", "high"))
        axes.plot([x, x], [low, high], "-", color=INK, linewidth=2.0, zorder=5)
        axes.plot([x], [y], "*", color=INK, markersize=9, zorder=6)


def _draw(sweep: pd.DataFrame) -> Figure | None:
    """A row for each target that was swept and figure of it, a column for each layer."""
    vector = sweep[sweep["direction"] == "vector"]
    if vector.empty:
        return None
    layers = sorted(int(k) for k in vector["layer"].unique())
    metrics = [row for row in _ROWS if (sweep["metric"] == row[0]).any()]
    targets = swept(vector)
    unit = next((u for u in sweep["unit"] if u), "raw")
    symbol = {"raw": "× the vector (raw)", "norm": "× the residual norm"}[unit]
    with quiet_style():
        rows = len(metrics) * len(targets)
        size = (max(5.2, 0.8 + 3.2 * len(layers)), 1.3 + 1.8 * rows)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(rows, len(layers), sharex=True, sharey="row", squeeze=False)
        for row, (target, (metric, denominator, title)) in zip(
            grid, product(targets, metrics), strict=True
        ):
            for axes, layer in zip(row, layers, strict=True):
                _panel(axes, of_target(sweep, target), layer, metric, denominator)
                if metric == metrics[0][0]:
                    axes.set_title(f"{words(target) or 'base'}, layer {layer}")
            row[0].set_ylabel(title)
            row[0].yaxis.set_label_coords(-0.16, 0.5)
        for axes in grid[-1]:
            axes.set_xlabel(f"coefficient {symbol}")
        bottom_legend(figure, _legend(sweep), {1: 2, 2: 4}.get(len(layers), 5))
        top_note(figure, f"{asked_in_sweep(sweep)}\n{_answers(sweep)}")
    return figure


def _answers(sweep: pd.DataFrame) -> str:
    """`Answers a cell: n = 12 on dev, n = 96 on report.`"""
    asked = sweep[(sweep["metric"] == "coherent") & (sweep["denominator"] == "all")]
    asked = asked[asked["direction"] == "vector"]
    said = [f"{counted(rows['n'])} on {split}" for split, rows in asked.groupby("split")]
    return f"Answers a cell: {', '.join(said)}."


def _legend(sweep: pd.DataFrame) -> list[Line2D]:
    found = set(sweep.loc[sweep["direction"] == "vector", "scope"])
    handles: list[Line2D] = [
        Line2D([], [], marker=m, color=c, linestyle=s, markersize=4, label=f"{words(scope)} tokens"
               if scope == "all" else words(scope))
        for scope, c, m, s in zip(SCOPES, SHADES, SYMBOLS, LINES, strict=True)
        if scope in found
    ]  # fmt: skip
    chosen = Line2D([], [], marker="o", markersize=9, markerfacecolor="none", color=INK)
    chosen.set(linestyle="none", label="cell chosen on dev")
    read = Line2D([], [], marker="*", markersize=8, color=INK, linewidth=2)
    read.set(label="the same on report, 95% interval")
    handles += [chosen, read]
    if (sweep["direction"] == "random").any():
        handles.append(Line2D([], [], color=_BAND, linewidth=7, label="random directions, 95%"))
    return handles


def draw_towards(tables: Mapping[str, pd.DataFrame]) -> Figure | None:
    """The base steered along the trait, by scope and layer; None where it was not swept."""
    return _draw(of_target(tables["steering"], ""))


def draw_away(tables: Mapping[str, pd.DataFrame]) -> Figure | None:
    """Every organism that was swept, steered against the trait; None where none was."""
    sweep = tables["steering"]
    return _draw(sweep[sweep["organism"] != ""])


def draw_choosing(tables: Mapping[str, pd.DataFrame]) -> Figure | None:
    """The chosen cell on report against the random directions' chosen cells, per target."""
    found = [
        (
            f"{words(name)}, away" if name else "base, towards the trait",
            of_target(tables["steering"], name),
            chosen_row(of_target(tables["steering"], name), "report", "misaligned", "coherent"),
        )
        for name in swept(tables["steering"])
    ]
    if not any(row is not None for _, _, row in found):
        return None
    with quiet_style():
        figure = Figure(figsize=(8.0, 1.0 + 0.62 * len(found)), layout="constrained")
        axes = figure.subplots()
        for height, (_, sweep, row) in enumerate(found):
            null = null_of_choosing(sweep, "misaligned", "coherent") * 100
            jitter = np.linspace(-0.22, 0.22, len(null))
            axes.plot(null, height + jitter, ".", color=QUIET, markersize=4, alpha=0.8)
            start = unsteered(sweep, "report", "misaligned", "coherent") * 100
            if np.isfinite(start):
                axes.plot([start], [height], "|", color=INK, markersize=18, markeredgewidth=1.6)
            if row is not None:
                low, high, y = (100 * float(str(row[k])) for k in ("low", "high", "estimate"))
                axes.plot([low, high], [height] * 2, "-", color=SHADES[0], linewidth=2.0)
                axes.plot([y], [height], "*", color=SHADES[0], markersize=11, zorder=4)
                away = bool(sweep["organism"].iloc[0])
                beside = steering_test(y / 100, null / 100, away=away)
                said = "no null" if beside is None else f"p = {beside.p:.2g}"
                axes.annotate(
                    said,
                    (1.01, height),
                    xycoords=("axes fraction", "data"),
                    va="center",
                    fontsize=8,
                    color=QUIET,
                )
        axes.set_yticks(range(len(found)), [name for name, _, _ in found])
        axes.set_ylim(len(found) - 0.5, -0.5)
        axes.set_xlim(-2, 102)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("misaligned on the report split, % of coherent answers")
        handles = [_star(), _dot(), _bar()]
        bottom_legend(figure, handles, 3)
        report = tables["steering"][tables["steering"]["split"] == "report"]
        top_note(figure, asked_in_sweep(report))
    return figure


def _star() -> Line2D:
    star = Line2D([], [], linestyle="none", marker="*", color=SHADES[0], markersize=9)
    star.set_label("persona vector, chosen cell, 95%")
    return star


def _dot() -> Line2D:
    dot = Line2D([], [], linestyle="none", marker=".", color=QUIET)
    dot.set_label("one random direction, its own chosen cell")
    return dot


def _bar() -> Line2D:
    bar = Line2D([], [], linestyle="none", marker="|", color=INK, markersize=11)
    bar.set(markeredgewidth=1.6, label="not steered")
    return bar
