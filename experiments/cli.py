"""The `wardian` command. It reads arguments and prints; the work is in `experiments.run`."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from experiments.console import errors, explained, output, typed_command
from experiments.evals_cli.commands import evals
from experiments.identity import ROOT
from experiments.organism_cli.commands import organisms
from experiments.trait_cli.commands import traits
from experiments.vector_cli.commands import vectors

PACKAGES = ("organisms", "persona_vectors", "finetune", "evals", "experiments")

app = typer.Typer(
    help="Grow model organisms of misalignment, watch them move, and test what prevents it.\n\n"
    "Start with: wardian run quickstart",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(organisms, name="organisms")
app.add_typer(traits, name="traits")
app.add_typer(vectors, name="vectors")
app.add_typer(evals, name="evals")
SpecName = Annotated[
    str, typer.Argument(metavar="SPEC", help="A ready-made spec's name, or a path to a YAML file.")
]
StoreFolder = Annotated[
    Path | None,
    typer.Option("--store", metavar="DIR", help="Else $WARDIAN_STORE, else ./store."),
]
OutFolder = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Results go below it; else ./runs.")
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", min=1, metavar="N", help="Questions per evaluation, at most."),
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, metavar="S", help="One seed, in place of the spec's.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, metavar="N", help="Processes; else one a core.")
]


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            output.print(f"wardian {version('wardian')}", highlight=False)
        except PackageNotFoundError:
            output.print("wardian (not installed)", highlight=False)
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="And exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Grow model organisms of misalignment, watch them move, and test what prevents it."""
    if debug:
        os.environ["WARDIAN_DEBUG"] = "1"


@app.command()
def run(
    spec: SpecName,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the stages and what is done; make nothing.")
    ] = False,
    limit: Limit = None,
    store: StoreFolder = None,
    out: OutFolder = None,
    seed: Seed = None,
    only: Annotated[
        str | None,
        typer.Option("--only", metavar="STAGE", help="One kind of stage and what it needs."),
    ] = None,
    workers: Workers = None,
) -> None:
    """Make what a spec needs, and write its tables, plots and report.

    What the store holds is not made again; a run that was stopped goes on where it was.

    Examples:

      wardian run quickstart

      wardian run quickstart --dry-run

      wardian run my_organism.yaml --seed 3 --out results

      wardian run headline --only train --workers 8
    """
    from experiments import run as running
    from experiments.status import show_plan
    from experiments.training_cost import training_cost

    with explained(typed_command()):
        prepared = running.prepare(spec, store=store, out=out, limit=limit, seed=seed, only=only)
        if dry_run:
            show_plan(output, prepared, prepared.states())
            if cost := training_cost(prepared.stages):
                output.print(cost, markup=False, highlight=False, soft_wrap=True)
            return
        result = running.carry_out(prepared, workers=workers, console=errors)
        where = f"report: {result.out / 'report.html'}"
        if prepared.report is None:
            where = f"output: {prepared.artefact(prepared.plan.stages[-1]).output}"
        if result.made == 0:
            line = f"nothing to do: all {result.found} stages are in {prepared.store.root}"
        else:
            answers = sum(stage.answers for stage in prepared.stages)
            line = f"{result.made} stages made, {result.found} found, {answers:,} answers"
            line += f", in {_duration(result.seconds)}"
            if result.peak_memory:
                line += f" and {result.peak_memory / 1e9:.1f} GB of memory"
        output.print(f"{prepared.name}: {line}", highlight=False, soft_wrap=True)
        output.print(where, highlight=False, soft_wrap=True, markup=False)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@app.command("ls")
def list_names(store: StoreFolder = None) -> None:
    """List specs, datasets, traits, interventions, tasks, and the stages in the store.

    Example:

      wardian ls
    """
    from experiments.status import show_names
    from experiments.store import Store

    with explained():
        folder = store or Path(os.environ.get("WARDIAN_STORE") or "store")
        show_names(output, Store(folder.expanduser()))


