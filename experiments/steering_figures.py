"""What a steering study's answers say: the largest coefficient that keeps answers coherent, and
what each cell does beside not steering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

TRAIT_DENOMINATOR = "coherent_scored"


def largest_coefficients(table: pd.DataFrame, trait: str, floor: float) -> pd.DataFrame:
    """For each organism, direction, layer, scope and sign the largest coefficient up to which every
    one that was tried kept its share of coherent answers at the floor or above.

    Args:
        table: `steering_rates` of the answers.
        trait: whose score is shown.
        floor: least share of coherent answers, 0..1.

    Returns:
        organism, direction, draw, layer, scope, sign, coefficient (0 where the smallest is too much
        already), the share of coherent answers with its interval, `above` (whether the interval
        too is above the floor), trait score and accuracy with their intervals there, and
        `next_coherent`: the share at the next coefficient, NaN where none was tried.
    """
    import pandas as pd

    key = ["organism", "direction", "draw", "layer", "scope"]
    metrics = {
        "coherent": ("coherent", "all"),
        trait: (f"trait:{trait}", TRAIT_DENOMINATOR),
        "accuracy": ("accuracy", "all"),
    }
    steered = table[table["direction"] != ""]
    rows = []
    for place, cells in steered.groupby(key, sort=False):
        who = table[table["organism"] == place[0]]
        for sign in (1, -1):
            own = cells[np.sign(cells["coefficient"]) == sign]
            coherent = own[(own["metric"] == "coherent") & (own["denominator"] == "all")]
            coherent = coherent.sort_values("coefficient", key=np.abs)
            if coherent.empty:
                continue
            kept = int((coherent["estimate"] >= floor).to_numpy().cumprod().sum())
            chosen = 0.0 if kept == 0 else float(coherent["coefficient"].iloc[kept - 1])
            there = who[who["direction"] == ""] if kept == 0 else own[own["coefficient"] == chosen]
            row: dict[str, Any] = dict(zip(key, place, strict=True))
            row |= {"sign": sign, "coefficient": chosen}
            for name, (metric, denominator) in metrics.items():
                row |= _interval(there, name, metric, denominator)
            row["above"] = bool(row["coherent_low"] >= floor)
            beyond = coherent["estimate"].iloc[kept : kept + 1]
            row["next_coherent"] = float(beyond.iloc[0]) if len(beyond) else np.nan
            rows.append(row)
    return pd.DataFrame(rows)


def effects(answers: pd.DataFrame, trait: str) -> pd.DataFrame:
    """Each cell minus not steering, paired by question: trait score of coherent answers, coherent
    share, and accuracy, in which an answer that cannot be read is wrong.

    Returns:
        organism, direction, draw, layer, scope, coefficient, metric (trait:NAME, coherent or
        accuracy), n (pairs), clusters, `unsteered` (mean), and estimate, low and high of the
        difference: fractions.
    """
    import pandas as pd

    from evals.statistics import paired_difference

    key = ["organism", "direction", "draw", "layer", "scope", "coefficient"]
    score = f"trait:{trait}"
    frame = answers.assign(
        **{score: answers[score] / 100},
        coherent=np.where(answers["unscored"] == "judge_error", np.nan, answers["coherence"] > 50),
    )
    frame.loc[frame["coherent"] != 1, score] = np.nan
    read = frame["coherent"].notna()
    frame["accuracy"] = frame["accuracy"].where(frame["accuracy"].notna() | ~read, 0.0)
    rows = []
    tasks = {score: "open_questions", "coherent": "open_questions", "accuracy": "capability"}
    for metric, task in tasks.items():
        asked = frame[frame["task"] == task]
        for place, cell in asked[asked["direction"] != ""].groupby(key, sort=False):
            plain = asked[(asked["direction"] == "") & (asked["organism"] == place[0])]
            both = pd.concat([cell, plain])
            steered = (both["direction"] != "").to_numpy()
            values = both[metric].to_numpy(dtype=np.float64)
            found = paired_difference(
                np.where(steered, values, np.nan),
                np.where(steered, np.nan, values),
                both["question"],
                both["topic"],
            )
            row = dict(zip(key, place, strict=True))
            row |= {"metric": metric, "unsteered": float(plain[metric].mean())}
            interval = {"estimate": found.estimate, "low": found.low, "high": found.high}
            rows.append(row | interval | {"n": found.n, "clusters": found.clusters})
    columns = ["metric", "unsteered", "estimate", "low", "high", "n", "clusters"]
    return pd.DataFrame(rows, columns=[*key, *columns])


def _interval(cells: pd.DataFrame, name: str, metric: str, denominator: str) -> dict[str, float]:
    found = cells[(cells["metric"] == metric) & (cells["denominator"] == denominator)]
    ends = ("estimate", "low", "high")
    values = found.iloc[0][list(ends)] if len(found) else dict.fromkeys(ends, np.nan)
    return {name if end == "estimate" else f"{name}_{end}": float(values[end]) for end in ends}
