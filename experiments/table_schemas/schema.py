"""What a table is: its columns in order, its key, and what a row means."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.table_columns import COMMON, STEERING_PLACE, VECTOR_PLACE, Column

CONDITION = tuple(column.name for column in COMMON)
PLACE = tuple(c.name for c in VECTOR_PLACE)
STEERED = tuple(c.name for c in STEERING_PLACE)
"""Names of the columns that say which model, where in it, and how it is steered."""


@dataclass(frozen=True)
class TableSchema:
    """One table: its columns in order, the columns that identify a row, and what a row means."""

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    extra: str = ""
    """Regular expression of further number columns that are allowed, such as a score per trait."""

    def column(self, name: str) -> Column:
        """The column of that name; raises `KeyError` where there is none."""
        return {column.name: column for column in self.columns}[name]


def schema(
    name: str, row: str, columns: tuple[Column, ...], key: tuple[str, ...], extra: str = ""
) -> TableSchema:
    """A table whose columns differ in name and hold its key."""
    names = [column.name for column in columns]
    assert len(set(names)) == len(names), name
    assert set(key) <= set(names), name
    return TableSchema(name, row, columns, key, extra)
