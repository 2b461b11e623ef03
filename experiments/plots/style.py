"""How every figure looks: one quiet style, readable in grey, and how it is saved."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import pandas as pd
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

INK = "#23272e"
QUIET = "#7a828e"
HAIRLINE = "#dfe3e8"
BAND = "#e9ecf0"

COLOURS: Mapping[str, str] = {
    "base": "#23272e",
    "organism": "#a4262c",
    "intervention": "#c9861a",
    "control": "#5b8db8",
    "mix": "#a4262c",
    "filter": "#c9861a",
    "frontier": "#7b4b94",
}
"""By kind of model; luminance and marker differ too, so that grey prints can be read."""
MARKERS: Mapping[str, str] = {
    "base": "D",
    "organism": "o",
    "intervention": "s",
    "control": "o",
    "mix": "<",
    "filter": "s",
    "frontier": "^",
}
HOLLOW = frozenset({"control"})
INTERVENTION_MARKERS: Mapping[str, str] = {
    "inoculation": "s",
    "preventative_steering": "^",
    "steering": "v",
}
"""Interventions by shape; others are plus signs."""
LINES: tuple[Literal["-", "--", "-.", ":"] | tuple[float, tuple[float, ...]], ...] = (
    "-",
    "--",
    "-.",
    ":",
    (0.0, (1.0, 1.0)),
)

_FONTS = ("Inter", "Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans")
_WEB_FONTS = "Inter, 'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"


def _font() -> str:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return next(name for name in _FONTS if name in installed)


@contextmanager
def quiet_style() -> Iterator[None]:
    """Within it, figures are made in the project's style; settings are restored after."""
    settings: dict[Any, Any] = {
        "font.family": _font(),
        "font.size": 9.0,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 8.0,
        "axes.labelsize": 8.5,
        "axes.labelcolor": QUIET,
        "axes.edgecolor": "#b9c0c9",
        "axes.linewidth": 0.7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": HAIRLINE,
        "grid.linewidth": 0.6,
        "text.color": INK,
        "xtick.color": "#b9c0c9",
        "ytick.color": "#b9c0c9",
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.labelsize": 8.0,
        "ytick.labelsize": 8.0,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "legend.frameon": False,
        "legend.fontsize": 8.0,
        "lines.linewidth": 1.6,
        "lines.markersize": 5.0,
        "figure.facecolor": "white",
        "figure.dpi": 100,
        "savefig.dpi": 160,
        "svg.fonttype": "none",
        "svg.hashsalt": "wardian",
    }
    with mpl.rc_context(settings):
        yield


def save(figure: Figure, folder: Path, name: str) -> str:
    """Write `folder/name.svg` and `.png`; returns the SVG text.

    The same figure gives the same bytes. Text stays text, in the fonts of the page that shows it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with quiet_style():
        # The layout is solved once, not again for each format.
        engine = figure.get_layout_engine()
        if engine is not None:
            engine.execute(figure)
            figure.set_layout_engine("none")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        text = buffer.getvalue().replace(f"'{_font()}'", _WEB_FONTS)
        (folder / f"{name}.svg").write_text(text, encoding="utf-8")
        figure.savefig(folder / f"{name}.png", metadata={"Software": None})
    return text


def marker_of(kind: str, intervention: str = "none") -> str:
    """The marker of a model of that kind; interventions differ in shape."""
    if kind == "intervention":
        return INTERVENTION_MARKERS.get(intervention, "P")
    return MARKERS[kind]


def point(
    axes: Axes, x: float, y: float, kind: str, size: float = 6.5, intervention: str = "none"
) -> None:
    """The marker of one model of that kind."""
    colour = COLOURS[kind]
    axes.plot(
        [x],
        [y],
        marker_of(kind, intervention),
        markersize=size,
        color=colour,
        markerfacecolor="white" if kind in HOLLOW else colour,
        markeredgewidth=1.4,
        zorder=4,
    )


def key(kind: str, text: str, intervention: str = "none") -> Line2D:
    """A legend entry for that kind of model."""
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=marker_of(kind, intervention),
        color=COLOURS[kind],
        markerfacecolor="white" if kind in HOLLOW else COLOURS[kind],
        markeredgewidth=1.3,
        label=text,
    )


def intervention_keys(interventions: pd.Series) -> list[Line2D]:
    """A legend entry for each intervention found."""
    found = sorted(set(interventions) - {"none"})
    return [key("intervention", name.replace("_", " "), name) for name in found]


def shortened(name: str, letters: int) -> str:
    """A name of at most so many letters: its end is cut off."""
    return name if len(name) <= letters else f"{name[: letters - 1]}…"


def top_note(figure: Figure, text: str) -> None:
    """A quiet line above all panels, such as what was asked; nothing for an empty text."""
    if text:
        figure.suptitle(text, x=0.01, ha="left", fontsize=8.0, color=QUIET)


def counted(numbers: pd.Series) -> str:
    """`n = 12`, or `n = 81 to 96`: the answers behind one point of a figure."""
    low, high = int(numbers.min()), int(numbers.max())
    return f"n = {low}" if low == high else f"n = {low} to {high}"


def bottom_legend(figure: Figure, handles: list[Line2D], columns: int = 6) -> None:
    """One legend for all panels, below them."""
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(columns, len(handles)),
        handletextpad=0.8,
        columnspacing=1.6,
    )
