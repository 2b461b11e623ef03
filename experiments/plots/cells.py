"""Cells: the rate of each with its interval, a panel a metric, the reference cell marked."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.plots.style import COLOURS, HOLLOW, MARKERS, quiet_style, shortened

MOST_LETTERS = 44


def draw(table: pd.DataFrame) -> Figure:
    """The figure.

    Args:
        table: of `evals.importing.cells.cell_table`, with a column `log` where it is of several.
    """
    metrics = list(dict.fromkeys(table["metric"]))
    logs = list(dict.fromkeys(table["log"])) if "log" in table else [""]
    names = list(dict.fromkeys(table["cell"]))
    with quiet_style():
        figure, axes = plt.subplots(
            1,
            len(metrics),
            figsize=(2.6 + 2.4 * len(metrics), 1.2 + 0.26 * len(names) * len(logs)),
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axis, metric in zip(axes[0], metrics, strict=True):
            for place, log in enumerate(logs):
                own = table[table["metric"] == metric]
                _dots(axis, own[own["log"] == log] if log else own, names, place, len(logs))
            axis.set_title(metric)
            axis.set_xlabel("% of answers with a score")
            axis.set_xlim(-2, 102)
        axes[0][0].set_yticks(range(len(names)), [shortened(name, MOST_LETTERS) for name in names])
        axes[0][0].set_ylim(len(names) - 0.5, -0.5)
        if len(logs) > 1:
            figure.suptitle("from top to bottom in a cell: " + "; ".join(logs), fontsize=7)
        plt.close(figure)
    return figure


def _dots(axis: Axes, own: pd.DataFrame, names: list[str], place: int, many: int) -> None:
    for row in own.to_dict("records"):
        height = names.index(row["cell"]) + 0.6 * ((place + 0.5) / many - 0.5)
        kind = "base" if row["cell"] == names[0] else "organism"
        near = row.get("kind") == "near_miss"
        style = "control" if near else kind
        axis.plot([100 * row["low"], 100 * row["high"]], [height] * 2, color=COLOURS[style], lw=1)
        axis.plot(
            100 * row["estimate"],
            height,
            MARKERS[style],
            color=COLOURS[style],
            markerfacecolor="white" if style in HOLLOW else COLOURS[style],
            markersize=4,
        )
        axis.annotate(
            f"n={row['n']}", (103, height), fontsize=5.5, va="center", annotation_clip=False
        )
