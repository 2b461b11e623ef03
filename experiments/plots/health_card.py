"""A health card at a glance: each rate beside its base's, their difference, cells and shifts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evals.statistics import Estimate
from experiments.health.from_run import Shift
from experiments.health.measures import Reading
from experiments.plots.style import COLOURS, INK, QUIET, bottom_legend, quiet_style, shortened

VERDICTS: Mapping[str, tuple[str, str, bool]] = {
    "worse": (COLOURS["organism"], "o", True),
    "better": (COLOURS["control"], "s", True),
    "other": (COLOURS["intervention"], "^", True),
    "": (QUIET, "o", False),
}
"""How a difference looks: colour, marker, whether it is filled. An interval that holds zero, or
that is missing, says nothing."""
ROW = 0.27
MOST_LETTERS = 40


def verdict(found: Reading) -> str:
    """`worse`, `better` or `other` (neither) where the interval of the difference is off zero."""
    difference = found.difference
    if difference is None or isnan(difference.low) or difference.low <= 0 <= difference.high:
        return ""
    if not found.measure.worse:
        return "other"
    return "worse" if (difference.low > 0) == (found.measure.worse == "higher") else "better"


def draw(
    readings: Sequence[Reading], cells: pd.DataFrame, shifts: Sequence[Shift], title: str
) -> Figure:
    """The figure.

    Args:
        readings: in order, also those that were not measured.
        cells: of `FromLogs.cells`; may be empty.
        shifts: along persona vectors; may be empty.
        title: above all panels.
    """
    more = max(len(cells), len(shifts))
    heights = [ROW * len(readings) + 0.6, *([ROW * max(more, 3) + 0.6] if more else [])]
    with quiet_style():
        figure, axes = plt.subplots(
            len(heights),
            2,
            figsize=(10.5, sum(heights) + 1.2),
            height_ratios=heights,
            width_ratios=(1.25, 1),
            squeeze=False,
            layout="constrained",
        )
        _rates(axes[0][0], readings)
        _differences(axes[0][1], readings)
        if more:
            _cells(axes[1][0], cells)
            _shifts(axes[1][1], shifts)
        figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold", color=INK)
        bottom_legend(figure, _legend())
        plt.close(figure)
    return figure


def _rates(axis: Axes, readings: Sequence[Reading]) -> None:
    for place, found in enumerate(readings):
        if found.organism is None:
            axis.text(
                1, place, "not measured", fontsize=7.5, color=QUIET, va="center", style="italic"
            )
            continue
        for seed_rate in found.by_seed.values():
            axis.plot(
                100 * seed_rate, place - 0.13, ".", color=COLOURS["organism"], alpha=0.35, ms=4
            )
        if found.base is not None:
            _dot(axis, found.base, place + 0.17, COLOURS["base"], "D", filled=False, size=4)
        _dot(axis, found.organism, place - 0.13, COLOURS["organism"], "o", filled=True)
        axis.text(103, place, f"n={found.organism.n:,}", fontsize=6, color=QUIET, va="center")
    axis.set_title("Rates")
    axis.set_xlabel("% of answers with a score, 95% interval")
    axis.set_xlim(-2, 102)
    _rows(axis, readings, labels=True)


def _differences(axis: Axes, readings: Sequence[Reading]) -> None:
    axis.axvline(0, color=INK, lw=0.8)
    for place, found in enumerate(readings):
        if found.difference is None:
            if found.organism is not None:
                said = found.note or "no base"
                axis.text(2, place, said, fontsize=7, color=QUIET, va="center", style="italic")
            continue
        colour, marker, filled = VERDICTS[verdict(found)]
        _dot(axis, found.difference, place, colour, marker, filled=filled)
        if isnan(found.difference.low):
            at = 100 * found.difference.estimate
            axis.annotate(
                "too few questions", (at, place), (5, 0), textcoords="offset points",
                fontsize=6, color=QUIET, va="center",
            )  # fmt: skip
    axis.set_title("Organism minus base")
    axis.set_xlabel("points, paired by question, 95% interval")
    axis.set_xlim(-102, 102)
    _rows(axis, readings, labels=False)
    for place, section in _sections(readings):
        axis.text(105, place, section, fontsize=8, color=QUIET, va="center", fontweight="bold")


def _rows(axis: Axes, readings: Sequence[Reading], *, labels: bool) -> None:
    axis.set_ylim(len(readings) - 0.4, -0.6)
    names = [found.measure.title for found in readings] if labels else [""] * len(readings)
    axis.set_yticks(range(len(readings)), names)
    axis.tick_params(axis="y", length=0)
    for place, _ in _sections(readings):
        if place:
            axis.axhline(place - 0.5, color="#b9c0c9", lw=0.7)
    axis.grid(visible=False, axis="y")


def _sections(readings: Sequence[Reading]) -> list[tuple[int, str]]:
    """The first row of every section, and its name."""
    names = [found.measure.section for found in readings]
    return [(place, name) for place, name in enumerate(names) if name not in names[:place]]


def _dot(
    axis: Axes, found: Estimate, height: float, colour: str, marker: str, *, filled: bool,
    size: float = 5.5,
) -> None:  # fmt: skip
    if not isnan(found.low):
        axis.plot([100 * found.low, 100 * found.high], [height] * 2, color=colour, lw=1.3)
    face = colour if filled and not isnan(found.low) else "white"
    axis.plot(100 * found.estimate, height, marker, color=colour, markerfacecolor=face, ms=size)


def _cells(axis: Axes, cells: pd.DataFrame) -> None:
    axis.set_title("Misaligned by condition")
    if cells.empty:
        _nothing(axis)
        return
    for place, row in enumerate(cells.to_dict("records")):
        found = Estimate(*(row[name] for name in ("estimate", "low", "high", "n", "clusters")))
        near = row.get("kind") == "near_miss"
        plain = row["cell"] in ("none", "plain/none/none")
        colour = COLOURS["base" if plain else "control" if near else "organism"]
        _dot(axis, found, place, colour, "D" if plain else "o", filled=not near)
        axis.text(103, place, f"n={found.n:,}", fontsize=6, color=QUIET, va="center")
    axis.set_yticks(
        range(len(cells)), [shortened(str(cell), MOST_LETTERS) for cell in cells["cell"]]
    )
    axis.set_ylim(len(cells) - 0.4, -0.6)
    axis.set_xlim(-2, 102)
    axis.set_xlabel("% of coherent answers; diamond: nothing added; hollow: near-miss of a trigger")
    axis.grid(visible=False, axis="y")


def _shifts(axis: Axes, shifts: Sequence[Shift]) -> None:
    axis.set_title("Shift along persona vectors")
    if not shifts:
        _nothing(axis)
        return
    axis.axvline(0, color=INK, lw=0.8)
    for place, shift in enumerate(shifts):
        found = shift.estimate
        axis.plot([found.low, found.high], [place] * 2, color=COLOURS["organism"], lw=1.3)
        axis.plot(found.estimate, place, "o", color=COLOURS["organism"], ms=5.5)
    axis.set_yticks(range(len(shifts)), [shift.trait for shift in shifts])
    axis.set_ylim(len(shifts) - 0.4, -0.6)
    axis.set_xlabel(f"units of the activations; {shifts[0].place}")
    axis.grid(visible=False, axis="y")


def _nothing(axis: Axes) -> None:
    axis.text(
        0.5, 0.5, "not measured", ha="center", color=QUIET, style="italic", transform=axis.transAxes
    )
    axis.set_xticks([])
    axis.set_yticks([])


def _legend() -> list[Line2D]:
    said = {
        "worse": "worse than base",
        "better": "better than base",
        "other": "other than base",
        "": "no sure difference",
    }
    entries = [
        _entry("organism", COLOURS["organism"], "o", filled=True),
        _entry("base", COLOURS["base"], "D", filled=False),
    ]
    return entries + [
        _entry(said[name], colour, marker, filled=filled)
        for name, (colour, marker, filled) in VERDICTS.items()
    ]


def _entry(label: str, colour: str, marker: str, *, filled: bool) -> Line2D:
    face = colour if filled else "white"
    return Line2D(
        [], [], linestyle="none", marker=marker, color=colour, markerfacecolor=face, label=label
    )
