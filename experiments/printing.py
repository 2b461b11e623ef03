"""How commands print what they found: named lines, and tables without borders."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text


def line(console: Console, name: str, said: str, style: str = "") -> None:
    """One thing that is known, under its name."""
    text = Text(f"{name:<23} ", style="bold")
    text.append(said, style=style)
    console.print(text, soft_wrap=True, highlight=False)


def plain_table(headings: Sequence[str] = ()) -> Table:
    """A table without borders, with bold headings; more columns may be added."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading)
    return table
