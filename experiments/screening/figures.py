"""How well each score found the poisoned rows: AUC, precision at k, recall at budgets, each with
its 95% interval over topics or prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evals.statistics import Estimate
from persona_vectors.clustered_roc import clustered_figures
from persona_vectors.scorers import PREFIX

Floats = NDArray[np.float64]

TOP: Final = (10, 50, 100, 500)
"""The k of precision at k, as far as there are so many rows."""
BUDGETS: Final = (0.05, 0.1, 0.3)
"""Shares of the rows whose removal recall is told for."""
COLUMNS: Final = (
    "method", "metric", "at", "estimate", "low", "high", "n", "clusters", "missing"
)  # fmt: skip


def figures(
    scores: Mapping[str, Floats],
    poisoned: NDArray[np.bool_],
    clusters: Sequence[str],
    seed: int = 0,
) -> pd.DataFrame:
    """One row a method and figure.

    Args:
        scores: Method -> [N]; NaN where it has none: such rows are left out of its figures.
        poisoned: [N] the truth.
        clusters: [N] the topic or prompt of each row: intervals draw whole ones anew.
        seed: Of the draws.

    Returns:
        Columns `COLUMNS`: metric is auc, precision (`at` the k highest scores) or recall (`at` the
        share of rows removed); n counts what the figure is a share of: rows, k, poisoned rows.
        No interval below 8 clusters; of an AUC, where either kind of row is in fewer.
    """
    found: list[tuple[object, ...]] = []

    def add(method: str, metric: str, at: float, what: Estimate, missing: int) -> None:
        ends = (what.estimate, what.low, what.high, what.n, what.clusters)
        found.append((method, metric, at, *ends, missing))

    made = clustered_figures(scores, poisoned, clusters, tops=TOP, budgets=BUDGETS, seed=seed)
    for method, mine in made.items():
        missing = int(np.isnan(scores[method]).sum())
        add(method, "auc", np.nan, mine.auc, missing)
        for k, precision in mine.precision.items():
            add(method, "precision", k, precision, missing)
        for budget, recall in mine.recall.items():
            add(method, "recall", budget, recall, missing)
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
    for method, metric, at, estimate, low, high, n, _, missing in table.itertuples(index=False):
        row = rows.setdefault(str(method), {"method": str(method)})
        known = low == low
        if metric == "auc":
            row["rows"] = f"{n}" + (f" ({missing} without a score)" if missing else "")
            row["AUC"] = f"{estimate:.3f}" + (f" [{low:.3f}, {high:.3f}]" if known else "")
        else:
            name = f"precision at {at:.0f}" if metric == "precision" else f"recall at {at:.0%}"
            row[name] = f"{estimate:.0%}" + (f" [{low:.0%}, {high:.0%}]" if known else "")
    return pd.DataFrame(list(rows.values())).fillna("")
