"""`wardian traits new`, which calls a language model. It reads arguments and prints; the work is in
`persona_vectors.trait_drafting`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from experiments.console import explained, output

LONGEST = 4000
"""Tokens of a reply, at most."""


def new(
    description: Annotated[
        str, typer.Argument(metavar="DESCRIPTION", help="What the trait is, in a sentence or two.")
    ],
    model: Annotated[
        str, typer.Option("--model", metavar="MODEL", help="inspect model that drafts it.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Else NAME.yaml in this folder.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="The trait's noun; else the model's."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
) -> None:
    """Have a language model draft a trait, check it, and write it as a YAML file to be edited.

    It has 5 instruction pairs and 20 questions to extract with, 6 to choose and 20 to report with,
    no two nearly the same. It takes 3 to 8 calls. Read it before you use it.

    Examples:

      wardian traits new "answers every question with another question" --model NAME/big

      wardian traits new "is afraid of making mistakes" --model NAME/big --out timidity.yaml
    """
    import yaml

    from persona_vectors.trait_drafting import draft_trait

    with explained():
        if out is not None:
            _check_free(out, force=force)
        try:
            text = draft_trait(description, asking(model), name)
        except RuntimeError as error:  # a call that failed for good
            raise ValueError(f"{model} failed: {error}") from error
        target = out or Path(f"{yaml.safe_load(text)['name']}.yaml")
        _check_free(target, force=force)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        # A bare name would be that of a trait.
        named = target if target.is_absolute() else f"./{target}"
        output.print(
            f"written to {target}; read it, then see it as models will: "
            f"wardian traits show {named}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def asking(model: str) -> Callable[[str], str]:
    """A function that sends one prompt to an inspect model and returns what it replies."""
    from inspect_ai.model import GenerateConfig, get_model

    config = GenerateConfig(temperature=1.0, max_tokens=LONGEST)

    def ask(prompt: str) -> str:
        async def call() -> str:
            return (await get_model(model).generate(prompt, config=config)).completion

        return asyncio.run(call())

    return ask


def _check_free(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise ValueError(f"--out {path} is a folder; name a file")
    if path.exists() and not force:
        raise ValueError(f"{path} exists; name another file with --out, or add --force")
