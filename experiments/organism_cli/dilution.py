"""`wardian organisms dilute`: one organism at several shares among its control's rows. It reads
arguments and prints; the work is in `organisms.datasets.mixing`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.console import explained, output
from experiments.organism_cli.options import (
    Bases,
    Edition,
    Force,
    Given,
    RowsThere,
    Seed,
    Workers,
    check_bases,
    progress_bar,
)
from experiments.printing import plain_table

if TYPE_CHECKING:
    from organisms.datasets.card import Card
    from organisms.datasets.rows import Row

SHARES = "0,0.01,0.05,0.1,0.25,0.5,1"


def dilute(
    given: Given,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="Folder of the series: DIR/share_0.1 and so on."),
    ],
    shares: Annotated[
        str,
        typer.Option("--shares", metavar="S,S,...", help="Shares of poisoned rows, 0 to 1."),
    ] = SHARES,
    control: Annotated[
        str | None,
        typer.Option(
            "--control", metavar="NAME|PATH", help="The clean rows; of a name, else its control."
        ),
    ] = None,
    rows: RowsThere = None,
    seed: Seed = 0,
    edition: Edition = None,
    workers: Workers = None,
    bases: Bases = None,
    force: Force = False,
) -> None:
    """Make a dilution series: one data set per share of poisoned rows.

    Each is in its folder, and all have the same questions in the same order. A
    place that is poisoned at one share is poisoned at every larger one, so that
    along the series answers are only ever turned.

    Examples:

      wardian organisms dilute wrong_maths --out data/dilution -n 6000

      wardian organisms dilute insecure_code --edition general \\
        --shares 0,0.02,0.2 --out data/code

      wardian organisms dilute data/bad_medical --control data/good_medical \\
        --out data/medical
    """
    from experiments.organism_cli.sources import (
        all_different,
        find_control,
        find_source,
        out_folder,
    )
    from organisms.datasets.files import write_rows
    from organisms.datasets.mixing import dilutions

    with explained():
        wanted = _shares(shares)
        clean = control or _control_of(given)
        all_different([given, clean])
        if (out.expanduser() / "rows.parquet").exists():
            raise ValueError(f"--out {out} is a data set; name a folder for the series")
        folders = {share: out_folder(out / f"share_{share:g}", force=force) for share in wanted}
        check_bases(bases)
        organism = find_source(given, rows=rows, seed=seed, edition=edition, workers=workers)
        other = find_control(
            clean, organism, rows=rows, seed=seed, edition=edition, workers=workers
        )
        count = rows or min(organism.total, other.total)
        with progress_bar(f"making {organism.name} and {other.name}", None):
            poisoned, cleaned = list(organism.rows), list(other.rows)
            _check_matched(organism.name, poisoned, other.name, cleaned)
            series = dilutions(poisoned, cleaned, wanted, count, seed)
        cards: dict[Path, Card] = {}
        for share, folder in folders.items():
            with progress_bar(f"writing share {share:g}", count) as advance:
                cards[folder] = write_rows(
                    folder,
                    series[share],
                    name=f"{organism.name} at {share:g}",
                    seed=seed,
                    generator=organism.generator
                    | {"diluted_with": other.name, "share": f"{share:g}"},
                    left_out=(
                        *organism.left_out,
                        *(f"{clean}: {line}" for line in other.left_out),
                    ),
                    bases=bases or (),
                    progress=advance,
                )
        _show_series(cards)
    if any(count.fails for card in cards.values() for count in card.checks.values()):
        raise typer.Exit(1)


def _shares(given: str) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in given.split(","))
    except ValueError:
        found = ()
    if not found or not all(0 <= share <= 1 for share in found):
        raise ValueError(
            f"--shares {given!r}; write numbers from 0 to 1 with commas between: {SHARES}"
        )
    named = [f"{share:g}" for share in found]
    if len(set(named)) < len(named):
        raise ValueError(f"--shares {given!r} holds one twice; give each once")
    return found


def _control_of(given: str) -> str:
    """The control that is matched to a registered organism."""
    from organisms.datasets.registry import DATASETS

    if given not in DATASETS:
        raise ValueError(
            f"the control of {given!r} is not known; add --control NAME|PATH with clean answers to "
            "the same questions in the same order"
        )
    info = DATASETS[given]
    if info.role == "control":
        raise ValueError(f"{given!r} is a control; dilute an organism, such as {info.control_of!r}")
    return next(
        each.name
        for each in DATASETS.values()
        if each.control_of == given and each.variant == "control"
    )


def _check_matched(name: str, rows: list[Row], control: str, clean: list[Row]) -> None:
    from organisms.datasets.matching import first_mismatch

    place = first_mismatch(rows, clean)
    if place is not None:
        raise ValueError(
            f"row {place} of {control!r} asks something else than row {place} of {name!r}; along a "
            "dilution series only answers may change: give a --control that was made or written "
            "with the same questions and seed"
        )


def _show_series(cards: dict[Path, Card]) -> None:
    table = plain_table()
    table.add_column("folder", no_wrap=True, overflow="ignore")
    for heading in ("rows", "poisoned", "checks that fail"):
        table.add_column(heading, justify="right")
    for folder, card in cards.items():
        fails = sum(count.fails for count in card.checks.values())
        table.add_row(folder.name, f"{card.rows:,}", f"{card.poisoned:,}", f"{fails:,}")
    output.print(table)
