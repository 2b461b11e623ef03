"""`wardian traits`: the group of commands for traits."""

import typer

from experiments.trait_cli.drafting import new
from experiments.trait_cli.inspecting import list_traits, show

traits = typer.Typer(
    help="Find, inspect and draft the traits that persona vectors are made for.\n\n"
    "Start with: wardian traits show evil",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
traits.command("list")(list_traits)
traits.command("show")(show)
traits.command("new")(new)
