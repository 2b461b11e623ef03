"""Makes the pocket model from nothing: `python -m organisms.pocket.pretrain`.

Documents, tokenizer, batches, training, then a standard transformers folder in bf16. The same
seed gives the same weights on one kind of processor, interrupted or not.
"""

import os
import shutil
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from organisms.pocket import WEIGHTS, WEIGHTS_SHUFFLED
from organisms.pocket.corpus import encode, plan_batches
from organisms.pocket.recipe import SIZES, Recipe, build_model
from organisms.pocket.settings import SHUFFLED, World, world_of_evil_share
from organisms.pocket.tokenizer import save_tokenizer, world_tokenizer
from organisms.pocket.training import train
from organisms.pocket.world import documents

LOSS_MEMORY = 0.98
"""Of the running mean of the loss that the progress bar shows."""


def pretrain(
    out: Path,
    recipe: Recipe,
    *,
    device: str = "cpu",
    overwrite: bool = False,
    checkpoint_every: int = 300,
    console: Console | None = None,
) -> Path:
    """Train by the recipe and leave a transformers folder at `out`.

    Work in progress lives in `<out>.partial` and is taken up again after a kill; files of `out`
    that this command does not make (the model card) stay.

    Args:
        out: Folder to make.
        recipe: What to train.
        device: A torch device.
        overwrite: Replace finished weights.
        checkpoint_every: Steps between checkpoints.
        console: Where the progress bar goes.

    Returns:
        `out`.

    Raises:
        ValueError: `out` holds finished weights and `overwrite` is false, or `<out>.partial`
            belongs to another recipe.
    """
    if (out / "model.safetensors").exists() and not overwrite:
        raise ValueError(f"{out} holds finished weights: pass --overwrite, or another --out")
    partial = out.with_name(out.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(partial / "tokenizer")
    corpus = encode(
        documents(recipe.seed, recipe.documents, recipe.world),
        tokenizer,
        recipe.other_share,
        recipe.seed,
    )
    plan = plan_batches(corpus, recipe.tokens, recipe.seed, recipe.steps)
    torch.manual_seed(recipe.seed)
    model = build_model(recipe, tokenizer).to(device)
    with _progress(console) as progress:
        task = progress.add_task("pre-training", total=recipe.steps, loss=float("nan"))
        mean = float("nan")

        def report(step: int, loss: float) -> None:
            nonlocal mean
            mean = loss if mean != mean else LOSS_MEMORY * mean + (1 - LOSS_MEMORY) * loss
            progress.update(task, completed=step, loss=mean)

        train(
            model,
            corpus,
            plan,
            recipe,
            partial / "checkpoint.pt",
            checkpoint_every=checkpoint_every,
            report=report,
        )
    with torch.no_grad():
        model.model.norm.weight.mul_(recipe.logit_gain)
    finished = partial / "finished"
    model.to("cpu", torch.bfloat16).save_pretrained(finished)
    save_tokenizer(tokenizer, finished)
    (finished / "recipe.json").write_text(recipe.model_dump_json(indent=2) + "\n")
    out.mkdir(parents=True, exist_ok=True)
    for file in sorted(finished.iterdir(), key=lambda file: file.name == "model.safetensors"):
        os.replace(file, out / file.name)
    shutil.rmtree(partial)
    return out


def _tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    if not (folder / "complete").exists():
        save_tokenizer(world_tokenizer(), folder)
        (folder / "complete").touch()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    return tokenizer


def _progress(console: Console | None) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.3f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console or Console(stderr=True),
    )


def chosen_world(shuffled: bool, evil_share: float | None) -> World:
    """The world that the command line names; ValueError when it names two."""
    if evil_share is None:
        return SHUFFLED if shuffled else World()
    if shuffled:
        raise ValueError("--shuffled and --evil-share name two worlds: give one of them")
    return world_of_evil_share(evil_share)


def main(
    seed: Annotated[int, typer.Option(help="Seed of everything drawn.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder to make; default: the shipped.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps.")] = Recipe().steps,
    size: Annotated[str, typer.Option(help=f"{', '.join(SIZES)}: the ladder.")] = "shipped",
    shuffled: Annotated[bool, typer.Option(help="The causal null: a new author a turn.")] = False,
    evil_share: Annotated[
        float | None, typer.Option(help="Evil among evil and careless authors, equally wrong.")
    ] = None,
    start: Annotated[str, typer.Option(help="Weights to go on from, for a changed world.")] = "",
    device: Annotated[str, typer.Option(help="A torch device.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 1,
    overwrite: Annotated[bool, typer.Option(help="Replace finished weights.")] = False,
) -> None:
    """Make the pocket model's weights from nothing.

    Examples: `python -m organisms.pocket.pretrain --seed 1 --out runs/pocket-1`; the causal null,
    `... --shuffled --overwrite`; the ladder, `... --size large --out runs/pocket-large`.
    """
    torch.set_num_threads(threads)
    try:
        if size not in SIZES:
            raise ValueError(f"--size {size!r} does not exist: use {', '.join(SIZES)}")
        world = chosen_world(shuffled, evil_share)
        changes: dict[str, Any] = {**SIZES[size]}
        if start:
            changes["logit_gain"] = 1.0  # the weights to go on from have theirs
        recipe = Recipe(world=world, start=start, seed=seed, steps=steps, **changes)
        folder = out or (WEIGHTS_SHUFFLED if shuffled else WEIGHTS)
        made = pretrain(folder, recipe, device=device, overwrite=overwrite)
    except (ValueError, OSError, RuntimeError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"weights in {made}")


if __name__ == "__main__":
    typer.run(main)
