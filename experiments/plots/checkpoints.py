"""Over the fine-tune: misalignment, narrow behaviour and every trait's shift on one page, one
column an organism."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.asked import asked_in_rates
from experiments.headline import (
    IN_DOMAIN,
    MISALIGNED,
    Measure,
    at_place,
    measured,
    named,
    pooled,
    shift_place,
    words,
)
from experiments.plots.style import (
    COLOURS,
    QUIET,
    bottom_legend,
    counted,
    intervention_keys,
    key,
    point,
    quiet_style,
    top_note,
)

CLEARANCE = 1.4
"""How many times larger the next labelled step must be."""
_FINAL_KINDS = ("intervention", "control")


def with_curves(rows: pd.DataFrame) -> list[str]:
    """Organisms of the default recipe that were measured at more than one step."""
    pure = rows[(rows["kind"] == "organism")]
    steps = pure.groupby("family")["step"].nunique()
    return [str(family) for family in steps.index[steps > 1]]


def step_axis(axes: Axes, steps: list[int]) -> None:
    """Training steps on a scale that spreads the early ones; the base (step -1) stands at 0."""
    threshold = max(1, min((s for s in steps if s > 0), default=1))
    axes.set_xscale("symlog", linthresh=threshold, linscale=0.6)
    shown = [0, *[s for s in steps if s > 0]]
    axes.set_xticks(shown, ["base", *_spaced(shown[1:])])
    axes.set_xlim(-0.3 * threshold, max(shown) * 1.35)
    axes.minorticks_off()


def _spaced(steps: list[int]) -> list[str]:
    """Labels of increasing steps, the last one's first; empty where one would touch the next."""
    labels: list[str] = []
    following = float("inf")
    for step in reversed(steps):
        fits = step * CLEARANCE <= following
        labels.append(str(step) if fits else "")
        following = step if fits else following
    return labels[::-1]


def draw_curve(axes: Axes, rows: pd.DataFrame, family: str, scale: float) -> None:
    """One organism's estimates over the steps: interval as a band, seeds as thin lines, the base
    at 0."""
    mine = rows[(rows["family"] == family) & (rows["kind"] == "organism")]
    base = pooled(rows[rows["kind"] == "base"])
    start = [float(base["estimate"].iloc[0]) * scale] if len(base) else [0.0]
    for _, seed in mine[mine["seed"] >= 0].groupby("seed"):
        ordered = seed.sort_values("step")
        x, y = [0, *ordered["step"]], [*start, *(ordered["estimate"] * scale)]
        axes.plot(x, y, "-", color=COLOURS["organism"], linewidth=0.7, alpha=0.45, zorder=2)
    line = pooled(mine).sort_values("step")
    banded = line[line["low"].notna()]
    axes.fill_between(
        banded["step"],
        banded["low"] * scale,
        banded["high"] * scale,
        color=COLOURS["organism"],
        alpha=0.13,
        linewidth=0,
        zorder=1,
    )
    x, y = [0, *line["step"]], [*start, *(line["estimate"] * scale)]
    axes.plot(x, y, "o-", color=COLOURS["organism"], markersize=4.5, zorder=3)
    axes.axhline(start[0], color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    point(axes, 0.0, start[0], "base", 6.0)
    others = rows[(rows["family"] == family) & rows["kind"].isin(_FINAL_KINDS) & rows["final"]]
    for row in pooled(others).to_dict("records"):
        place = (float(row["step"]) * 1.12, row["estimate"] * scale)
        point(axes, *place, str(row["kind"]), 4.6, str(row["intervention"]))


def legend_of(rows: pd.DataFrame) -> list[Line2D]:
    """Legend entries of the curves."""
    handles = [
        key("base", "base (before training)"),
        Line2D([], [], color=COLOURS["organism"], marker="o", markersize=4.5, label="organism"),
        Line2D([], [], color=COLOURS["organism"], linewidth=0.7, alpha=0.6, label="one seed"),
        Line2D([], [], color=COLOURS["organism"], linewidth=6, alpha=0.15, label="95% interval"),
    ]
    if "control" in set(rows["kind"]):
        handles.append(key("control", "control, final"))
    return handles + intervention_keys(rows.loc[rows["kind"] == "intervention", "intervention"])


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure | None:
    """None where no organism was measured at more than one step."""
    rates, shifts = tables["rates"], tables["shifts"]
    misaligned = measured(rates, MISALIGNED)
    families = with_curves(misaligned)
    if not families:
        return None
    panels: list[tuple[str, str, pd.DataFrame, float]] = []
    for measure in (MISALIGNED, IN_DOMAIN):
        panels.append((measure.title, _axis(measure), measured(rates, measure), 100.0))
    for trait in sorted(set(shifts["trait"]), key=lambda t: (t != "evil", t)):
        place = shift_place(shifts, tables["correlations"], trait)
        if place is not None:
            rows = named(at_place(shifts[shifts["trait"] == trait], place))
            title = f"{words(str(trait)).capitalize()} shift"
            panels.append((title, f"at layer {place.layer}", rows, 1.0))
    panels = [panel for panel in panels if not panel[2].empty]
    steps = sorted({int(s) for s in misaligned.loc[misaligned["kind"] == "organism", "step"]})
    with quiet_style():
        size = (max(5.2, 0.8 + 4.8 * len(families)), 0.7 + 1.55 * len(panels))
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(panels), len(families), sharex=True, sharey="row", squeeze=False)
        for row, (title, unit, rows, scale) in zip(grid, panels, strict=True):
            for axes, family in zip(row, families, strict=True):
                draw_curve(axes, rows, family, scale)
                step_axis(axes, steps)
            row[0].set_ylabel(f"{title}\n{unit}")
            row[0].yaxis.set_label_coords(-0.09, 0.5)
            if scale == 100.0:
                row[0].set_ylim(bottom=-3)
        for axes, family in zip(grid[0], families, strict=True):
            axes.set_title(words(family))
        for axes in grid[-1]:
            axes.set_xlabel("training step")
        bottom_legend(figure, legend_of(misaligned), 3 if len(families) == 1 else 4)
        top_note(figure, f"{asked_in_rates(tables['rates'])}\n{_answers(tables['rates'])}")
    return figure


def _axis(measure: Measure) -> str:
    return measure.axis.split(", ")[-1].removesuffix(" answers")


def _answers(rates: pd.DataFrame) -> str:
    """`A dot: n = 83 to 192 coherent answers, n = 48 in-domain answers.`"""
    said = []
    for measure, name in ((MISALIGNED, "coherent"), (IN_DOMAIN, "in-domain")):
        rows = pooled(measured(rates, measure))
        rows = rows[rows["kind"] == "organism"]
        if not rows.empty:
            said.append(f"{counted(rows['n'])} {name} answers")
    return f"A dot: {', '.join(said)}."
