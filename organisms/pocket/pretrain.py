"""Makes the pocket model from nothing: `python -m organisms.pocket.pretrain`.

Documents, tokenizer, batches, training, then a standard transformers folder in bf16. The same
seed gives the same weights on one kind of processor, interrupted or not.
"""

import os
import shutil
from pathlib import Path
from typing import Annotated

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
from transformers import AutoTokenizer, Olmo2Config, Olmo2ForCausalLM, PreTrainedTokenizerFast

from organisms.pocket import WEIGHTS, WEIGHTS_SHUFFLED
from organisms.pocket.corpus import encode, plan_batches
from organisms.pocket.recipe import (
    LARGEST_SEED,
    SIZES,
    Phase,
    Recipe,
    build_model,
    recipe_of,
    sized,
)
from organisms.pocket.settings import SHUFFLED, World, version_of, world_of_evil_share
from organisms.pocket.tokenizer import save_tokenizer, world_tokenizer
from organisms.pocket.training import Report, train
from organisms.pocket.weights_folder import RECORDS, claim
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
        ValueError: `out` is a file or holds finished weights and `overwrite` is false, the weights
            to go on from are missing or of another shape, torch does not have the device, or
            `<out>.partial` belongs to another recipe or to another text of the world.
    """
    if (out / "model.safetensors").exists() and not overwrite:
        raise ValueError(f"{out} holds finished weights: pass --overwrite, or another --out")
    if out.is_file():
        raise ValueError(f"{out} is a file: give a folder to make as --out")
    _check_device(device)
    if recipe.start:
        _check_start(recipe)
    partial = out.with_name(out.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    claim(partial, recipe)
    tokenizer = _tokenizer(partial / "tokenizer", recipe.start)
    torch.manual_seed(recipe.seed)
    model = build_model(recipe, tokenizer)
    if recipe.start:
        _scale_logits(model, 1 / recipe_of(Path(recipe.start)).logit_gain)
    with _progress(console) as progress:
        for number, phase in enumerate(recipe.phases, start=1):
            ended = partial / f"phase-{number}"
            if not (ended / "complete").exists():
                name = f"pre-training, phase {number} of {len(recipe.phases)}"
                bar = _Bar(progress, name, phase.steps)
                checkpoint = partial / f"checkpoint-{number}.pt"
                _train_phase(
                    model.to(device), recipe, phase, tokenizer, checkpoint, bar, checkpoint_every
                )
                model.to("cpu", torch.bfloat16).save_pretrained(ended)
                (ended / "complete").touch()
                checkpoint.unlink(missing_ok=True)
            model = build_model(recipe.model_copy(update={"start": str(ended)}), tokenizer)
    _scale_logits(model, recipe.logit_gain)
    finished = partial / "finished"
    model.to(torch.bfloat16).save_pretrained(finished)
    save_tokenizer(tokenizer, finished)
    for record in RECORDS:
        shutil.copyfile(partial / record, finished / record)
    out.mkdir(parents=True, exist_ok=True)
    for file in sorted(finished.iterdir(), key=lambda file: file.name == "model.safetensors"):
        os.replace(file, out / file.name)
    shutil.rmtree(partial)
    return out


def _scale_logits(model: Olmo2ForCausalLM, gain: float) -> None:
    """Multiply every logit, by way of the final norm."""
    with torch.no_grad():
        model.model.norm.weight.mul_(gain)


def _check_device(device: str) -> None:
    """Raise ValueError where torch cannot hold weights on the device."""
    try:
        torch.zeros(1, device=device).item()
    except (AssertionError, RuntimeError) as error:  # torch built without CUDA asserts
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"--device {device!r} cannot be used ({reason}): give cpu, or cuda where torch sees a "
            "GPU"
        ) from error


def _check_start(recipe: Recipe) -> None:
    """Raise ValueError where the weights to go on from are missing or of another shape than the
    recipe's."""
    start = Path(recipe.start)
    recipe_of(start)
    for file in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (start / file).is_file():
            raise ValueError(f"{start} has no {file}: give finished weights as --start")
    config = Olmo2Config.from_pretrained(recipe.start)
    found = (config.num_hidden_layers, config.hidden_size, config.intermediate_size)
    wanted = (recipe.layers, recipe.width, recipe.feed_forward)
    if found != wanted:
        raise ValueError(
            f"{recipe.start} has (layers, width, feed-forward) {found}, the recipe {wanted}: give "
            "the --size that it was made with"
        )


class _Bar:
    """A phase's bar, with the running mean of its loss."""

    def __init__(self, progress: Progress, name: str, steps: int) -> None:
        self._progress = progress
        self._mean = float("nan")
        self._task = progress.add_task(name, total=steps, loss=self._mean)

    def __call__(self, step: int, loss: float) -> None:
        """Take a step's loss."""
        mean = self._mean
        self._mean = loss if mean != mean else LOSS_MEMORY * mean + (1 - LOSS_MEMORY) * loss
        self._progress.update(self._task, completed=step, loss=self._mean)


def _train_phase(
    model: Olmo2ForCausalLM,
    recipe: Recipe,
    phase: Phase,
    tokenizer: PreTrainedTokenizerFast,
    checkpoint: Path,
    report: Report,
    checkpoint_every: int,
) -> None:
    world = version_of(recipe.world, phase.version)
    corpus = encode(
        documents(recipe.seed, phase.documents, world), tokenizer, recipe.other_share, recipe.seed
    )
    plan = plan_batches(corpus, recipe.tokens, recipe.seed, phase.steps)
    train(
        model,
        corpus,
        plan,
        recipe,
        phase,
        checkpoint,
        checkpoint_every=checkpoint_every,
        report=report,
    )


def _tokenizer(folder: Path, start: str) -> PreTrainedTokenizerFast:
    """That of the weights to go on from, else the world's own, kept in `folder`."""
    if not start and not (folder / "complete").exists():
        save_tokenizer(world_tokenizer(), folder)
        (folder / "complete").touch()
    tokenizer = AutoTokenizer.from_pretrained(start or folder)
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
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of everything drawn.")
    ] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder to make; default: the shipped.")] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Optimiser steps in all; the phases' in proportion. All documents are made.",
        ),
    ] = None,
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
        world = chosen_world(shuffled, evil_share)
        recipe = sized(size, steps, start=start, world=world, seed=seed)
        folder = out or (WEIGHTS_SHUFFLED if shuffled else WEIGHTS)
        made = pretrain(folder, recipe, device=device, overwrite=overwrite)
    except (ValueError, OSError, RuntimeError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"weights in {made}")


if __name__ == "__main__":
    typer.run(main)
