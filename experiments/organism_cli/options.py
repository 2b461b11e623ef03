"""Options that several `wardian organisms` commands share, and how they show what they do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from experiments.console import errors, output

if TYPE_CHECKING:
    from organisms.datasets.card import Card

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
RowsThere = Annotated[
    int | None,
    typer.Option(
        "-n", "--rows", min=1, metavar="N", help="How many; else 1000 of a name, all of a path."
    ),
]
Rows = Annotated[int, typer.Option("-n", "--rows", min=1, metavar="N", help="How many rows.")]
Bases = Annotated[
    list[str] | None,
    typer.Option("--base", metavar="BASE", help="Count its tokens; may be given several times."),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, metavar="W", help="Processes that make rows; else the cores."),
]
Replies = Annotated[
    Path | None,
    typer.Option("--replies", metavar="DIR", help="Replies are kept there; else beside --out."),
]
Connections = Annotated[
    int, typer.Option("--max-connections", min=1, metavar="N", help="Calls at a time.")
]
Yes = Annotated[
    bool, typer.Option("--yes", help="Do not ask whether to go on at the estimated cost.")
]
WriterPrice = Annotated[
    str | None,
    typer.Option("--writer-price", metavar="IN,OUT", help="Its price a million tokens."),
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


def check_bases(bases: Iterable[str] | None) -> None:
    """Refuse a base that has no tokenizer, before any row is made or paid for.

    Raises:
        ValueError: It has none.
    """
    if bases:
        from organisms.datasets.statistics import tokenizer_of

        for base in bases:
            tokenizer_of(base)


def check_models(*names: str) -> None:
    """Refuse an inspect model that cannot be used, before the cost is told or a call is paid for.

    Raises:
        ValueError: There is none of that name, or what its provider needs is not there.
    """
    from organisms.datasets.writing.asking import model_named

    for name in names:
        model_named(name)


def written(folder: Path, card: Card) -> None:
    """Say where a data set is."""
    output.print(
        f"written to {folder}: {card.rows:,} rows", highlight=False, markup=False, soft_wrap=True
    )
