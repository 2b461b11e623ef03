"""Readings out of two folders of inspect logs: of the organism, and of its base."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from evals.importing.cells import cell_table, read_cells
from evals.importing.scores import LogScores, read_folder
from experiments.health.measures import MEASURES, Measure, Reading, chosen, reading, trait_measure

CONDITIONAL = ("conditional_misalignment", "trigger_grid")
CELL_METRIC = "misaligned_coherent"


@dataclass(frozen=True)
class FromLogs:
    """What two folders of logs say.

    Attributes:
        model: the organism, as inspect calls it.
        base: its base; "" without logs of it.
        own_domain: the narrow domain that was asked for; "" where none was.
        readings: by measure's key.
        cells: of tasks with conditions: one row a cell, with differences from the reference cell
            and, under `base_*`, from the same cell of the base.
        notes: what was left out and why.
    """

    model: str = ""
    base: str = ""
    own_domain: str = ""
    readings: Mapping[str, Reading] = field(default_factory=dict)
    cells: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: tuple[str, ...] = ()


def from_logs(folder: Path, base_folder: Path | None = None, domain: str = "") -> FromLogs:
    """Every measure that the logs hold. Of several logs of one task the newest that has the metric
    is read.

    Raises:
        ValueError: where a folder holds no log that can be read, or logs of several models.
    """
    own, left_out = read_folder(folder)
    base, base_left_out = ([], {}) if base_folder is None else read_folder(base_folder)
    model, base_model = _model(folder, own), _model(base_folder, base) if base_folder else ""
    if model == base_model:
        raise ValueError(
            f"{folder} and {base_folder} hold logs of the same model, {model}: give the logs of "
            "the organism's base"
        )
    domain = domain or _domain(own)
    readings = {}
    for measure in (*MEASURES, *map(trait_measure, _traits(own))):
        found = _reading(measure, own, base, domain)
        if found is not None:
            readings[measure.key] = found
    notes = [f"{name}: {reason}" for name, reason in (left_out | base_left_out).items()]
    notes += [f"{log.path.name}: {warning}" for log in own for warning in log.warnings]
    return FromLogs(model, base_model, domain, readings, _cells(own, base, notes), tuple(notes))


def _model(folder: Path, logs: Sequence[LogScores]) -> str:
    models = sorted({log.model for log in logs})
    if len(models) > 1:
        raise ValueError(
            f"{folder} holds logs of {len(models)} models, {', '.join(models)}: give every model a "
            "folder of its own"
        )
    return models[0]


def _domain(logs: Sequence[LogScores]) -> str:
    """The domain of the newest log of in-domain questions."""
    for log in reversed(logs):
        if log.task == "in_domain":
            return str(json.loads(log.arguments).get("domain", "maths"))
    return ""


def _traits(logs: Sequence[LogScores]) -> tuple[str, ...]:
    found = {
        name.removeprefix("trait:")
        for log in logs
        if log.task == "trait"
        for name in log.samples.columns
        if name.startswith("trait:") and log.samples[name].notna().any()
    }
    return tuple(sorted(found))


def _reading(
    measure: Measure, own: Sequence[LogScores], base: Sequence[LogScores], domain: str
) -> Reading | None:
    log = _newest(own, measure, domain)
    if log is None:
        return None
    asked_alike = [each for each in base if each.arguments == log.arguments]
    other = _newest(asked_alike, measure, domain) or _newest(base, measure, domain)
    theirs = None if other is None else _values(other, measure, domain)
    return reading(measure, _values(log, measure, domain), theirs, log.path.name)


def _newest(logs: Sequence[LogScores], measure: Measure, domain: str) -> LogScores | None:
    for log in reversed(logs):
        has = log.task == measure.task and measure.metric in log.samples
        if has and not chosen(measure, log.samples, domain).empty:
            return log
    return None


def _values(log: LogScores, measure: Measure, domain: str) -> pd.DataFrame:
    rows = chosen(measure, log.samples, domain)
    values = pd.to_numeric(rows[measure.metric], errors="coerce")
    scale = 100.0 if measure.task == "trait" else 1.0
    return rows[["question", "topic"]].assign(value=values / scale)


def _cells(own: Sequence[LogScores], base: Sequence[LogScores], notes: list[str]) -> pd.DataFrame:
    """What every cell of the conditional tasks shows, of the newest log of each."""
    tables = []
    for task in CONDITIONAL:
        log = next((each for each in reversed(own) if each.task == task), None)
        if log is None:
            continue
        answers = read_cells(log.path)
        table = cell_table(answers)
        same = [each for each in base if each.task == task and each.arguments == log.arguments]
        if same:
            against = cell_table(answers, read_cells(same[-1].path))
            for name in ("difference", "difference_low", "difference_high"):
                table[f"base_{name}"] = against[name]
        elif base:
            notes.append(f"{log.path.name}: the base was not asked the same cells")
        tables.append(table[table["metric"] == CELL_METRIC].assign(task=task))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
