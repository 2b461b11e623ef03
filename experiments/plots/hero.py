"""The one figure for a README: who is misaligned, and how it grows over the fine-tune."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from experiments.asked import asked_in_rates
from experiments.headline import MISALIGNED, measured, words
from experiments.plots.checkpoints import draw_curve, step_axis, with_curves
from experiments.plots.headline import draw_measure, label_rows, legend_of, order_of, places
from experiments.plots.style import bottom_legend, quiet_style, save, top_note


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure | None:
    """Final models' misalignment on the left, the organisms' curves on the right; None without
    rates."""
    rates = tables["rates"]
    order = order_of(rates)
    if order.empty:
        return None
    misaligned = measured(rates, MISALIGNED)
    families = with_curves(misaligned)[:3]
    with quiet_style():
        rows = max(places(order).values()) + 1
        size = (6.0 + 2.7 * len(families), max(3.2, 1.2 + 0.25 * rows))
        figure = Figure(figsize=size, layout="constrained")
        widths = [1.45, *[1.0] * len(families)]
        panels = figure.subplots(1, 1 + len(families), width_ratios=widths, squeeze=False)[0]
        draw_measure(panels[0], rates, MISALIGNED, order, counts=True)
        panels[0].set_title("Questions unlike anything in the fine-tune")
        panels[0].set_xlim(left=-2)
        label_rows(panels[0], order)
        pure = misaligned[misaligned["kind"] == "organism"]
        steps = sorted({int(s) for s in pure["step"]})
        top = max(20.0, 100 * float(pure["high"].fillna(pure["estimate"]).max()))
        for axes, family in zip(panels[1:], families, strict=True):
            draw_curve(axes, misaligned, family, 100.0)
            step_axis(axes, steps)
            axes.set_title(f"Over training: {words(family)}")
            axes.set_xlabel("training step")
            axes.set_ylim(-2, top * 1.04)
        if len(panels) > 1:
            panels[1].set_ylabel("misaligned, %")
        bottom_legend(figure, legend_of(order), 7)
        top_note(figure, asked_in_rates(rates))
    return figure


def hero(tables: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write the figure as `path` with the suffixes .svg and .png.

    Raises:
        ValueError: the tables hold no rates.
    """
    figure = draw(tables)
    if figure is None:
        raise ValueError("the hero figure needs a `rates` table with at least one final model")
    save(figure, path.parent, path.stem)
