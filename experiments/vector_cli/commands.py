"""`wardian vectors`: the group of commands for persona vectors."""

import typer

from experiments.vector_cli.auditing import audit
from experiments.vector_cli.baking import bake
from experiments.vector_cli.converting import convert
from experiments.vector_cli.extracting import extract
from experiments.vector_cli.inspecting import show
from experiments.vector_cli.layers import layers
from experiments.vector_cli.monitoring import monitor
from experiments.vector_cli.screening import screen
from experiments.vector_cli.steering import steer

vectors = typer.Typer(
    help="Extract directions of personas in the residual stream; watch, screen, steer, audit and"
    " bake with them.\n\n"
    "Start with: wardian vectors show evil.safetensors",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
vectors.command("show")(show)
vectors.command("convert")(convert)
vectors.command("extract")(extract)
vectors.command("layers")(layers)
vectors.command("monitor")(monitor)
vectors.command("screen")(screen)
vectors.command("steer")(steer)
vectors.command("audit")(audit)
vectors.command("bake")(bake)