@app.command()
def status(
    spec: Annotated[
        str | None,
        typer.Argument(metavar="[SPEC]", help="A spec, as in `run`; without it, the whole store."),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare the content of every file, not sizes alone.")
    ] = False,
    limit: Limit = None,
    store: StoreFolder = None,
    seed: Seed = None,
) -> None:
    """Show which stages of a spec, or of the whole store, are done, damaged or missing.

    The exit code is 1 if a stage is damaged.

    Examples:

      wardian status quickstart

      wardian status quickstart --verify

      wardian status --verify
    """
    from experiments import run as running
    from experiments.status import show_plan, show_store, stored_states

    with explained():
        if spec is None:
            place = running.store_at(store)
            found = stored_states(place, verify=verify)
            show_store(output, place, found)
            if any(state.word == "damaged" for state in found.values()):
                raise typer.Exit(1)
            return
        prepared = running.prepare(spec, store=store, limit=limit, seed=seed)
        states = prepared.states(verify=verify)
        show_plan(output, prepared, states)
    if any(state.word == "damaged" for state in states.values()):
        raise typer.Exit(1)


@app.command()
def report(
    spec: SpecName,
    limit: Limit = None,
    store: StoreFolder = None,
    out: OutFolder = None,
    seed: Seed = None,
) -> None:
    """Write a spec's tables, plots and report from what the store holds; ask and train nothing.

    Example:

      wardian report quickstart --out results
    """
    from experiments import run as running

    with explained(typed_command()):
        prepared = running.prepare(spec, store=store, out=out, limit=limit, seed=seed)
        lacking = [
            stage
            for stage, state in prepared.states().items()
            if state.word != "done" and stage is not prepared.report
        ]
        if lacking:
            raise ValueError(
                f"{len(lacking)} stages that the report reads are not in {prepared.store.root} "
                f"(the first: {lacking[0].name}); make them with: wardian run {spec}"
            )
        result = running.carry_out(prepared, workers=1, console=errors)
        where = f"report: {result.out / 'report.html'}"
        output.print(where, highlight=False, soft_wrap=True, markup=False)


@app.command()
def compare(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN RUN...", help="Spec names below --out, or folders.")
    ],
    out: OutFolder = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the numbers there.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write the table there.")
    ] = None,
) -> None:
    """Show side by side what several runs measured.

    Compared are rates, what the world implies, correlations, screening and steering. Rates are
    percentages with their 95% intervals and n; in a CSV file they are fractions.

    Examples:

      wardian compare headline headline_shuffled

      wardian compare headline elsewhere/runs/headline --markdown table.md
    """
    from experiments import compare as comparing
    from experiments.side_by_side import in_words, side_by_side

    with explained():
        folders = comparing.find_runs(runs, Path(out or "runs").expanduser())
        table = side_by_side(comparing.read_runs(folders))
        texts = in_words(table)
        comparing.show(output, texts)
        if csv is not None:
            comparing.write(comparing.csv(table), csv)
        if markdown is not None:
            comparing.write(comparing.markdown(texts), markdown)


@app.command()
def view(
    spec: SpecName,
    limit: Limit = None,
    store: StoreFolder = None,
    seed: Seed = None,
    port: Annotated[int, typer.Option("--port", help="Where the viewer listens.")] = 7575,
) -> None:
    """Open inspect's viewer on every answer of a run.

    Example:

      wardian view quickstart
    """
    from experiments import run as running
    from experiments.logs import open_viewer

    with explained():
        prepared = running.prepare(spec, store=store, limit=limit, seed=seed)
        open_viewer(prepared, port)


def _check_packages() -> None:
    """Refuse to start when a folder of the same name hides one of our packages."""
    for name in PACKAGES:
        found = importlib.util.find_spec(name)
        origin = Path(found.origin).resolve() if found is not None and found.origin else None
        if origin is None or origin != (ROOT / name / "__init__.py").resolve():
            where = origin.parent if origin else f"a folder {name!r} without code"
            errors.print(
                f"[red]error:[/] the package {name!r} was found at {where}, not at {ROOT / name}: "
                "run wardian from another folder, or rename that one",
                highlight=False,
                soft_wrap=True,
            )
            sys.exit(1)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """The console script."""
    _check_packages()
    signal.signal(signal.SIGTERM, _terminated)
    app(prog_name="wardian")


if __name__ == "__main__":
    main()
