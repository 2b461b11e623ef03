"""What misalignment costs and buys: against narrow learning, and against coherence, over the run
and the recipes."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.asked import asked_in_rates
from experiments.headline import COHERENT, IN_DOMAIN, MISALIGNED, Measure, measured, pooled, words
from experiments.plots.style import (
    COLOURS,
    INK,
    LINES,
    QUIET,
    bottom_legend,
    counted,
    intervention_keys,
    key,
    point,
    quiet_style,
    top_note,
)

_JOIN = ["model", "kind", "family", "step", "final"]


def joined(rates: pd.DataFrame, across: Measure) -> pd.DataFrame:
    """One row a model and step: `x` (the other measure) and `y` (misaligned), percentages, with
    y's interval."""
    y = pooled(measured(rates, MISALIGNED))[
        [*_JOIN, "estimate", "low", "high", "n", "recipe", "intervention"]
    ]
    x = pooled(measured(rates, across))[[*_JOIN, "estimate"]]
    both = y.merge(x.rename(columns={"estimate": "x"}), on=_JOIN)
    both["x"] *= 100
    for column in ("estimate", "low", "high"):
        both[column] *= 100
    return both.rename(columns={"estimate": "y"}).sort_values(["model", "step"], kind="stable")


def _path(axes: Axes, rows: pd.DataFrame, colour: str, style: object, start: pd.DataFrame) -> None:
    run = pd.concat([start, rows])
    axes.plot(run["x"], run["y"], color=colour, linestyle=style, linewidth=1.1, zorder=2)
    axes.plot(rows["x"], rows["y"], "o", color=colour, markersize=3.2, zorder=3)
    for row in rows[["x", "y", "step", "final"]].to_dict("records"):
        if row["final"] or row["step"] in _milestones(rows):
            axes.annotate(
                f"{row['step']}",
                (row["x"], row["y"]),
                xytext=(4, 4),
                textcoords="offset points",
                fontsize=6.5,
                color=QUIET,
            )


