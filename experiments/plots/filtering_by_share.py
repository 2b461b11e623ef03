"""Filtering over the share of poisoned rows: how well each score finds them, and the rate after
retraining without what it removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.asked import asked_in_rates
from experiments.headline import MISALIGNED, finals, measured, pooled, words
from experiments.plots.filters import face, marker, ordered, shade
from experiments.plots.style import QUIET, bottom_legend, quiet_style, top_note

_SPREAD = 0.66
"""Of the distance between two shares, what the methods stand side by side in."""


@dataclass(frozen=True)
class _Panel:
    """A figure of the table `screening`, and how it is drawn."""

    column: str
    low: str
    high: str
    title: str
    label: str
    unit: float
    chance: float


_PANELS = (
    _Panel("auc", "low", "high", "AUC", "AUC", 1.0, 0.5),
    _Panel(
        "recall_at_30",
        "recall_at_30_low",
        "recall_at_30_high",
        "recall, 30% removed",
        "poisoned rows found, %",
        100.0,
        0.3,
    ),
)


def has_shares(screening: pd.DataFrame) -> bool:
    """Whether some data set was mixed in at more than one share."""
    return bool((screening.groupby("dataset")["poisoned_share"].nunique() > 1).any())


def of_seeds(rows: pd.DataFrame, column: str, low: str, high: str) -> pd.DataFrame:
    """Mean over seeds of one figure, with the interval of a mean of independent seeds.

    Args:
        rows: one a method, share and seed.
        column: the figure, 0..1; `low` and `high` name the ends of each seed's interval.
        low: as said.
        high: as said.

    Returns:
        method, poisoned_share, estimate, low, high: each end lies off the mean by the root of the
        summed squares of the seeds' distances from their own ends, by their number; NaN where a
        seed has no interval.
    """
    squares = {"_low": (rows[column] - rows[low]) ** 2, "_high": (rows[high] - rows[column]) ** 2}
    groups = rows.assign(**squares).groupby(["method", "poisoned_share"])
    mean, number = groups[column].mean(), groups.size()
    below, above = (
        np.sqrt(groups[name].agg(lambda values: values.sum(skipna=False))) / number
        for name in squares
    )
    found = pd.DataFrame({"estimate": mean, "low": mean - below, "high": mean + above})
    return found.reset_index()


def _lines(
    axes: Axes,
    means: pd.DataFrame,
    seeds: pd.DataFrame,
    methods: Sequence[str],
    shares: Sequence[float],
    unit: float = 100.0,
) -> None:
    """A line a method over the shares, side by side, with intervals and a dot a seed.

    Args:
        axes: where.
        means: method, poisoned_share, estimate, low, high.
        seeds: method, poisoned_share, estimate.
        methods: in their order, which fixes the place of each.
        shares: the shares, increasing.
        unit: what 1 is drawn as: 100 for percentages.
    """
    step = _SPREAD / max(1, len(methods))
    for number, method in enumerate(methods):
        aside = (number - (len(methods) - 1) / 2) * step
        dots = seeds[seeds["method"] == method]
        places = [shares.index(share) + aside for share in dots["poisoned_share"]]
        axes.plot(
            places, unit * dots["estimate"], ".", color=shade(method), markersize=3, alpha=0.6
        )
        own = means[means["method"] == method].sort_values("poisoned_share")
        x = np.array([shares.index(share) + aside for share in own["poisoned_share"]])
        y, low, high = (unit * own[name].to_numpy() for name in ("estimate", "low", "high"))
        axes.vlines(x, low, high, color=shade(method), linewidth=1.0, alpha=0.8)
        axes.plot(
            x, y, color=shade(method), marker=marker(method), markerfacecolor=face(method),
            markersize=6, linewidth=0.8, alpha=0.95,
        )  # fmt: skip
    axes.set_xticks(range(len(shares)), [f"{share:.0%}" for share in shares])
    axes.set_xlim(-0.5, len(shares) - 0.5)
    axes.grid(visible=False, axis="x")


def _level(axes: Axes, value: float, text: str) -> None:
    axes.axhline(value, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    axes.annotate(
        text, (1.0, value), xycoords=("axes fraction", "data"), xytext=(3, 0), va="center",
        textcoords="offset points", fontsize=7, color=QUIET, annotation_clip=False,
    )  # fmt: skip


def _rates(rates: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, float | None]:
    """Pooled rates and seeds' rates after retraining, named by filter, and the base's rate."""
    rows = measured(rates, MISALIGNED)
    found = finals(rows, ("mix", "filter"))
    found = found.assign(method=found["intervention"].str.removeprefix("filter_"))
    base = pooled(rows[rows["kind"] == "base"])
    return (
        pooled(found),
        found[found["seed"] >= 0],
        float(base["estimate"].iloc[0]) if len(base) else None,
    )


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """A row a data set: AUC, recall at a 30% budget, and rates after retraining, over the share."""
    screening = tables["screening"]
    after, after_seeds, base = _rates(tables["rates"])
    datasets = sorted(set(screening["dataset"]))
    methods = ordered({*screening["method"], *after["method"]})
    scored = [method for method in methods if method != "none"]
    shares = sorted(set(screening["poisoned_share"]))
    with quiet_style():
        figure = Figure(figsize=(10.6, 0.9 + 2.9 * len(datasets)), layout="constrained")
        grid = figure.subplots(len(datasets), 3, squeeze=False, sharex=True)
        for line, dataset in zip(grid, datasets, strict=True):
            own = screening[screening["dataset"] == dataset]
            for axes, panel in zip(line, _PANELS, strict=False):
                means = of_seeds(own, panel.column, panel.low, panel.high)
                seeds = own.assign(estimate=own[panel.column])
                _lines(axes, means, seeds, scored, shares, panel.unit)
                _level(axes, panel.unit * panel.chance, "chance")
                axes.set_ylim(-0.04 * panel.unit, 1.04 * panel.unit)
                axes.set_ylabel(panel.label)
                axes.set_title(f"{words(str(dataset))}: {panel.title}")
            axes = line[2]
            _lines(
                axes,
                after[after["organism"] == dataset],
                after_seeds[after_seeds["organism"] == dataset],
                methods,
                shares,
            )
            axes.set_ylim(-0.4, max(10.0, axes.get_ylim()[1]))
            if base is not None:
                _level(axes, 100 * base, "base")
            axes.set_ylabel(MISALIGNED.axis)
            axes.set_title(f"{words(str(dataset))}: after retraining")
        for axes in grid[-1]:
            axes.set_xlabel("poisoned rows of the mix")
        bottom_legend(figure, [_key(method) for method in methods], columns=8)
        top_note(figure, _asked(tables["rates"], own=after_seeds, screening=screening))
    return figure


def _key(method: str) -> Line2D:
    return Line2D(
        [], [], color=shade(method), marker=marker(method), markerfacecolor=face(method),
        linewidth=0.8, label="no filter" if method == "none" else words(method),
    )  # fmt: skip


def _asked(rates: pd.DataFrame, own: pd.DataFrame, screening: pd.DataFrame) -> str:
    """What was asked, and how many rows and answers stand behind a dot."""
    rows = sorted(set(screening["n"]))
    sizes = sorted({int(n) for n in own["n"]})
    said = [asked_in_rates(rates), f"{' or '.join(f'{n:,}' for n in rows)} rows a mix."]
    if sizes:
        ends = dict.fromkeys((sizes[0], sizes[-1]))
        said.append(f"n = {' to '.join(map(str, ends))} answers a seed.")
    return " ".join([*(text for text in said if text), "Small dots are seeds."])
