"""`wardian evals cells`. It reads arguments and prints; the work is in `evals.importing.cells`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.console import errors, explained, output

if TYPE_CHECKING:
    import pandas as pd


def cells(
    logs: Annotated[
        list[Path], typer.Argument(metavar="LOG...", help="Inspect logs of tasks with cells.")
    ],
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="LOG", help="The base's log of the same task."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME", help="Only this one; may be given several times."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="A figure (.svg, .png) or a table (.parquet)."),
    ] = None,
) -> None:
    """Show what each cell of a task shows, beside its reference cell.

    For logs of evals/trigger_grid, evals/conditional_misalignment, evals/regurgitation and
    evals/cot_monitorability: rates with 95% intervals over topics, and differences paired by
    question from the reference cell, or from the same cell of the base with --against.

    Examples:

      wardian evals cells logs/2026_trigger-grid.eval

      wardian evals cells logs/organism.eval --against logs/base.eval --out cells.svg
    """
    import pandas as pd

    from evals.importing.cells import cell_table, read_cells
    from experiments.evals_cli.cell_views import show_cells
    from experiments.plots.cells import draw

    with explained():
        if out is not None and out.suffix not in (".svg", ".png", ".parquet"):
            raise ValueError(f"--out {out}: allowed are files that end in .svg, .png or .parquet")
        base = None if against is None else read_cells(against)
        tables = []
        for log in logs:
            answers = read_cells(log)
            table = cell_table(answers, base)
            table = _chosen(table, metric or ())
            show_cells(output, answers, table, against_base=base is not None)
            tables.append(table.assign(log=log.stem, model=answers["model"].iloc[0]))
        together = pd.concat(tables, ignore_index=True)
        if out is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
            if out.suffix == ".parquet":
                together.to_parquet(out, index=False)
            else:
                draw(together).savefig(out)
            errors.print(f"written to {out}", markup=False, highlight=False)


def _chosen(table: pd.DataFrame, metrics: list[str] | tuple[()]) -> pd.DataFrame:
    there = list(dict.fromkeys(table["metric"]))
    if unknown := [name for name in metrics if name not in there]:
        raise ValueError(f"no metric {unknown[0]!r} in the log; there are {', '.join(there)}")
    return table[table["metric"].isin(metrics)] if metrics else table
