"""A trait's vector before and after fine-tuning: cosine and norm ratio by layer, and what steering
along it does to base and organisms."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.headline import words
from experiments.plots.style import INK, QUIET, bottom_legend, quiet_style, top_note
from experiments.transfer_audit import AGAIN, FIXED

_SHADES = ("#a4262c", "#3f6f99", "#c9861a", "#7b4b94", "#4d8a63", "#8a5a44")
_SYMBOLS = ("o", "s", "^", "v", "P", "X")


def draw(table: pd.DataFrame, effects: pd.DataFrame, trait: str, position: str) -> Figure:
    """Three panels.

    Args:
        table: `transfer_audit.Audit.table`.
        effects: `steering_figures.effects` of the same organisms.
        trait: whose vector and score.
        position: where the vectors that are shown were read.
    """
    here = table[(table["position"] == position) & table["cosine"].notna()]
    names = [name for name in dict.fromkeys(table["organism"]) if name != AGAIN]
    looks = {
        name: (_SHADES[n % len(_SHADES)], _SYMBOLS[n % len(_SYMBOLS)])
        for n, name in enumerate(names)
    }
    looks |= {"": (INK, "D"), AGAIN: (QUIET, "d")}
    with quiet_style():
        figure = Figure(figsize=(10.2, 3.9), layout="constrained")
        cosine, ratio, steered = figure.subplots(1, 3)
        for axes, column, title in (
            (cosine, "cosine", "cosine with the base's vector"),
            (ratio, "norm_ratio", "norm, × the base's vector"),
        ):
            _by_layer(axes, here, column, looks)
            axes.axhline(1.0, color=QUIET, linewidth=0.8, linestyle=":")
            axes.set_xlabel("layer")
            axes.set_title(title)
        layer = _steering(steered, effects, trait, looks)
        steered.set_title(f"change of {words(trait)} score, points")
        steered.set_xlabel(f"coefficient × residual norm, layer {layer}")
        bottom_legend(figure, _legend(here, effects, looks), 5)
        note = f"{words(trait)}, {words(position)}. Bars: 95%; left and middle over "
        note += f"{here['questions'].min()} questions, right over "
        topics = effects.loc[effects["metric"] == f"trait:{trait}", "clusters"].max()
        top_note(figure, f"{note}{topics} topics, paired with not steering.")
    return figure


def _by_layer(
    axes: Axes, here: pd.DataFrame, column: str, looks: dict[str, tuple[str, str]]
) -> None:
    groups = list(here.groupby(["organism", "reading"], sort=False))
    for number, ((name, reading), rows) in enumerate(groups):
        colour, marker = looks[str(name)]
        at = rows["layer"] + 0.05 * (number - (len(groups) - 1) / 2)
        low, high = rows[f"{column}_low"], rows[f"{column}_high"]
        axes.vlines(at, low, high, color=colour, linewidth=0.9)
        axes.plot(
            at,
            rows[column],
            marker=marker,
            color=colour,
            linestyle="-" if reading == FIXED else "--",
            markerfacecolor=colour if reading == FIXED else "white",
            markersize=5,
            linewidth=1.1,
        )
    axes.set_xticks(sorted(set(here["layer"])))


def _steering(
    axes: Axes, effects: pd.DataFrame, trait: str, looks: dict[str, tuple[str, str]]
) -> int:
    """The change of the trait score along one layer and scope; returns the layer."""
    own = effects[effects["metric"] == f"trait:{trait}"]
    layer, scope = int(own["layer"].iloc[0]), own["scope"].iloc[0]
    own = own[(own["layer"] == layer) & (own["scope"] == scope)]
    groups = list(own.groupby(["organism", "direction"], sort=False))
    step = 0.015 * float(np.ptp([0.0, *own["coefficient"]]))
    for number, ((name, direction), rows) in enumerate(groups):
        colour, marker = looks[str(name)]
        rows = rows.sort_values("coefficient")
        at = rows["coefficient"] + step * (number - (len(groups) - 1) / 2)
        axes.vlines(at, 100 * rows["low"], 100 * rows["high"], color=colour, linewidth=0.9)
        axes.plot(
            at,
            100 * rows["estimate"],
            marker=marker,
            color=colour,
            linestyle="-" if direction == "vector" else "--",
            markerfacecolor=colour if direction == "vector" else "white",
            markersize=5,
            linewidth=1.1,
        )
    axes.axhline(0.0, color=QUIET, linewidth=0.8, linestyle=":")
    ticks = sorted({0.0, *own["coefficient"]})
    room = step * (len(groups) + 1)
    axes.set_xticks(ticks)
    axes.set_xlim(ticks[0] - room, ticks[-1] + room)
    return layer


def _legend(
    here: pd.DataFrame, effects: pd.DataFrame, looks: dict[str, tuple[str, str]]
) -> list[Line2D]:
    there = [*dict.fromkeys([*here["organism"], *effects["organism"]])]
    handles = []
    for name in sorted(there, key=lambda name: (name != "", name == AGAIN)):
        colour, marker = looks[name]
        plain = {"": "base", AGAIN: AGAIN}.get(name, words(name))
        handles.append(Line2D([], [], color=colour, marker=marker, linestyle="none", label=plain))
    same = Line2D([], [], color=INK, marker="o", label="same texts | along the base's vector")
    own = Line2D(
        [], [], color=INK, marker="o", linestyle="--", label="own rollouts | along its own vector"
    )
    own.set_markerfacecolor("white")
    return [*handles, same, own]
