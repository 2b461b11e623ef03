"""Which steering cell to report: one rule on dev, the same for the vector and every null."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

Goal = Literal["raise", "lower"]

SCOPES: Final = ("last_prompt", "prompt", "answer", "response", "all")
"""From the smallest intervention to the largest; of equal cells the smaller is chosen."""
COLUMNS: Final = ("layer", "position", "scope", "coefficient", "unit", "rate", "coherence")


@dataclass(frozen=True)
class Choice:
    """A chosen cell and its figures on dev.

    Attributes:
        layer: k.
        position: where the direction was extracted.
        scope: which tokens.
        coefficient: 0 where no eligible cell was better than not steering.
        unit: "raw" or "norm".
        rate: the rate that was raised or lowered, on dev: optimistic, report another split.
        coherence: share of coherent answers on dev.
        eligible: how many cells were as coherent as asked.
    """

    layer: int
    position: str
    scope: str
    coefficient: float
    unit: str
    rate: float
    coherence: float
    eligible: int

    @property
    def steers(self) -> bool:
        """Whether a cell was chosen at all."""
        return self.coefficient != 0


def choose_cell(
    cells: pd.DataFrame,
    *,
    unsteered_rate: float,
    unsteered_coherence: float,
    floor: float,
    goal: Goal = "raise",
) -> Choice:
    """The cell with the most extreme rate among those that stay coherent.

    Not steering is always among the candidates, so a direction that only harms is left alone. Ties
    go to not steering, then the smaller |coefficient|, the smaller scope, the lower layer; never by
    the order of the rows.

    Args:
        cells: `COLUMNS`, one row a cell of one direction; rate and coherence are dev's, 0..1. A
            cell without a rate (NaN, no coherent answer) is not eligible.
        unsteered_rate: the same rate without steering.
        unsteered_coherence: coherent share without steering.
        floor: least coherent share of a cell that may be chosen, 0..1.
        goal: "raise" (steering towards the trait) or "lower" (away from it).

    Raises:
        ValueError: a column or the figures without steering are missing.
    """
    missing = [column for column in COLUMNS if column not in cells]
    if missing:
        raise ValueError(f"steering cells lack the columns {missing}; needed are {list(COLUMNS)}")
    if unsteered_rate != unsteered_rate or unsteered_coherence != unsteered_coherence:
        raise ValueError("the rate and coherence without steering are needed to choose a cell")
    # Shares of equal counts may differ in their last bit.
    good = cells[(cells["coherence"] >= floor - 1e-9) & cells["rate"].notna()]
    better = good["rate"] > unsteered_rate if goal == "raise" else good["rate"] < unsteered_rate
    candidates = good[better & (good["coefficient"] != 0)]
    if candidates.empty:
        candidates = cells.assign(
            coefficient=0.0, rate=unsteered_rate, coherence=unsteered_coherence
        )
    ordered = candidates.assign(
        _rate=candidates["rate"] * (-1.0 if goal == "raise" else 1.0),
        _size=candidates["coefficient"].abs(),
        _scope=candidates["scope"].map(_scope_size),
    ).sort_values(["_rate", "_size", "_scope", "layer", "position", "unit", "coefficient"])
    best = ordered.iloc[0]
    return Choice(
        layer=int(best["layer"]),
        position=str(best["position"]),
        scope=str(best["scope"]),
        coefficient=float(best["coefficient"]),
        unit=str(best["unit"]),
        rate=float(best["rate"]),
        coherence=float(best["coherence"]),
        eligible=len(good),
    )


def _scope_size(scope: str) -> int:
    if scope not in SCOPES:
        raise ValueError(f"unknown scope {scope!r}; allowed are {list(SCOPES)}")
    return SCOPES.index(scope)
