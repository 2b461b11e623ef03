"""`wardian traits list` and `show`. They read arguments and print; traits are in
`persona_vectors.traits`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from experiments.console import explained, output
from experiments.organism_cli.options import EditionName
from experiments.printing import plain_table


def list_traits() -> None:
    """List the traits, the editions that have them and how many questions they bring.

    Example:

      wardian traits list
    """
    from persona_vectors.traits import EDITIONS, SPLITS, load_trait, trait_names

    with explained():
        names = {edition: trait_names(edition) for edition in EDITIONS}
        table = plain_table()
        for heading in ("trait", "editions", *SPLITS, "what it is"):
            right = heading in SPLITS
            table.add_column(heading, justify="right" if right else "left")
        for name in dict.fromkeys(name for known in names.values() for name in known):
            editions = [edition for edition in EDITIONS if name in names[edition]]
            trait = load_trait(name, "general" if "general" in editions else "pocket")
            counts = [
                str(len(trait.questions.get(split, ())) or "")
                for split in ("extract", "dev", "report")
            ]
            table.add_row(name, ", ".join(editions), *counts, escape(trait.description))
        output.print(table)


def show(
    given: Annotated[
        str, typer.Argument(metavar="NAME|PATH", help="A trait, or a YAML or published JSON file.")
    ],
    edition: Annotated[
        EditionName | None,
        typer.Option("--edition", help="pocket's world or real models; else general where it is."),
    ] = None,
) -> None:
    """Print a trait's system prompts, questions and rubric; a file that is not valid is refused.

    Examples:

      wardian traits show evil

      wardian traits show careless --edition pocket

      wardian traits show mine.yaml
    """
    from persona_vectors.traits import SPLITS, load_trait, trait_names

    with explained():
        own = given in trait_names("pocket") and given not in trait_names("general")
        trait = load_trait(given, edition or ("pocket" if own else "general"))
        said = f" - {trait.description}" if trait.description else ""
        output.print(f"[bold]{escape(trait.name)}[/] ({trait.edition}){escape(said)}")
        _texts("asks for it", trait.system_prompts("positive"))
        _texts("asks for its opposite", trait.system_prompts("negative"))
        for split in SPLITS:
            _texts(f"questions, {split}", trait.questions.get(split, ()))
        _texts("rubric", (trait.rubric,) if trait.rubric else ())


def _texts(title: str, texts: tuple[str, ...]) -> None:
    if texts:
        output.print(f"\n[bold]{escape(title)}[/] ({len(texts)})", highlight=False)
    for text in texts:
        output.print(f"  {text.rstrip()}", markup=False, highlight=False, soft_wrap=True)
