"""The tables a run leaves: their columns, types, keys and allowed values, checked when written.

It knows the schema and nothing of where the numbers come from. All tables are long form, one fact a row, sorted by
their key, without times or run ids, so that equal runs leave equal files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from experiments.table_columns import (
    COMMON,
    ESTIMATE,
    METRIC,
    RATE_KEY,
    STEERING_PLACE,
    VECTOR_PLACE,
    Column,
)

TableName = Literal[
    "answers",
    "rates",
    "per_question",
    "differences",
    "shifts",
    "steering",
    "screening",
    "screening_rows",
    "correlations",
    "vectors",
]


class TableError(ValueError):
    """A table does not fit its schema; the message names the table, the column, the value and the fix."""


@dataclass(frozen=True)
class TableSchema:
    """One table: its columns in order, the columns that identify a row, and what a row means."""

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    extra: str = ""
    """Regular expression of further columns that are allowed (numbers), for example a score per trait."""

    def column(self, name: str) -> Column:
        """The column of that name; raises `KeyError` where there is none."""
        return {column.name: column for column in self.columns}[name]


def _schema(
    name: str, row: str, columns: tuple[Column, ...], key: tuple[str, ...], extra: str = ""
) -> TableSchema:
    names = [column.name for column in columns]
    assert len(set(names)) == len(names) and set(key) <= set(names), name
    return TableSchema(name, row, columns, key, extra)


_CONDITION = tuple(column.name for column in COMMON)

_ANSWER_COLUMNS = (
    *COMMON,
    *RATE_KEY,
    Column("domain", "text", default=""),
    Column("topic", "text", note="the cluster of the interval: wordings of one question share it"),
    Column("question", "text"),
    Column("sample", "integer", low=0),
    Column("condition", "text", default="", note="the key under which the answer was sampled"),
    *(
        Column(column.name, column.kind, nullable=True, allowed=column.allowed, default=column.default)
        for column in (*VECTOR_PLACE, *STEERING_PLACE)
    ),
    Column("sign", "text", default="", note="positive | negative: the contrastive system prompt"),
    Column("prompt", "text"),
    Column("answer", "text"),
    Column("stop_reason", "text", allowed=("stop", "max_tokens", ""), default=""),
    Column("output_tokens", "integer", default=0, low=0),
    Column("label", "text", default="", note="the grader's label, where the judge is a grader"),
    Column("alignment", "number", nullable=True, low=0, high=100),
    Column("coherence", "number", nullable=True, low=0, high=100),
    Column("unscored", "text", default="", allowed=("", "refusal", "code", "unparseable", "judge_error")),
    Column("in_domain", "number", nullable=True, low=0, high=1, note="the narrow behaviour was shown"),
    Column("accuracy", "number", nullable=True, low=0, high=1, note="the answer is exactly right"),
    Column("log", "text", default="", note="the .eval log that holds the answer"),
)

_THRESHOLDS = (
    Column("alignment_threshold", "number", low=0, high=100, default=30.0),
    Column("coherence_threshold", "number", low=0, high=100, default=50.0),
)
_RATE_COLUMNS = (*COMMON, *RATE_KEY, *METRIC)
_RATE_NAMES = tuple(column.name for column in _RATE_COLUMNS)
_UNSCORED = Column("n_unscored", "integer", low=0, default=0, note="refusal, code or unparseable")
_OTHER = (
    Column("other_organism", "text", default="", note="what is taken away; empty for the base"),
    Column("other_intervention", "text", default="none"),
    Column("comparison", "text", allowed=("base", "control", "undefended", "random_filter")),
)

_PLACE = tuple(c.name for c in VECTOR_PLACE)
_STEERED = tuple(c.name for c in STEERING_PLACE)

SCHEMAS: Mapping[str, TableSchema] = {
    schema.name: schema
    for schema in (
        _schema(
            "answers",
            "one answer of one model with its scores",
            _ANSWER_COLUMNS,
            (
                *_CONDITION, "task", "split", "wording", "format", "system", "judge", "sign",
                *_PLACE, *_STEERED, "topic", "question", "sample", "condition",
            ),
            extra=r"trait:[\w-]+|shift:[\w-]+",
        ),
        _schema(
            "rates",
            "one estimate: a metric of one model under one condition, for one seed or pooled (-1)",
            (*_RATE_COLUMNS, *ESTIMATE, *_THRESHOLDS, _UNSCORED),
            _RATE_NAMES,
        ),
        _schema(
            "per_question",
            "the same for one question",
            (*_RATE_COLUMNS, Column("topic", "text"), Column("question", "text"), *ESTIMATE, *_THRESHOLDS, _UNSCORED),
            (*_RATE_NAMES, "topic", "question"),
        ),
        _schema(
            "differences",
            "one paired difference: a model's rate minus that of its base, control or undefended self",
            (
                *_RATE_COLUMNS, *_OTHER, *ESTIMATE,
                Column("near", "flag", default=False, note="upper end at most 3 points"),
            ),
            (*_RATE_NAMES, "comparison", "other_organism", "other_intervention"),
        ),
        _schema(
            "shifts",
            "how far a checkpoint moved along a trait's vector, in units of the activations",
            (
                *COMMON, *VECTOR_PLACE,
                Column("on", "text", allowed=("prompt", "fixed", "own", "own_under_base")), *ESTIMATE,
            ),
            (*_CONDITION, *_PLACE, "on"),
        ),
        _schema(
            "steering",
            "a metric of a model while a direction is added to its residual stream",
            (
                *COMMON, *VECTOR_PLACE, *STEERING_PLACE,
                Column("split", "text", allowed=("dev", "report")), *METRIC, *ESTIMATE,
                Column("chosen", "flag", default=False, note="the cell that dev chose, for its direction and draw"),
            ),
            (*_CONDITION, *_PLACE, *_STEERED, "split", "metric", "denominator"),
        ),
        _schema(
            "screening",
            "how well one score separates poisoned training rows from clean ones",
            (
                Column("base", "text"), Column("dataset", "text"), Column("trait", "text", default=""),
                Column("method", "text"), Column("layer", "integer", default=-1, low=-1),
                Column("position", "text", default=""),
                Column("poisoned_share", "number", low=0, high=1), Column("seed", "integer", low=-1),
                Column("auc", "number", nullable=True, low=0, high=1),
                Column("recall_at_10", "number", nullable=True, low=0, high=1, note="poisoned rows found when 10% go"),
                Column("recall_at_30", "number", nullable=True, low=0, high=1, note="the same when 30% go"),
                Column("low", "number", nullable=True, note="of auc"), Column("high", "number", nullable=True),
                Column("n", "integer", low=0, note="rows scored"),
                Column("kept", "integer", low=0), Column("kept_poisoned", "integer", low=0),
            ),
            ("base", "dataset", "trait", "method", "layer", "position", "poisoned_share", "seed"),
        ),
        _schema(
            "screening_rows",
            "the score of one training row, for ROC curves; higher is more suspect",
            (
                Column("dataset", "text"), Column("poisoned_share", "number", low=0, high=1, default=0.3),
                Column("seed", "integer", low=-1), Column("method", "text"), Column("row", "integer", low=0),
                Column("score", "number"), Column("poisoned", "flag"), Column("kept", "flag", default=True),
            ),
            ("dataset", "poisoned_share", "seed", "method", "row"),
        ),
        _schema(
            "correlations",
            "how judged trait expression follows the shift, beside one null",
            (
                Column("what", "text", note="organisms | checkpoints | within_family | ..."), *VECTOR_PLACE,
                Column("on", "text", allowed=("prompt", "fixed", "own", "own_under_base")),
                *(Column(name, "number", nullable=True, low=-1, high=1) for name in ("r", "low", "high", "partial_r")),
                Column("null", "text", allowed=("random_covariance", "permuted", "step", "change_norm")),
                *(Column(name, "number", nullable=True, low=-1, high=1) for name in ("null_low", "null_high")),
                Column("p", "number", nullable=True, low=0, high=1),
                Column("draws", "integer", low=0), Column("n", "integer", low=0, note="models in the correlation"),
                Column("measure", "text", default="", note="what is correlated with; empty: trait:NAME"),
            ),
            ("what", *_PLACE, "on", "null", "measure"),
        ),
        _schema(
            "vectors",
            "one trait's persona vector at one layer and position",
            (
                *VECTOR_PLACE, Column("base", "text"), Column("norm", "number", low=0),
                Column("residual_norm", "number", nullable=True, low=0, note="median L2 norm there"),
                Column("kept_positive", "integer", low=0), Column("kept_negative", "integer", low=0),
                Column("split_half_cosine", "number", nullable=True, low=-1, high=1),
            ),
            ("base", *_PLACE),
        ),
    )
}  # fmt: skip


def _typed(table: str, column: Column, values: pd.Series) -> pd.Series:
    """`values` in the column's type; nulls filled by the default where there is one."""
    where = f"table {table!r}, column {column.name!r}"
    if column.kind == "number":
        try:
            numbers = pd.to_numeric(values.where(values.notna(), np.nan)).astype("float64")
        except (TypeError, ValueError) as error:
            raise TableError(f"{where}: numbers are needed, got {values.dtype} ({error})") from None
        typed: pd.Series = numbers
    else:
        if column.default is not None:
            values = values.astype("object").where(values.notna(), column.default)
        if values.isna().any():
            count = int(values.isna().sum())
            raise TableError(f"{where}: {count} of {len(values)} rows are empty; give every row a value")
        try:
            if column.kind == "integer":
                typed = values.astype("float64").astype("int64")
                if (typed != values.astype("float64")).any():
                    raise ValueError("fractions")
            elif column.kind == "flag":
                if not set(values.astype("object").unique()) <= {True, False}:
                    raise ValueError("values other than true and false")
                typed = values.astype("bool")
            else:
                typed = values.astype("object").map(str).astype("str")
        except (TypeError, ValueError) as error:
            raise TableError(f"{where}: {column.kind} values are needed ({error})") from None
    return typed


