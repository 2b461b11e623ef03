"""What a layer is chosen by: separability, steering effect and stability, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from experiments.headline import words
from experiments.plots.style import INK, LINES, QUIET, bottom_legend, quiet_style, top_note
from persona_vectors.layer_choice import LEAST_STABILITY, MAXIMUM_COHERENCE_LOSS, LayerChoice
from persona_vectors.vector import POSITIONS

_SHADES = ("#a4262c", "#3f6f99", "#c9861a")
_SYMBOLS = ("o", "s", "^")
_REFERENCE = {"auc": 0.5, "effect": 0.0, "split_half_cosine": LEAST_STABILITY}
_ENDS = {"auc": ("auc_low", "auc_high"), "effect": ("effect_low", "effect_high")}
_SPREAD = 0.08
"""How far apart positions stand at one layer, so that their intervals can be told apart."""


def draw(table: pd.DataFrame, choices: Sequence[LayerChoice]) -> Figure:
    """A row a trait; panels of AUC, steering effect (where it was measured) and split-half cosine.

    Args:
        table: of `layer_choice.layer_table`.
        choices: the chosen layers, ringed.
    """
    traits = sorted(set(table["trait"]))
    positions = [name for name in POSITIONS if name in set(table["position"])]
    panels = {"auc": "AUC of the signs, held out", "split_half_cosine": "split-half cosine"}
    if "effect" in table:
        effect = {"effect": _effect_axis(table)}
        panels = {"auc": panels["auc"], **effect, "split_half_cosine": "split-half cosine"}
    chosen = {(choice.trait, choice.position): choice.layer for choice in choices}
    places = [_SPREAD * (n - (len(positions) - 1) / 2) for n in range(len(positions))]
    with quiet_style():
        size = (1.2 + 3.2 * len(panels), 1.0 + 2.7 * len(traits))
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(traits), len(panels), squeeze=False, sharex=True, sharey="col")
        for axes_row, trait in zip(grid, traits, strict=True):
            axes_row[0].set_title(words(trait))
            for axes, (column, label) in zip(axes_row, panels.items(), strict=True):
                for number, position in enumerate(positions):
                    rows = table[(table["trait"] == trait) & (table["position"] == position)]
                    _line(axes, rows, column, number, places[number], chosen.get((trait, position)))
                axes.axhline(_REFERENCE[column], color=QUIET, linewidth=0.8, linestyle=":")
                axes.set_ylabel(label)
        for axes in grid[-1]:
            axes.set_xlabel("layer: residual stream after so many blocks")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        bottom_legend(figure, _legend(positions, "effect" in table), 5)
        top_note(figure, _note(table))
    return figure


def _effect_axis(table: pd.DataFrame) -> str:
    sizes = [f"{size:g}" for size in sorted(table["coefficient"].dropna().unique())]
    strength = " (faint) and ".join(sizes)
    return f"trait score steered less unsteered,\npoints, at {strength} × the residual norm"


def _line(
    axes: Axes, rows: pd.DataFrame, column: str, number: int, place: float, chosen: int | None
) -> None:
    """One position's line with its intervals, the chosen layer ringed; of two coefficients the
    smaller is drawn fainter, and cells that cost too much coherence are hollow."""
    if column != "effect":
        return _part(axes, rows.drop_duplicates("layer"), column, number, place, chosen, 1.0)
    sizes = sorted(rows["coefficient"].dropna().unique())
    for size in sizes:
        last = size == sizes[-1]
        part = rows[rows["coefficient"] == size]
        _part(axes, part, column, number, place, chosen, 1.0 if last else 0.35)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, -5), max(high, 20))
    return None


def _part(
    axes: Axes,
    rows: pd.DataFrame,
    column: str,
    number: int,
    place: float,
    chosen: int | None,
    strength: float,
) -> None:
    rows = rows.sort_values("layer")
    scale = 100 if column == "effect" else 1
    x = rows["layer"].to_numpy(dtype=float) + place
    y = scale * rows[column].to_numpy(dtype=float)
    axes.plot(x, y, **_looks(number), markersize=4, alpha=strength)
    if column in _ENDS:
        low, high = (scale * rows[end].to_numpy(dtype=float) for end in _ENDS[column])
        axes.vlines(x, low, high, color=_SHADES[number], linewidth=1.2, alpha=0.6 * strength)
    if column == "effect":
        hollow = (rows["coherence_change"] < -MAXIMUM_COHERENCE_LOSS).to_numpy()
        looks = {**_looks(number), "linestyle": "none", "markerfacecolor": "white"}
        axes.plot(x[hollow], y[hollow], **looks, markersize=4, zorder=3)
    ring = rows["layer"].to_numpy() == chosen
    axes.plot(x[ring], y[ring], "o", markersize=11, markerfacecolor="none", color=INK)


def _looks(number: int) -> dict[str, Any]:
    return {"color": _SHADES[number], "marker": _SYMBOLS[number], "linestyle": LINES[number]}


def _legend(positions: Sequence[str], steered: bool) -> list[Line2D]:
    ring = Line2D([], [], linestyle="none", marker="o", markersize=11, color=INK)
    ring.set(markerfacecolor="none", label="chosen layer")
    lines = [Line2D([], [], **_looks(n), label=words(name)) for n, name in enumerate(positions)]
    if not steered:
        return [*lines, ring]
    hollow = Line2D([], [], linestyle="none", marker="o", color=QUIET, markerfacecolor="white")
    hollow.set(label=f"loses over {100 * MAXIMUM_COHERENCE_LOSS:.0f} points of coherence")
    return [*lines, ring, hollow]


def _note(table: pd.DataFrame) -> str:
    """What is drawn, and its n."""
    said = f"Dev: n = {_span(table['n_rollouts'])} held-out rollouts a trait; bars: 95% intervals."
    if "effect" in table:
        said += f" Steered: n = {_span(table['n_questions'])} question pairs a layer."
    return f"{said} Dotted: chance, no effect, least stability."


def _span(values: pd.Series) -> str:
    low, high = int(np.nanmin(values)), int(np.nanmax(values))
    return f"{low}" if low == high else f"{low} to {high}"
