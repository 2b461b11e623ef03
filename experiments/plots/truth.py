"""Persona vectors against the hidden author's direction, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.headline import words
from experiments.plots.style import COLOURS, INK, LINES, bottom_legend, quiet_style, top_note

_LOOKS: Mapping[str, tuple[str, str]] = {
    "evil": (COLOURS["organism"], "o"),
    "sycophancy": (COLOURS["intervention"], "s"),
    "careless": (COLOURS["control"], "^"),
}
"""Colour and marker of a trait; the marker tells traits apart in grey."""
APART = 0.03
"""Layers by which traits stand beside each other, so that their intervals do not overlap."""


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure | None:
    """Cosine by layer, a colour and marker a trait, a line style a position; None without truth."""
    truth = tables["truth"]
    if truth.empty:
        return None
    traits = [trait for trait in _LOOKS if trait in set(truth["trait"])]
    positions = sorted(set(truth["position"]))
    with quiet_style():
        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.axhline(0, color="#b9c0c9", linewidth=0.8)
        handles = []
        for trait in traits:
            colour, marker = _LOOKS[trait]
            handles.append(Line2D([], [], color=colour, marker=marker, label=words(trait)))
            for p, position in enumerate(positions):
                rows = truth[(truth["trait"] == trait) & (truth["position"] == position)]
                layers = rows["layer"] + APART * (len(handles) - 2)
                axes.plot(layers, rows["cosine"], marker, color=colour, linestyle=LINES[p])
                axes.vlines(layers, rows["cosine_low"], rows["cosine_high"], color=colour)
        handles += [
            Line2D([], [], color=INK, linestyle=LINES[p], label=words(position))
            for p, position in enumerate(positions)
        ]
        axes.set_xticks(sorted(set(truth["layer"])))
        axes.set_xlabel("layer (residual stream after that many blocks)")
        axes.set_ylabel("cosine with the author's direction")
        axes.set_ylim(-1.05, 1.05)
        bottom_legend(figure, handles)
        pairs = f"{_counts(truth)} document pairs a trait, last questions: report topics."
        top_note(figure, f"{pairs} Bars: 95% over topics.")
    return figure


def _counts(truth: pd.DataFrame) -> str:
    counts = sorted(set(truth["n"]))
    return f"n = {' or '.join(str(count) for count in counts)}"
