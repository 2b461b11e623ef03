"""The tables a run leaves: their columns, types, keys and allowed values, checked when written.

It knows the schema and nothing of where the numbers come from. All tables are long form, one fact a
row, sorted by their key, without times or run ids, so that equal runs leave equal files.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.table_columns import Column
from experiments.table_schemas import SCHEMAS


class TableError(ValueError):
    """A table does not fit its schema; the message names the table, the column, the value and
    the fix."""


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
            raise TableError(
                f"{where}: {count} of {len(values)} rows are empty; give every row a value"
            )
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
            raise TableError(
                f"{where}: {wrong[0]!r} is not allowed; it must match {column.pattern}"
            )
    for bound, outside in ((column.low, values.lt), (column.high, values.gt)):
        if bound is not None and outside(bound).any():
            value = values[outside(bound)].iloc[0]
            raise TableError(f"{where}: {value!r} is outside [{column.low}, {column.high}]")


def conform(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """`frame` as the table `name`: checked, typed, columns in order, rows sorted by key.

    A missing column with a default is filled in. Raises `TableError` for an unknown table, a
    missing or unknown column, a value of the wrong type or outside what is allowed, and for two
    rows with one key.
    """
    if name not in SCHEMAS:
        raise TableError(f"no table is called {name!r}; the tables are {', '.join(SCHEMAS)}")
    schema = SCHEMAS[name]
    known = [column.name for column in schema.columns]
    extra = sorted(str(column) for column in frame.columns if column not in known)
    unknown = [column for column in extra if not re.fullmatch(schema.extra or r"(?!)", column)]
    if unknown:
        raise TableError(
            f"table {name!r} has no column {unknown[0]!r}; its columns are {', '.join(known)}"
        )
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
        raise TableError(
            f"table {name!r}: {int(twice.sum())} rows repeat a key, the first is {shown}"
        )
    return checked.sort_values(
        list(schema.key), kind="stable", ignore_index=True, na_position="first"
    )


def write_table(frame: pd.DataFrame, name: str, folder: Path) -> Path:
    """Write `frame` as `folder/<name>.parquet` after `conform`; returns the path. The file
    appears complete or not."""
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
