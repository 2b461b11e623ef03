"""The headline figure: every final model beside its base, four measures, seeds as dots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.asked import asked_in_rates
from experiments.headline import MEASURES, MISALIGNED, Measure, finals, measured, pooled
from experiments.plots.style import (
    COLOURS,
    INK,
    QUIET,
    bottom_legend,
    key,
    point,
    quiet_style,
    top_note,
)

SHOWN = ("base", "organism", "intervention", "control")
_NAMES = {
    "base": "base",
    "organism": "organism",
    "intervention": "with an intervention",
    "control": "control",
}


def order_of(rates: pd.DataFrame, kinds: Sequence[str] = SHOWN) -> pd.DataFrame:
    """The models shown, top to bottom: columns model, kind, family."""
    rows = finals(measured(rates, MISALIGNED), kinds)
    return rows.drop_duplicates("model")[["model", "kind", "family"]].reset_index(drop=True)


def places(order: pd.DataFrame, gap: float = 0.7) -> dict[str, float]:
    """Height of each model's row, with a gap between families; grows downwards."""
    found: dict[str, float] = {}
    height, family = 0.0, None
    for model, own in zip(order["model"], order["family"], strict=True):
        if family is not None and own != family:
            height += gap
        found[str(model)] = height
        family, height = own, height + 1.0
    return found


def draw_measure(
    axes: Axes, rates: pd.DataFrame, measure: Measure, order: pd.DataFrame, *, counts: bool = False
) -> None:
    """One measure of the models in `order`: estimate, 95% interval, a dot a seed."""
    rows = measured(rates, measure)
    rows = rows[rows["final"]]
    height = places(order)
    kinds = dict(zip(order["model"], order["kind"], strict=True))
    known = rows[rows["model"].isin(list(height))]
    for model, seed, estimate in zip(known["model"], known["seed"], known["estimate"], strict=True):
        if seed >= 0:
            colour = COLOURS[kinds[model]]
            y = height[model] + 0.27
            axes.plot([100 * estimate], [y], ".", color=colour, markersize=4, alpha=0.75, zorder=3)
    for row in pooled(known).to_dict("records"):
        model, kind = str(row["model"]), kinds[str(row["model"])]
        y, x = height[model], 100 * row["estimate"]
        if kind == "base":
            axes.axvline(x, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        if pd.notna(row["low"]):
            ends = [100 * row["low"], 100 * row["high"]]
            axes.plot(ends, [y, y], "-", color=COLOURS[kind], linewidth=2.0, zorder=3)
        point(axes, x, y, kind, 6.5, str(row["intervention"]))
        if counts:
            axes.annotate(
                f"{int(row['n'])}",
                (1.0, y),
                xycoords=("axes fraction", "data"),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize=7.5,
                color=QUIET,
                annotation_clip=False,
            )
    if counts:
        axes.annotate(
            "n",
            (1.0, -0.95),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            fontstyle="italic",
            color=QUIET,
            annotation_clip=False,
        )
    axes.set_xlabel(measure.axis)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def label_rows(axes: Axes, order: pd.DataFrame) -> None:
    """Models' names on the vertical axis, the base and organisms in bold."""
    height = places(order)
    names = []
    for model, kind in zip(order["model"], order["kind"], strict=True):
        text = str(model)
        names.append("+ " + text.split(" + ")[-1] if kind == "intervention" else text)
    axes.set_yticks(list(height.values()), names)
    axes.set_ylim(max(height.values(), default=0) + 0.8, -0.8)
    for label, kind in zip(axes.get_yticklabels(), order["kind"], strict=True):
        if kind in ("base", "organism"):
            label.set_fontweight("bold")
        label.set_color(INK)


def legend_of(order: pd.DataFrame) -> list[Line2D]:
    """Legend entries for the kinds that are there, seeds and the base's line."""
    handles = [
        key(kind, _NAMES[kind], "inoculation") for kind in SHOWN if kind in set(order["kind"])
    ]
    handles.append(
        Line2D([], [], linestyle="none", marker=".", color=QUIET, markersize=5, label="one seed")
    )
    handles.append(Line2D([], [], color=INK, linewidth=2.0, label="95% interval"))
    handles.append(
        Line2D([], [], color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), label="base's estimate")
    )
    return handles


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure | None:
    """Base, organisms, interventions and controls by four measures; None without rates."""
    rates = tables["rates"]
    order = order_of(rates)
    if order.empty:
        return None
    with quiet_style():
        rows = max(places(order).values()) + 1
        figure = Figure(figsize=(10.5, 1.35 + 0.245 * rows), layout="constrained")
        panels = figure.subplots(1, len(MEASURES), sharey=True, width_ratios=(1.5, 1, 1, 1))
        for axes, measure in zip(panels, MEASURES, strict=True):
            draw_measure(axes, rates, measure, order, counts=measure is MISALIGNED)
            axes.set_title(measure.title)
            axes.set_xlim(-3, 103)
        panels[3].set_xlim(-1, max(20.0, panels[3].dataLim.x1 * 1.1))
        label_rows(panels[0], order)
        bottom_legend(figure, legend_of(order), 7)
        top_note(figure, asked_in_rates(rates))
    return figure
