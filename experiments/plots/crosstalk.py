"""Crosstalk as heat maps: along one trait's vector (rows) against the expression of another
(columns), r in every cell with its interval and n."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from experiments.asked import asked_in_rates
from experiments.headline import words
from experiments.plots.style import INK, QUIET, quiet_style, top_note

COLUMNS = 2
"""Heat maps beside each other, so that the figures in their cells can be read."""
TITLES = {
    "organisms": "Shift of all final fine-tunes",
    "organisms_only": "Shift of organisms alone",
}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure | None:
    """One heat map for each set of models and each steered model; None without the table."""
    crosstalk = tables["crosstalk"]
    if crosstalk.empty:
        return None
    expressions = sorted(set(crosstalk["expression"]), key=_evil_first)
    panels = [
        (_title(str(what), str(over)), block)
        for (what, over), block in crosstalk.groupby(["what", "over"], sort=True)
    ]
    along = sorted(set(crosstalk["trait"]), key=_evil_first)
    with quiet_style():
        columns = min(len(panels), COLUMNS)
        rows = ceil(len(panels) / columns)
        size = (1.1 + columns * (0.6 + 0.95 * len(expressions)), rows * (1.3 + 0.75 * len(along)))
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.add_gridspec(rows, columns + 1, width_ratios=[1.0] * columns + [0.05])
        for at, (title, block) in enumerate(panels):
            axes = figure.add_subplot(grid[divmod(at, columns)])
            image = _heat_map(axes, block, along, expressions)
            axes.set_title(title)
        scale = figure.add_subplot(grid[:, -1])
        figure.colorbar(image, cax=scale)
        scale.set_xlabel("r")
        top_note(figure, asked_in_rates(tables["rates"]))
    return figure


def _heat_map(
    axes: Axes, block: pd.DataFrame, along: list[str], expressions: list[str]
) -> AxesImage:
    r = np.full((len(along), len(expressions)), np.nan)
    for row in block.to_dict("records"):
        place = along.index(str(row["trait"])), expressions.index(str(row["expression"]))
        r[place] = row["r"]
        strong = abs(float(row["r"])) > 0.6
        axes.annotate(
            _text({str(key): value for key, value in row.items()}),
            (place[1], place[0]),
            ha="center",
            va="center",
            fontsize=7.0,
            color="white" if strong else INK,
        )
    for missing in set(along) - set(block["trait"]):
        middle = ((len(expressions) - 1) / 2, along.index(missing))
        axes.annotate("not swept", middle, ha="center", va="center", fontsize=7.0, color=QUIET)
    axes.set_facecolor("#f3f4f6")
    image = axes.imshow(r, vmin=-1, vmax=1, cmap="RdBu_r", aspect="auto")
    axes.set_xticks(range(len(expressions)), [words(name) for name in expressions])
    axes.set_yticks(range(len(along)), [words(name) for name in along])
    axes.set_xlabel("judged expression of")
    axes.set_ylabel("along the vector of")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for name in set(block["trait"]) & set(expressions):
        corner = (expressions.index(name) - 0.48, along.index(name) - 0.48)
        axes.add_patch(_frame(corner))
    return image


def _frame(corner: tuple[float, float]) -> Rectangle:
    return Rectangle(corner, 0.96, 0.96, fill=False, edgecolor=INK, linewidth=1.2)


def _text(row: Mapping[str, object]) -> str:
    r, low, high = (float(str(row[name])) for name in ("r", "low", "high"))
    if np.isnan(r):
        return f"–\nn = {row['n']}"
    interval = "no interval" if np.isnan(low) else f"[{low:.2f}, {high:.2f}]"
    return f"{r:.2f}\n{interval}\nn = {row['n']}"


def _title(what: str, over: str) -> str:
    if what == "steering":
        return f"Steering of {'the base' if over == 'base' else words(over)}"
    return TITLES.get(over, f"Shift, {words(over)}")


def _evil_first(trait: str) -> tuple[bool, str]:
    return trait != "evil", trait
