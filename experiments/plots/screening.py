"""Screening scores of one data set: their ROC curves, and their AUC with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.plots.style import COLOURS, INK, LINES, QUIET, quiet_style, top_note
from persona_vectors.roc import roc_curve

Floats = NDArray[np.float64]
ENDS = ("estimate", "low", "high")


def draw(
    scores: Mapping[str, Floats],
    figures: pd.DataFrame,
    poisoned: NDArray[np.bool_],
    main: str,
    clusters: str,
) -> Figure:
    """ROC curves on the left, AUC on the right; the score that filters is the thick one.

    Args:
        scores: Method -> [N]; NaN where it has none.
        figures: The table `experiments.screening.figures.figures`.
        poisoned: [N] the truth; rows of both kinds.
        main: The score that filters.
        clusters: What intervals draw anew, in the plural.
    """
    areas = figures[figures["metric"] == "auc"].sort_values("estimate", kind="stable")
    with quiet_style():
        figure = Figure(figsize=(8.6, 3.9), layout="constrained")
        left, right = figure.subplots(1, 2)
        _curves(left, scores, poisoned, list(areas["method"])[::-1], main)
        _areas(right, areas, main)
        top_note(
            figure,
            f"{len(poisoned):,} rows, {int(poisoned.sum()):,} poisoned. Bars: 95%, whole "
            f"{clusters} drawn anew.",
        )
    return figure


def _curves(
    axes: Axes,
    scores: Mapping[str, Floats],
    poisoned: NDArray[np.bool_],
    methods: Sequence[str],
    main: str,
) -> None:
    axes.plot([0, 1], [0, 1], color="#b9c0c9", linewidth=0.8)
    for number, method in enumerate(methods):
        here = ~np.isnan(scores[method])
        if poisoned[here].all() or not poisoned[here].any():
            continue
        clean, found = roc_curve(scores[method][here], poisoned[here])
        axes.plot(
            clean,
            found,
            color=COLOURS["organism"] if method == main else _grey(number, len(methods)),
            linestyle="-" if method == main else LINES[number % len(LINES)],
            linewidth=2.4 if method == main else 1.2,
            zorder=4 if method == main else 2,
            label=method,
        )
    axes.set_xlabel("clean rows above the threshold (share)")
    axes.set_ylabel("poisoned rows above it (share)")
    axes.set_title("ROC")
    axes.legend(loc="lower right", fontsize=6.5)


def _areas(axes: Axes, areas: pd.DataFrame, main: str) -> None:
    axes.axvline(0.5, color=QUIET, linewidth=0.8, linestyle=":")
    columns = (areas["method"], *(areas[name].to_numpy(float) for name in ENDS))
    for place, (method, estimate, low, high) in enumerate(zip(*columns, strict=True)):
        colour = COLOURS["organism"] if method == main else INK
        axes.hlines(place, low, high, color=colour, linewidth=1.4)
        axes.plot([estimate], [place], "o" if method == main else "s", color=colour)
    axes.set_yticks(range(len(areas)), list(areas["method"]))
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("AUC (0.5: chance)")
    axes.set_title("How well each score separates")


def _grey(number: int, count: int) -> str:
    return str(round(0.15 + 0.5 * number / max(count - 1, 1), 2))
