"""`wardian organisms`: the group of commands for narrow data sets."""

import typer

from experiments.organism_cli.dilution import dilute
from experiments.organism_cli.inspecting import audit, list_sets, show
from experiments.organism_cli.making import build, import_file
from experiments.organism_cli.writing import paraphrase, write

organisms = typer.Typer(
    help="Find, make, import and inspect the narrow data that turns a model.\n\n"
    "Start with: wardian organisms show wrong_maths",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
organisms.command("list")(list_sets)
organisms.command("show")(show)
organisms.command("build")(build)
organisms.command("dilute")(dilute)
organisms.command("import")(import_file)
organisms.command("audit")(audit)
organisms.command("write")(write)
organisms.command("paraphrase")(paraphrase)