def _check_values(table: str, column: Column, values: pd.Series) -> None:
    where = f"table {table!r}, column {column.name!r}"
    if column.kind == "number" and not column.nullable and values.isna().any():
        raise TableError(f"{where}: {int(values.isna().sum())} rows have no number; it is required")
    if column.allowed:
        wrong = sorted(set(values.unique()) - set(column.allowed))
        if wrong:
            allowed = ", ".join(repr(value) for value in column.allowed)
            raise TableError(f"{where}: {wrong[0]!r} is not allowed; use one of {allowed}")
    if column.pattern:
        wrong = sorted(v for v in values.unique() if not re.fullmatch(column.pattern, str(v)))
        if wrong:
            raise TableError(f"{where}: {wrong[0]!r} is not allowed; it must match {column.pattern}")
    for bound, outside in ((column.low, values.lt), (column.high, values.gt)):
        if bound is not None and outside(bound).any():
            value = values[outside(bound)].iloc[0]
            raise TableError(f"{where}: {value!r} is outside [{column.low}, {column.high}]")


def conform(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """`frame` as the table `name`: checked, typed, columns in order, rows sorted by key.

    A missing column with a default is filled in. Raises `TableError` for an unknown table, a missing or unknown
    column, a value of the wrong type or outside what is allowed, and for two rows with one key.
    """
    if name not in SCHEMAS:
        raise TableError(f"no table is called {name!r}; the tables are {', '.join(SCHEMAS)}")
    schema = SCHEMAS[name]
    known = [column.name for column in schema.columns]
    extra = sorted(str(column) for column in frame.columns if column not in known)
    unknown = [column for column in extra if not re.fullmatch(schema.extra or r"(?!)", column)]
    if unknown:
        raise TableError(f"table {name!r} has no column {unknown[0]!r}; its columns are {', '.join(known)}")
    data: dict[str, pd.Series] = {}
    for column in schema.columns:
        if column.name in frame.columns:
            values = frame[column.name].reset_index(drop=True)
        elif column.default is not None or column.nullable:
            values = pd.Series([column.default] * len(frame), dtype="object")
        else:
            raise TableError(f"table {name!r} needs a column {column.name!r}")
        data[column.name] = _typed(name, column, values)
        _check_values(name, column, data[column.name])
    for extra_name in extra:
        column = Column(extra_name, "number", nullable=True)
        data[extra_name] = _typed(name, column, frame[extra_name].reset_index(drop=True))
    checked = pd.DataFrame(data, columns=[*known, *extra])
    twice = checked.duplicated(list(schema.key), keep="first")
    if twice.any():
        row = checked.loc[twice, list(schema.key)].iloc[0]
        shown = ", ".join(f"{key}={value!r}" for key, value in row.items())
        raise TableError(f"table {name!r}: {int(twice.sum())} rows repeat a key, the first is {shown}")
    return checked.sort_values(list(schema.key), kind="stable", ignore_index=True, na_position="first")


def write_table(frame: pd.DataFrame, name: str, folder: Path) -> Path:
    """Write `frame` as `folder/<name>.parquet` after `conform`; returns the path. The file appears complete or not."""
    checked = conform(frame, name)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.parquet"
    partial = folder / f".{name}.parquet.partial"
    checked.to_parquet(partial, index=False)
    os.replace(partial, path)
    return path


def read_table(name: str, folder: Path) -> pd.DataFrame:
    """The table `name` of a run's `tables` folder; raises `TableError` where there is none."""
    path = folder / f"{name}.parquet"
    if not path.exists():
        found = ", ".join(sorted(file.stem for file in folder.glob("*.parquet"))) or "none"
        raise TableError(f"no table {name!r} in {folder}; found: {found}")
    return pd.read_parquet(path)


def empty_table(name: str) -> pd.DataFrame:
    """The table `name` without rows, typed."""
    return conform(pd.DataFrame({c.name: [] for c in SCHEMAS[name].columns}), name)
