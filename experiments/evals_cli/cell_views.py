"""How the cells of a task look in a terminal: one table a metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console
from rich.markup import escape

from evals.statistics import Estimate
from experiments.evals_cli.views import p_value, percent, say
from experiments.printing import plain_table

if TYPE_CHECKING:
    from collections.abc import Hashable


def show_cells(
    console: Console, answers: pd.DataFrame, table: pd.DataFrame, *, against_base: bool
) -> None:
    """A table a metric, then what the names and columns mean."""
    first = answers.iloc[0]
    other = "the base" if against_base else str(first["reference"])
    for metric, own in table.groupby("metric", sort=False):
        say(console, f"{first['model']}, {first['task']}: {metric}, %")
        shown = plain_table(
            ("cell", "rate", "n", "topics", "unscored", f"minus {escape(other)}", "p")
        )
        shown.columns[0].overflow = "fold"
        for row in own.to_dict("records"):
            shown.add_row(escape(str(row["cell"])), *_numbers(row))
        console.print(shown)
    systems = sorted({text for text in answers.get("system", ()) if text})
    for text in systems:
        say(console, f"system prompt: {text}")
    say(
        console,
        "95% intervals over topics; differences in points, paired by question; p: signs of whole "
        "topics flipped, corrected for all cells (Holm); unscored answers are in no rate",
    )


def _numbers(row: dict[Hashable, Any]) -> tuple[str, ...]:
    found = Estimate(row["estimate"], row["low"], row["high"], row["n"], row["clusters"])
    ends = row["difference_low"], row["difference_high"]
    difference = Estimate(row["difference"], *ends, row["pairs"], clusters=0)
    return (
        percent(found),
        f"{found.n:,}",
        f"{found.clusters}",
        f"{row['unscored']:,}",
        percent(difference, signed=True),
        p_value(row["p_holm"]),
    )
