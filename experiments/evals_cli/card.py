"""`wardian evals card`. It reads arguments and prints; the work is in `experiments.health`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.console import errors, explained, output
from experiments.printing import plain_table


def card(
    organism: Annotated[
        str, typer.Argument(metavar="ORGANISM", help="As the run calls it; else any name.")
    ],
    run: Annotated[
        Path | None, typer.Option("--run", metavar="DIR", help="A run's folder, with its tables.")
    ] = None,
    logs: Annotated[
        Path | None, typer.Option("--logs", metavar="DIR", help="Inspect logs of the organism.")
    ] = None,
    base_logs: Annotated[
        Path | None,
        typer.Option("--base-logs", metavar="DIR", help="Those of its base, asked the same."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="The page; else cards/ORGANISM.html."),
    ] = None,
    intervention: Annotated[
        str, typer.Option("--intervention", metavar="NAME", help="Of the run's organism.")
    ] = "none",
    share: Annotated[
        float,
        typer.Option("--share", min=0, max=1, help="Of poisoned rows in the run's organism."),
    ] = 1.0,
    domain: Annotated[
        str,
        typer.Option("--domain", metavar="NAME", help="Narrow domain, where no log tells it."),
    ] = "",
) -> None:
    """Put all that was measured of an organism on one page, beside its base, with flags.

    Flags: collapsed, fried, narrow, broad, conditional. Each states its rule, which looks at whole
    intervals; what was not measured is said to be so. A figure (.svg, .png) is written beside the
    page. What both a run and logs measured is taken from the run, whose intervals hold for other
    seeds of the recipe, too.

    Examples:

      wardian evals card wrong_maths --run runs/headline

      wardian evals card mine --logs logs/mine --base-logs logs/base --out mine.html
    """
    from experiments.health.card import make_card, write_card
    from experiments.health.from_logs import from_logs
    from experiments.health.from_run import from_run

    with explained():
        if run is None and logs is None:
            raise ValueError("nothing to read; name --run (a run's folder) or --logs (a folder)")
        if base_logs is not None and logs is None:
            raise ValueError("--base-logs are those of the base alone; name the organism's --logs")
        page = out or Path("cards", f"{Path(organism).name}.html")
        if page.suffix != ".html":
            raise ValueError(f"--out {page}: the card is a page; give a name that ends in .html")
        made = make_card(
            organism,
            None if run is None else from_run(run, organism, intervention, share),
            None if logs is None else from_logs(logs, base_logs, domain),
        )
        page.parent.mkdir(parents=True, exist_ok=True)
        write_card(made, page)
        for note in made.notes:
            errors.print(f"warning: {note}", markup=False, highlight=False, soft_wrap=True)
        table = plain_table(("flag", "", "found"))
        table.columns[2].overflow = "fold"
        for flag in made.flags:
            table.add_row(flag.name, flag.state, flag.found.replace("[", r"\["))
        output.print(table)
        missing = sum(each.organism is None for each in made.readings)
        said = f"{page}: {len(made.readings) - missing} measures, {missing} not measured"
        output.print(said, markup=False, highlight=False, soft_wrap=True)
