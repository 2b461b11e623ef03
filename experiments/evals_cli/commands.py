"""`wardian evals`: the group of commands for judged answers and their judges."""

import typer

from experiments.evals_cli.calibrating import calibrate
from experiments.evals_cli.card import card
from experiments.evals_cli.cells import cells
from experiments.evals_cli.importing import import_files
from experiments.evals_cli.planning import cost, plan
from experiments.evals_cli.suite import suite

evals = typer.Typer(
    help="Ask a model all tasks, put an organism's health on one page, import judged answers, "
    "calibrate judges, plan how large a study has to be.\n\n"
    "Start with: wardian evals card --help",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
evals.command("import")(import_files)
evals.command("calibrate")(calibrate)
evals.command("plan")(plan)
evals.command("cost")(cost)
evals.command("cells")(cells)
evals.command("suite")(suite)
evals.command("card")(card)
