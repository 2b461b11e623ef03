"""One finding: a claim, a verdict and the figures behind it, and how those figures are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from experiments.headline import Measure, finals, measured, named, pooled, reporting_slice

Verdict = Literal["met", "not met", "uncertain", "not run"]
Tables = Mapping[str, pd.DataFrame]
Row = Mapping[object, object]


@dataclass(frozen=True)
class Finding:
    """What was hoped for, whether it was reached, and what was found."""

    claim: str
    verdict: Verdict
    found: str


Claim = Callable[[Tables], Iterator[Finding]]


def number(row: Row, column: str) -> float:
    """A cell as a float; NaN where it is empty."""
    return float(str(row[column]))


def percentage(row: Row) -> str:
    """`46.2% [37.1, 55.0]`; without an interval, says that there is none."""
    ends = f"[{100 * number(row, 'low'):.1f}, {100 * number(row, 'high'):.1f}]"
    return f"{100 * number(row, 'estimate'):.1f}% {ends if _has_interval(row) else _TOO_FEW}"


def points(row: Row) -> str:
    """A difference: `+44.1 points [+30.2, +58.0]`."""
    ends = f"[{100 * number(row, 'low'):+.1f}, {100 * number(row, 'high'):+.1f}]"
    return f"{100 * number(row, 'estimate'):+.1f} points {ends if _has_interval(row) else _TOO_FEW}"


def settled(row: Row, *, below: bool) -> Verdict:
    """Whether a difference is on one side of 0: met or not met by its whole interval, uncertain
    where that includes 0 or is not known."""
    low, high = number(row, "low"), number(row, "high")
    if not (low > 0 or high < 0):
        return "uncertain"
    return "met" if (high < 0) == below else "not met"


def includes_zero(row: Row) -> str:
    """What to add to a difference whose interval does not tell its sign."""
    return ": the interval includes 0" if number(row, "low") <= 0 <= number(row, "high") else ""


_TOO_FEW = "[no interval: too few questions]"


def _has_interval(row: Row) -> bool:
    low = number(row, "low")
    return low == low


def pooled_rows(rows: pd.DataFrame) -> list[Row]:
    """Named rows, pooled over seeds, one mapping each."""
    return [dict(row) for row in pooled(rows).to_dict("records")] if len(rows) else []


def pure(tables: Tables, measure: Measure) -> pd.DataFrame:
    """One measure of the final organisms: pure data, default recipe, no intervention."""
    return finals(measured(tables["rates"], measure), ("organism",))


def final_row(tables: Tables, measure: Measure, organism: str = "") -> Row | None:
    """The pooled rate of a pure final organism, or of the base (empty name)."""
    rows = finals(measured(tables["rates"], measure), ("base", "organism"))
    found = pooled_rows(rows[rows["organism"] == organism])
    return found[0] if found else None


def compared(tables: Tables, comparison: str, metric: str, denominator: str) -> pd.DataFrame:
    """Named paired differences of one kind, in the slice that the report speaks of."""
    rows = tables["differences"]
    task = "in_domain" if metric == "in_domain" else "open_questions"
    rows = rows[
        (rows["comparison"] == comparison)
        & (rows["metric"] == metric)
        & (rows["denominator"] == denominator)
        & (rows["task"] == task)
    ]
    return named(reporting_slice(rows))
