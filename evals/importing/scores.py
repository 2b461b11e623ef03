"""The scores of any task's inspect log as a table: one row a sample, one column a key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.importing.reading import open_log
from evals.scorers.cell_metrics import CELL
from evals.scoring import QUESTION

if TYPE_CHECKING:
    import pandas as pd
    from inspect_ai.log import EvalLog

KEY = ("question", "topic", "domain", "cell")
"""Columns of every sample; then one a key of its score, NaN where it has no value."""


@dataclass(frozen=True)
class LogScores:
    """What one log says.

    Attributes:
        path: of the log.
        task: its name without `evals/`.
        model: as inspect calls it.
        created: when it was begun, as inspect writes it.
        arguments: of the task, as canonical JSON: logs of the same can be compared.
        warnings: what the task has its readers told.
        samples: the table, see `KEY`.
    """

    path: Path
    task: str
    model: str
    created: str
    arguments: str
    warnings: tuple[str, ...]
    samples: pd.DataFrame


def read_folder(folder: Path) -> tuple[list[LogScores], dict[str, str]]:
    """The complete logs of a folder, the oldest first, and why others were left out by name.

    Raises:
        ValueError: where there is no folder, or no log in it that can be used.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    read, left_out = [], {}
    for path in sorted(folder.glob("*.eval")):
        try:
            read.append(read_scores(path))
        except ValueError as reason:
            left_out[path.name] = str(reason)
    if not read:
        told = "".join(f"; {reason}" for reason in left_out.values())
        raise ValueError(
            f"{folder} holds no complete inspect log (*.eval) of these evals{told}; make them with "
            "wardian evals suite"
        )
    return sorted(read, key=lambda each: each.created), left_out


def read_scores(path: Path) -> LogScores:
    """The scores of one log.

    Raises:
        ValueError: on a file that is no log, a run that was not finished, a log without answers,
            and one whose samples these evals did not make.
    """
    import pandas as pd

    log = open_log(path, messages=False)
    if log.status != "success":
        raise ValueError(
            f"{path} was not finished (task {log.eval.task!r}, status {log.status}); run it to its "
            "end"
        )
    if not log.samples:
        raise ValueError(f"{path} holds no answers (task {log.eval.task!r})")
    rows = list(_rows(log))
    if not rows:
        raise ValueError(f"{path} is a log of {log.eval.task!r}, which is no task of these evals")
    return LogScores(
        path,
        log.eval.task.rpartition("/")[2],
        log.eval.model,
        log.eval.created,
        json.dumps(log.eval.task_args, sort_keys=True, default=str),
        tuple((log.eval.metadata or {}).get("warnings", ())),
        pd.DataFrame(rows),
    )


def _rows(log: EvalLog) -> Iterator[dict[str, Any]]:
    for sample in log.samples or ():
        metadata = sample.metadata or {}
        if "question" not in metadata or "topic" not in metadata:
            continue
        scores = iter((sample.scores or {}).values())
        score = next(scores, None)
        value = score.value if score is not None and isinstance(score.value, dict) else {}
        yield {
            "question": metadata["question"],
            "topic": metadata["topic"],
            "domain": _domain(metadata),
            "cell": metadata.get(CELL, ""),
            **value,
        }


def _domain(metadata: Mapping[str, Any]) -> str:
    question = metadata.get(QUESTION, {})
    return str(question.get("domain", metadata.get("domain", "")))
