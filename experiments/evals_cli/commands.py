"""`wardian evals`: the group of commands for judged answers and their judges."""

import typer

from experiments.evals_cli.calibrating import calibrate
from experiments.evals_cli.cells import cells
from experiments.evals_cli.importing import import_files
from experiments.evals_cli.planning import cost, plan

evals = typer.Typer(
    help="Import judged answers, calibrate judges, plan how large a study has to be.\n\n"
    "Start with: wardian evals plan --points 3 --rate 20",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
evals.command("import")(import_files)
evals.command("calibrate")(calibrate)
evals.command("plan")(plan)
evals.command("cost")(cost)
evals.command("cells")(cells)
