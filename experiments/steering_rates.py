"""From the answers of steering sweeps to the `steering` table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evals.statistics import rate
from experiments.rates import measurements
from experiments.table_columns import COMMON, STEERING_PLACE, VECTOR_PLACE
from experiments.table_schemas import SCHEMAS
from experiments.tables import conform, empty_table

_KEYS = [c.name for c in (*COMMON, *VECTOR_PLACE, *STEERING_PLACE)] + ["split", "wording"]
_CELL = ["organism", "seed", "layer", "scope", "coefficient", "direction", "draw"]
_METRICS = ("misaligned", "coherent", "accuracy")


def steering_rates(answers: pd.DataFrame) -> pd.DataFrame:
    """The `steering` table of sweeps' answers: cells, and the unsteered rows (empty `direction`).

    Metrics: of open questions `misaligned` under every denominator, `coherent` and each
    `trait:NAME`; of capability questions `accuracy` alone. Unsteered answers that several sweeps
    share are counted once. `chosen` marks the cells that were read on
    the report split, since only the cell chosen on dev is asked there.
    """
    key = list(SCHEMAS["answers"].key)
    whole = answers.reindex(columns=[*dict.fromkeys([*answers.columns, *key])])
    swept = conform(whole.drop_duplicates(key), "answers")
    if swept.empty:
        return empty_table("steering")
    codes = swept.groupby(_KEYS, dropna=False, sort=False).ngroup().to_numpy(dtype=np.int64)
    keys = swept.drop_duplicates(_KEYS)[_KEYS].reset_index(drop=True)
    topics = pd.factorize(swept["topic"])[0]
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    rows: list[tuple[object, ...]] = []
    capable = (swept["task"] == "capability").to_numpy()
    for found in measurements(swept):
        asked = found.mask & (capable if found.metric == "accuracy" else ~capable)
        if found.metric in _METRICS or found.metric.startswith("trait:"):
            for group, block in enumerate(members):
                chosen = block[asked[block]]
                if len(chosen):
                    e = rate(found.values[chosen], topics[chosen])
                    interval = (e.estimate, e.low, e.high, e.n, e.clusters)
                    rows.append((group, found.metric, found.denominator, *interval))
    columns = ["group", "metric", "denominator", "estimate", "low", "high", "n", "clusters"]
    table = pd.DataFrame(rows, columns=columns).join(keys, on="group").drop(columns="group")
    read = keys[(keys["split"] == "report") & (keys["direction"] != "")][_CELL].assign(chosen=True)
    table = table.merge(read.drop_duplicates(), on=_CELL, how="left")
    table["chosen"] = table["chosen"].eq(True)
    return conform(table, "steering")