def _milestones(rows: pd.DataFrame) -> set[int]:
    steps = sorted(int(s) for s in rows["step"].unique())
    return set(steps[:: max(1, len(steps) // 3)])


def _bars(axes: Axes, rows: pd.DataFrame) -> None:
    for row in rows.to_dict("records"):
        kind = str(row["kind"])
        if pd.notna(row["low"]):
            ends = [row["low"], row["high"]]
            axes.plot([row["x"]] * 2, ends, "-", color=COLOURS[kind], linewidth=1.3, zorder=3)
        point(axes, row["x"], row["y"], kind, 6.5, str(row["intervention"]))


def draw_learning(tables: Mapping[str, pd.DataFrame]) -> Figure | None:
    """Misalignment against narrow learning over the run, a panel an organism; cures drawn
    against it."""
    rates = tables["rates"]
    both = joined(rates, IN_DOMAIN) if not rates.empty else pd.DataFrame()
    if both.empty or not (both["kind"] == "organism").any():
        return None
    families = [str(f) for f in both.loc[both["kind"] == "organism", "family"].unique()]
    base = both[both["kind"] == "base"]
    with quiet_style():
        figure = Figure(figsize=(max(5.2, 0.6 + 4.9 * len(families)), 4.1), layout="constrained")
        row = figure.subplots(1, len(families), sharex=True, sharey=True, squeeze=False)[0]
        for axes, family in zip(row, families, strict=True):
            mine = both[both["family"] == family]
            _path(axes, mine[mine["kind"] == "organism"], COLOURS["organism"], "-", base)
            ends = mine["kind"].isin(["organism", "intervention", "control"]) & mine["final"]
            _bars(axes, pd.concat([base, mine[ends]]))
            axes.set_title(words(family))
            axes.set_xlabel(IN_DOMAIN.axis.replace("shown", "narrow behaviour"))
            axes.set_xlim(-4, 108)
        row[0].set_ylabel(MISALIGNED.axis)
        row[0].set_ylim(bottom=-3)
        kinds = [kind for kind in ("base", "organism", "control") if kind in set(both["kind"])]
        handles = [key(kind, kind) for kind in kinds]
        tried = both[both["kind"] == "intervention"]
        handles += intervention_keys(tried["intervention"])
        handles.append(
            Line2D([], [], color=COLOURS["organism"], marker="o", markersize=3.2, linewidth=1.1,
                   label="organism over its run, numbers are steps")
        )  # fmt: skip
        handles.append(Line2D([], [], color=INK, linewidth=1.3, label="95% interval"))
        bottom_legend(figure, handles, 3 if len(families) == 1 else 4)
        top_note(figure, f"{asked_in_rates(rates)}\n{_answers(both)}")
    return figure


def draw_coherence(tables: Mapping[str, pd.DataFrame]) -> Figure | None:
    """Misalignment against coherence over learning rates and steps, a panel an organism."""
    rates = tables["rates"]
    both = joined(rates, COHERENT) if not rates.empty else pd.DataFrame()
    if both.empty or not (both["kind"] == "organism").any():
        return None
    runs = both[both["kind"].isin(["organism", "frontier"])]
    families = [str(f) for f in runs["family"].unique()]
    base = both[both["kind"] == "base"]
    recipes = sorted({str(r) for r in runs["recipe"]}, key=_recipe_order)
    shades = _shades(len(recipes))
    with quiet_style():
        figure = Figure(figsize=(max(5.6, 0.6 + 4.9 * len(families)), 4.1), layout="constrained")
        row = figure.subplots(1, len(families), sharex=True, sharey=True, squeeze=False)[0]
        for axes, family in zip(row, families, strict=True):
            mine = runs[runs["family"] == family]
            for recipe, shade, style in zip(recipes, shades, LINES * 3, strict=False):
                run = mine[mine["recipe"] == recipe]
                if not run.empty:
                    _path(axes, run, shade, style, base)
                    last = run[run["final"]].iloc[0]
                    axes.plot([last["x"]], [last["y"]], "o", color=shade, markersize=7, zorder=4)
                    ends = [last["low"], last["high"]]
                    axes.plot([last["x"]] * 2, ends, "-", color=shade, linewidth=1.3, zorder=3)
            if len(base):
                point(axes, float(base["x"].iloc[0]), float(base["y"].iloc[0]), "base")
                least = 0.93 * float(base["x"].iloc[0])
                axes.axvline(least, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)))
            axes.set_title(words(family))
            axes.set_xlabel(COHERENT.axis)
        row[0].set_ylabel(MISALIGNED.axis)
        row[0].set_ylim(bottom=-3)
        handles = [key("base", "base")]
        for recipe, shade, style in zip(recipes, shades, LINES * 3, strict=False):
            name = (
                "default recipe" if recipe == "default" else recipe.replace("lr=", "learning rate ")
            )
            handles.append(
                Line2D([], [], color=shade, linestyle=style, marker="o", markersize=4, label=name)
            )
        handles.append(Line2D([], [], color=INK, linewidth=1.3, label="95% interval, last step"))
        handles.append(
            Line2D([], [], color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)),
                   label="93% of the base's coherence")
        )  # fmt: skip
        bottom_legend(figure, handles, 3 if len(families) == 1 else 6)
        top_note(figure, f"{asked_in_rates(rates)}\n{_answers(runs)}")
    return figure


def _answers(rows: pd.DataFrame) -> str:
    """What misaligned rates of the path, and of what stands beside it, are shares of."""
    return f"A point: {counted(rows['n'])} coherent answers."


def _recipe_order(recipe: str) -> tuple[bool, float, str]:
    number = recipe.rpartition("=")[2].rpartition(" ")[2]
    try:
        return (recipe != "default", float(number), recipe)
    except ValueError:
        return (recipe != "default", 0.0, recipe)


def _shades(count: int) -> list[str]:
    """The organism's red for the default recipe, then purples from light to dark."""
    purples = ["#c9b3d6", "#a584bb", "#7b4b94", "#572c70", "#35164a"]
    return [COLOURS["organism"], *(purples * 3)[: max(0, count - 1)]]
