"""How persona vectors look in a terminal: one with its layers, several with their cosines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from experiments.printing import line, plain_table

if TYPE_CHECKING:
    import pandas as pd

    from persona_vectors.vector import PersonaVector

LONGEST = 300
"""Characters of one value that are shown."""


def show_vector(
    console: Console, path: Path, vector: PersonaVector, position: str | None = None
) -> None:
    """What the file says, then norm and stability by layer and position."""
    from persona_vectors.extraction import vector_rows

    line(console, "file", str(path))
    line(console, "trait", vector.trait)
    line(console, "base", vector.base)
    line(console, "layers", f"{span(vector.layers)}, width {vector.width}")
    if vector.post_norm is not None:
        line(
            console,
            "not a layer",
            f"{vector.layers[-1] + 1}: read after the final norm; it never steers",
            "yellow",
        )
    if vector.directions:
        kinds = [name.rpartition("-")[0] for name in vector.directions]
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        line(console, "null directions", counts)
    for name, value in vector.metadata.items():
        text = ", ".join(_pairs(value)) if isinstance(value, dict) else str(value)
        line(console, name.replace("_", " "), shorten(text))
    rows = vector_rows(vector)
    rows = rows[rows["position"] == position] if position else rows
    table = rows[["position", "layer", "norm", "residual_norm", "split_half_cosine"]].copy()
    if vector.cosine_interval is not None:
        low, high = vector.cosine_interval.reshape(2, -1)[:, rows.index.to_numpy()]
        table["cosine_low"], table["cosine_high"] = low, high
    show_rows(console, table)
    console.print()


def show_yields(console: Console, trait: str, yields: pd.DataFrame) -> None:
    """How many rollouts of each sign were made, scored, coherent, refused and kept."""
    line(console, "rollouts", trait)
    show_rows(console, yields)
    console.print()


def show_cosines(
    console: Console, vectors: Sequence[PersonaVector], position: str | None, layer: int | None
) -> None:
    """The cosine of every two vectors at one layer; all positions, or one."""
    place = layer if layer is not None else min(vector.layers[-1] for vector in vectors)
    positions = [position] if position else list(vectors[0].positions)
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    for heading in (f"cosine at layer {place}", "", *positions):
        table.add_column(heading, justify="right" if heading in positions else "left")
    for one, other in combinations(vectors, 2):
        here, there = (each.select(positions, [place]) for each in (one, other))
        cosines = here.cosine(there)[:, 0]
        table.add_row(one.trait, other.trait, *(number(float(cosine)) for cosine in cosines))
    console.print(table)


def show_rows(console: Console, rows: pd.DataFrame) -> None:
    """A frame as a table; numbers to three digits, what is not known left blank."""
    table = plain_table()
    for heading, values in rows.items():
        right = values.dtype.kind in "fiu"
        table.add_column(str(heading).replace("_", " "), justify="right" if right else "left")
    for row in rows.itertuples(index=False):
        table.add_row(*(number(each) if isinstance(each, float) else str(each) for each in row))
    console.print(table)


def span(layers: Sequence[int]) -> str:
    """`0..28`, or every number where some between are missing."""
    if list(layers) == list(range(layers[0], layers[-1] + 1)) and len(layers) > 1:
        return f"{layers[0]}..{layers[-1]}"
    return ", ".join(map(str, layers))


def number(value: float) -> str:
    """Three digits; blank where it is not known."""
    return "" if np.isnan(value) else f"{value:.3g}"


def with_interval(rows: pd.DataFrame, name: str, scale: float, digits: int) -> list[str]:
    """`estimate (low..high)` of a column and its `_low` and `_high`; of `estimate` the columns are
    `low` and `high`. Blank where it is not known, without an interval where that is not."""
    ends = ("low", "high") if name == "estimate" else (f"{name}_low", f"{name}_high")
    said = []
    for middle, low, high in zip(*(scale * rows[each] for each in (name, *ends)), strict=True):
        interval = "" if low != low else f" ({low:.{digits}f}..{high:.{digits}f})"
        said.append("" if middle != middle else f"{middle:.{digits}f}{interval}")
    return said


def shorten(text: str) -> str:
    """A value cut where it would fill the screen."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _pairs(values: dict[str, object]) -> list[str]:
    return [
        f"{name} ({', '.join(_pairs(value))})" if isinstance(value, dict) else f"{name} {value}"
        for name, value in values.items()
    ]
