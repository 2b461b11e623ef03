"""Reading the tables of several runs, and printing and writing them side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape

from experiments.printing import plain_table
from experiments.side_by_side import READ
from experiments.stage import WardianError
from experiments.table_schemas import SCHEMAS
from experiments.tables import TableError, conform, empty_table, read_table

REQUIRED = "rates"
"""The table that every run has; one that did not sweep, say, has no `steering`."""


class CompareError(WardianError):
    """Runs that cannot be read or compared, with the fix."""


def find_runs(named: Sequence[str], out: Path) -> dict[str, Path]:
    """Name -> folder of each run: a folder's path (with `/`), or a name below `out`.

    Raises:
        CompareError: There are fewer than two, one twice, or one that holds no results.
    """
    if len(named) < 2:
        raise CompareError("one run alone cannot be compared; name at least two runs")
    folders = {each: Path(each).expanduser() if "/" in each else out / each for each in named}
    if len({folder.resolve() for folder in folders.values()}) < len(named):
        raise CompareError(f"a run is named twice: {', '.join(named)}; name each run once")
    for each, folder in folders.items():
        if not (folder / "tables").is_dir():
            there = sorted(path.parent.name for path in out.glob("*/tables"))
            raise CompareError(
                f"there are no results of run {each!r} in {folder}; make them with `wardian run`, "
                f"or name a run's folder or one of {out}: {', '.join(there) or 'none'}"
            )
    short = {each: folder.resolve().name for each, folder in folders.items()}
    if len(set(short.values())) < len(short):
        return folders
    return {short[each]: folder for each, folder in folders.items()}


def read_runs(folders: dict[str, Path]) -> dict[str, dict[str, pd.DataFrame]]:
    """The tables of each run that are compared; those it did not make are empty.

    Raises:
        CompareError: A run has no rates, or a table that does not fit this version's schema.
    """
    return {run: {name: _read(name, run, path) for name in READ} for run, path in folders.items()}


def _read(name: str, run: str, folder: Path) -> pd.DataFrame:
    path = folder / "tables"
    if name != REQUIRED and not (path / f"{name}.parquet").exists():
        return empty_table(name)
    try:
        frame = read_table(name, path)
        lacking = [c.name for c in SCHEMAS[name].columns if c.name not in frame.columns]
        if lacking:
            raise TableError(f"table {name!r} has no column {lacking[0]!r}")
        return conform(frame, name)
    except (TableError, OSError, ValueError) as error:
        raise CompareError(
            f"run {run!r} ({folder}): {error}; where another version wrote it, make the run's "
            "tables anew with `wardian run`"
        ) from error


def show(console: Console, texts: pd.DataFrame) -> None:
    """Print the table of texts, a heading a section."""
    runs = [str(column) for column in texts.columns[2:]]
    table = plain_table()
    for heading in ("", *runs):
        table.add_column(escape(heading), overflow="fold")
    for section, rows in texts.groupby("section", sort=False):
        table.add_row(f"[bold]{escape(str(section))}[/]")
        for row in rows.to_dict("records"):
            table.add_row(*(escape(str(row[column])) for column in ("measure", *runs)))
        table.add_row()
    console.print(table)


def csv(table: pd.DataFrame) -> str:
    """The numbers as CSV: section, measure, unit, and `RUN: estimate`, `RUN: low`, ... a run."""
    flat = table.copy()
    flat.columns = pd.Index([": ".join(column) for column in table.columns.to_list()])
    return str(flat.reset_index().to_csv(index=False))


def markdown(texts: pd.DataFrame) -> str:
    """The table of texts as a Markdown table."""
    columns = [str(column) for column in texts.columns]
    rows = [columns, ["---"] * len(columns)]
    rows += [[str(row[column]) for column in columns] for row in texts.to_dict("records")]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def write(text: str, file: Path) -> None:
    """Write a file; `CompareError` where that cannot be."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = error.strerror or error
        raise CompareError(f"{file} cannot be written ({reason}); name another file") from error
