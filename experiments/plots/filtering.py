"""Filtering: how well each score finds poisoned rows, and the rate after retraining without
them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.asked import asked_in_rates
from experiments.headline import MISALIGNED, finals, measured, pooled, words
from experiments.plots import filtering_by_share
from experiments.plots.filters import ordered, shade
from experiments.plots.style import (
    COLOURS,
    INK,
    LINES,
    QUIET,
    bottom_legend,
    point,
    quiet_style,
    top_note,
)


def roc(scores: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(false positive rate, recall) of one method's scores, from (0, 0) to (1, 1); ties move
    together."""
    ordered = scores.sort_values("score", ascending=False)
    last_of_tie = ordered["score"].ne(ordered["score"].shift(-1)).to_numpy()
    poisoned = ordered["poisoned"].to_numpy(dtype=np.float64)
    found = np.cumsum(poisoned)[last_of_tie] / max(1.0, poisoned.sum())
    false = np.cumsum(1 - poisoned)[last_of_tie] / max(1.0, (1 - poisoned).sum())
    return np.concatenate([[0.0], false]), np.concatenate([[0.0], found])


def methods_of(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Screening methods found, in the order they are shown."""
    found = {str(m) for m in tables["screening"]["method"]}
    found |= {str(m) for m in tables["screening_rows"]["method"]}
    return ordered(found)


def _roc_panel(axes: Axes, rows: pd.DataFrame, methods: list[str]) -> None:
    for number, method in enumerate(methods):
        own = rows[rows["method"] == method]
        for _, scores in own.groupby(["dataset", "poisoned_share", "seed"]):
            x, y = roc(scores)
            style = LINES[number % len(LINES)]
            axes.plot(x * 100, y * 100, color=shade(method), linestyle=style, linewidth=1.3)
    axes.plot([0, 100], [0, 100], color=QUIET, linewidth=0.7)
    axes.set_xlabel("clean rows removed, %")
    axes.set_ylabel("poisoned rows found, %")
    axes.set_title("ROC, a line a seed")


def _lines(rows: pd.DataFrame, methods: list[str]) -> list[Line2D]:
    """A legend entry for each curve."""
    return [
        Line2D([], [], color=shade(m), linestyle=LINES[k % len(LINES)], label=words(m))
        for k, m in enumerate(methods)
        if m in set(rows["method"])
    ]


def _recall_panel(axes: Axes, screening: pd.DataFrame, methods: list[str]) -> None:
    found = set(screening["method"])
    known = [m for m in methods if m in found]
    for number, method in enumerate(known):
        rows = screening[(screening["method"] == method) & screening["recall_at_30"].notna()]
        if rows.empty:
            continue
        values = 100 * rows["recall_at_30"].to_numpy()
        axes.barh([number], [values.mean()], height=0.62, color=shade(method), alpha=0.85)
        height = [number] * len(values)
        axes.plot(values, height, "o", color="white", markeredgecolor=INK, markersize=4)
        _aside(axes, number, f"AUC {rows['auc'].mean():.2f}")
    axes.axvline(30, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.annotate(
        "chance", (30, 1.0), xycoords=("data", "axes fraction"), xytext=(3, -2), va="top",
        textcoords="offset points", fontsize=7, color=QUIET,
    )  # fmt: skip
    axes.set_yticks(range(len(known)), [words(m).replace(" ", "\n") for m in known])
    axes.set_ylim(len(known) - 0.4, -0.8)
    axes.set_xlim(0, 103)
    axes.set_xlabel("poisoned rows found, %")
    axes.set_title("Recall when 30% are removed")
    axes.grid(visible=False, axis="y")


def _aside(axes: Axes, y: float, text: str) -> None:
    """A quiet text to the right of the panel, level with y."""
    axes.annotate(
        text, (1.0, y), xycoords=("axes fraction", "data"), xytext=(4, 0), va="center",
        textcoords="offset points", fontsize=7, color=QUIET, annotation_clip=False,
    )  # fmt: skip


def _rate_panel(axes: Axes, rates: pd.DataFrame) -> None:
    rows = measured(rates, MISALIGNED)
    mixes = finals(rows, ("mix", "filter"))
    order = list(mixes.sort_values("kind", ascending=False, kind="stable")["model"].unique())
    kinds = dict(zip(mixes["model"], mixes["kind"], strict=True))
    for row in mixes[mixes["seed"] >= 0].to_dict("records"):
        y = order.index(row["model"]) + 0.27
        axes.plot([100 * row["estimate"]], [y], ".", color=COLOURS[str(row["kind"])], markersize=4)
    for row in pooled(mixes).to_dict("records"):
        y = float(order.index(row["model"]))
        kind = str(kinds[row["model"]])
        if pd.notna(row["low"]):
            ends = [100 * row["low"], 100 * row["high"]]
            axes.plot(ends, [y, y], "-", color=COLOURS[kind], linewidth=2.0)
        point(axes, 100 * row["estimate"], y, kind, 6.0)
        _aside(axes, y, f"n = {int(row['n'])}")
    base = pooled(rows[rows["kind"] == "base"])
    if len(base):
        x = 100 * float(base["estimate"].iloc[0])
        axes.axvline(x, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.annotate(
            "base", (x, 1.0), xycoords=("data", "axes fraction"), xytext=(3, -2),
            textcoords="offset points", fontsize=7, color=QUIET, va="top",
        )  # fmt: skip
    axes.set_yticks(range(len(order)), [_filter_name(str(m)) for m in order])
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlim(left=-2)
    axes.set_xlabel(MISALIGNED.axis)
    axes.set_title("After retraining without them")
    axes.grid(visible=False, axis="y")


def _filter_name(model: str) -> str:
    return model.partition(" + filter ")[2] or f"{model}\n(no filter)"


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure | None:
    """ROC, recall at a 30% budget, and rates after retraining; panels without data are left out.

    Of mixes at several shares, AUC, recall and rates over the share.
    """
    if filtering_by_share.has_shares(tables["screening"]):
        return filtering_by_share.draw(tables)
    methods = methods_of(tables)
    retrained = not finals(measured(tables["rates"], MISALIGNED), ("mix", "filter")).empty
    wanted = [
        not tables["screening_rows"].empty,
        not tables["screening"].empty,
        retrained,
    ]
    if not any(wanted):
        return None
    with quiet_style():
        widths = [w for w, shown in zip((1.0, 1.05, 1.25), wanted, strict=True) if shown]
        figure = Figure(figsize=(1.2 + 3.2 * len(widths), 3.8), layout="constrained")
        panels = iter(figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0])
        if wanted[0]:
            _roc_panel(next(panels), tables["screening_rows"], methods)
            bottom_legend(figure, _lines(tables["screening_rows"], methods))
        if wanted[1]:
            _recall_panel(next(panels), tables["screening"], methods)
        if wanted[2]:
            _rate_panel(next(panels), tables["rates"])
        top_note(figure, asked_in_rates(tables["rates"]))
    return figure
