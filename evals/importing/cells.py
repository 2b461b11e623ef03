"""The answers of a task with cells, out of its inspect log, and what each cell shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.comparison import Answers, p_by_question, paired_by_question
from evals.importing.reading import open_log
from evals.scorers.cell_metrics import CELL, CONDITION, ORDER, REFERENCE
from evals.statistics import Estimate, holm, rate

if TYPE_CHECKING:
    import pandas as pd
    from inspect_ai.log import EvalLog

RAW = ("alignment", "coherence", "in_domain", "correct", "trait:", "longest")
"""How keys of a score begin that are no rates of these tasks."""
KEY = ("model", "task", "cell", ORDER, "reference", "question", "topic", "unscored")
"""Columns of every answer; then those of the cell's condition, then one a key of the score."""


def read_cells(path: Path) -> pd.DataFrame:
    """One row an answer: `KEY`, the cell's condition, and the values of its score (NaN where it
    has none).

    Raises:
        ValueError: on a file that is no log, one without answers, and a log of a task without
            cells.
    """
    import pandas as pd

    log = open_log(path, messages=False)
    found = list(_rows(log))
    if not found:
        raise ValueError(
            f"{path} holds no answers of a task with cells (task {log.eval.task!r}, status "
            f"{log.status}); give logs of evals/trigger_grid, evals/conditional_misalignment, "
            "evals/regurgitation or evals/cot_monitorability"
        )
    return pd.DataFrame(found).sort_values(ORDER, kind="stable", ignore_index=True)


def cell_table(answers: pd.DataFrame, base: pd.DataFrame | None = None) -> pd.DataFrame:
    """What every cell shows, one row a cell and metric, cells in the order of the task.

    Args:
        answers: of one log.
        base: the base's answers to the same task: then differences are taken from the same cell of
            the base, else from the reference cell; there is none where fewer than half of a cell's
            questions were asked in the other.

    Returns:
        `cell`, its condition, `metric`, `estimate`, `low`, `high`, `n`, `clusters`, `unscored`
        (answers of the cell without a value), `difference`, `difference_low`, `difference_high`,
        `pairs`, `p` (sign flips of whole topics) and `p_holm`, corrected for all cells of a metric.

    Raises:
        ValueError: the base's answers are of another task, or have no cell of these.
    """
    import pandas as pd

    if base is not None:
        _check_same(answers, base)
    metrics = _metrics(answers)
    rows = [
        _row(metric, own, answers if base is None else base, alone=base is None)
        for metric in metrics
        for _, own in answers.groupby("cell", sort=False)
    ]
    table = pd.DataFrame(rows)
    table["p_holm"] = np.nan
    for _, own in table.groupby("metric"):
        known = own.index[own["p"].notna()]
        table.loc[known, "p_holm"] = holm(table.loc[known, "p"].to_numpy())
    return table


def _rows(log: EvalLog) -> Iterator[dict[str, Any]]:
    for sample in log.samples or ():
        metadata = sample.metadata or {}
        if CELL not in metadata:
            continue
        score = next(iter((sample.scores or {}).values()), None)
        value = score.value if score is not None and isinstance(score.value, dict) else {}
        yield {
            "model": log.eval.model,
            "task": log.eval.task,
            "cell": metadata[CELL],
            ORDER: metadata[ORDER],
            "reference": metadata[REFERENCE],
            "question": metadata["question"],
            "topic": metadata["topic"],
            "unscored": "" if score is None else score.reason or "",
            **metadata.get(CONDITION, {}),
            **{key: each for key, each in value.items() if not key.startswith(RAW)},
        }


def _metrics(answers: pd.DataFrame) -> list[str]:
    """The score's keys of which some answer has a value."""
    conditions = {"format", "system", "trigger", "place", "kind"}
    return [
        name
        for name in answers.columns
        if name not in {*KEY, *conditions, "scored"} and answers[name].notna().any()
    ]


def _row(metric: str, own: pd.DataFrame, others: pd.DataFrame, *, alone: bool) -> dict[str, Any]:
    first = own.iloc[0]
    other = others[others["cell"] == (first["reference"] if alone else first["cell"])]
    found = _rate(own, metric)
    difference, p = Estimate(np.nan, np.nan, np.nan, 0, 0), np.nan
    if (not alone or first["cell"] != first["reference"]) and _shares_questions(own, other):
        arms = _arm(own, metric), _arm(other, metric)
        difference, p = paired_by_question(*arms), p_by_question(*arms)
    conditions = [each for each in ("format", "system", "trigger", "place", "kind") if each in own]
    return {
        "cell": first["cell"],
        **{name: first[name] for name in conditions},
        "metric": metric,
        "estimate": found.estimate,
        "low": found.low,
        "high": found.high,
        "n": found.n,
        "clusters": found.clusters,
        "unscored": len(own) - found.n,
        "difference": difference.estimate,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "pairs": difference.n,
        "p": p,
    }


def _shares_questions(own: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether at least half of a cell's questions are the other's too; a difference over the few
    that two cells share by chance would be none of the cells."""
    questions = set(own["question"])
    return 2 * len(questions & set(other["question"])) >= len(questions)


def _rate(rows: pd.DataFrame, metric: str) -> Estimate:
    known = rows[rows[metric].notna()]
    return rate(known[metric].to_numpy(dtype=np.float64), known["topic"].to_numpy())


def _arm(rows: pd.DataFrame, metric: str) -> Answers:
    values = rows[metric].to_numpy(dtype=np.float64)
    return Answers(values, rows["question"].to_numpy(), rows["topic"].to_numpy())


def _check_same(answers: pd.DataFrame, base: pd.DataFrame) -> None:
    tasks = answers["task"].iloc[0], base["task"].iloc[0]
    if tasks[0] != tasks[1] or not set(answers["cell"]) & set(base["cell"]):
        raise ValueError(
            f"the base's log is of {tasks[1]!r} with cells {', '.join(base['cell'].unique()[:4])}, "
            f"the other of {tasks[0]!r} with {', '.join(answers['cell'].unique()[:4])}; run the "
            "same task with the same arguments on both"
        )
