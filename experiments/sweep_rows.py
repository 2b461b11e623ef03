"""Which rows of the `steering` table are read: who was swept, the chosen cell, its nulls."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd


def swept(steering: pd.DataFrame) -> list[str]:
    """Who was swept: the empty name for the base, then organisms."""
    return sorted({str(name) for name in steering["organism"]})


def of_target(steering: pd.DataFrame, organism: str) -> pd.DataFrame:
    """The sweep on that organism, or on the base (empty name)."""
    return steering[steering["organism"] == organism]


def chosen_row(
    sweep: pd.DataFrame, split: str, metric: str, denominator: str
) -> Mapping[object, object] | None:
    """The vector's chosen cell on one split; None where no cell was chosen."""
    rows = sweep[
        (sweep["direction"] == "vector")
        & sweep["chosen"]
        & (sweep["split"] == split)
        & (sweep["metric"] == metric)
        & (sweep["denominator"] == denominator)
    ]
    return None if rows.empty else dict(rows.iloc[0].to_dict())


def unsteered(sweep: pd.DataFrame, split: str, metric: str, denominator: str) -> float:
    """The estimate without steering on that split; NaN where it was not asked."""
    plain = (sweep["direction"] == "") | (sweep["coefficient"] == 0)
    rows = sweep[
        plain
        & (sweep["split"] == split)
        & (sweep["metric"] == metric)
        & (sweep["denominator"] == denominator)
    ]
    return float(rows["estimate"].iloc[0]) if len(rows) else float("nan")


def null_of_choosing(sweep: pd.DataFrame, metric: str, denominator: str) -> pd.Series:
    """Report estimates of random directions, each in the cell that its own dev sweep chose.

    A direction for which no cell was better than not steering chose that: its estimate is the
    unsteered one, where that was asked.
    """
    random = sweep[sweep["direction"] == "random"]
    rows = random[
        random["chosen"]
        & (random["split"] == "report")
        & (random["metric"] == metric)
        & (random["denominator"] == denominator)
    ]
    found = rows.set_index("draw")["estimate"].reindex(sorted(random["draw"].unique()))
    return found.fillna(unsteered(sweep, "report", metric, denominator)).dropna()
