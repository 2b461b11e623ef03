"""Options that several `wardian organisms` commands share, and their progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from experiments.console import errors

EditionName = Literal["pocket", "general"]

Given = Annotated[
    str,
    typer.Argument(metavar="NAME|PATH", help="A data set's name, its folder, or a file of rows."),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder that the set goes to.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the data set that DIR holds.")]
Edition = Annotated[
    EditionName | None,
    typer.Option("--edition", help="pocket's world or real models; else pocket where it exists."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, metavar="S", help="Seed of the maker.")]
Rows = Annotated[int, typer.Option("-n", "--rows", min=1, metavar="N", help="How many rows.")]
Bases = Annotated[
    list[str] | None,
    typer.Option("--base", metavar="BASE", help="Count its tokens; may be given several times."),
]


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal's standard error, and nothing elsewhere."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
