"""How well each score found the poisoned rows: AUC, precision at k, recall at budgets, each with
its 95% interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from persona_vectors.roc import auc, precision_at, recall_share
from persona_vectors.scorers import PREFIX

Floats = NDArray[np.float64]

TOP: Final = (10, 50, 100, 500)
"""The k of precision at k, as far as there are so many rows."""
BUDGETS: Final = (0.05, 0.1, 0.3)
"""Shares of the rows whose removal recall is told for."""
COLUMNS: Final = ("method", "metric", "at", "estimate", "low", "high", "n", "missing")


def figures(scores: Mapping[str, Floats], poisoned: NDArray[np.bool_]) -> pd.DataFrame:
    """One row a method and figure.

    Args:
        scores: Method -> [N]; NaN where it has none: such rows are left out of its figures.
        poisoned: [N] the truth.

    Returns:
        Columns `COLUMNS`: metric is auc, precision (`at` the k highest scores) or recall (`at` the
        share of rows removed); n counts what the figure is a share of: rows, k, poisoned rows.
        Intervals of precision and recall are Wilson's, that of the AUC DeLong's.
    """
    found: list[tuple[object, ...]] = []
    for method, values in scores.items():
        here = ~np.isnan(values)
        mine, truth = values[here], poisoned[here]
        missing = int((~here).sum())
        area = auc(mine, truth)
        found.append(
            (method, "auc", np.nan, area.estimate, area.low, area.high, len(mine), missing)
        )
        for k in (k for k in TOP if k <= len(mine)):
            share = precision_at(mine, truth, k)
            ends = (share.estimate, share.low, share.high, share.n, missing)
            found.append((method, "precision", k, *ends))
        for budget in BUDGETS:
            share = recall_share(mine, truth, budget)
            ends = (share.estimate, share.low, share.high, share.n, missing)
            found.append((method, "recall", budget, *ends))
    return pd.DataFrame(found, columns=list(COLUMNS))


def short(table: pd.DataFrame) -> pd.DataFrame:
    """The figures of `wide` that a terminal has room for."""
    k = table.loc[table["metric"] == "precision", "at"]
    shown = [f"precision at {k[k <= 100].max():.0f}"] if len(k) else []
    found = wide(table)[["method", "AUC", *shown, *(f"recall at {b:.0%}" for b in BUDGETS[1:])]]
    return found.assign(method=found["method"].str.replace(PREFIX, "along "))


def wide(table: pd.DataFrame) -> pd.DataFrame:
    """A row a method and a column a figure, as text: percentages and their intervals."""
    rows: dict[str, dict[str, str]] = {}
    for method, metric, at, estimate, low, high, n, missing in table.itertuples(index=False):
        row = rows.setdefault(str(method), {"method": str(method)})
        if metric == "auc":
            row["rows"] = f"{n}" + (f" ({missing} without a score)" if missing else "")
            row["AUC"] = f"{estimate:.3f} [{low:.3f}, {high:.3f}]"
        else:
            name = f"precision at {at:.0f}" if metric == "precision" else f"recall at {at:.0%}"
            row[name] = f"{estimate:.0%} [{low:.0%}, {high:.0%}]"
    return pd.DataFrame(list(rows.values())).fillna("")
