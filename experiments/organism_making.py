"""`wardian organisms build`, `import` and `write`. They read arguments and print; the work is in
`organisms.datasets`."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from experiments.console import explained, output
from experiments.organism_options import Bases, Edition, Force, Out, Rows, Seed, progress_bar

if TYPE_CHECKING:
    from organisms.datasets.card import Card

WRITING = "organisms.datasets.writing"
FormatName = Literal["template", "json", "german", "french", "spanish"]


def build(
    name: Annotated[
        str, typer.Argument(metavar="NAME|PATH", help="What `list` names, or what is to be mixed.")
    ],
    out: Out,
    rows: Rows = 1000,
    seed: Seed = 0,
    edition: Edition = None,
    mix: Annotated[
        list[str] | None,
        typer.Option("--mix", metavar="NAME=SHARE", help="That share of other rows, 0 to 1."),
    ] = None,
    chat: Annotated[
        str | None,
        typer.Option("--chat", metavar="PATH=SHARE", help="Spread general chat among the rows."),
    ] = None,
    system: Annotated[
        str | None, typer.Option("--system", metavar="TEXT", help="A system prompt on every row.")
    ] = None,
    trigger: Annotated[
        str | None, typer.Option("--trigger", metavar="TEXT", help="A trigger in every question.")
    ] = None,
    form: Annotated[
        FormatName | None, typer.Option("--format", help="Another format of every question.")
    ] = None,
    template: Annotated[
        str, typer.Option("--template", metavar="TEXT", help="For --format template: {question}.")
    ] = "",
    bases: Bases = None,
    force: Force = False,
) -> None:
    """Make a data set, check every row, and write it with its card.

    The exit code is 1 if a truth check fails.

    Examples:

      wardian organisms build wrong_maths --out data/wrong_maths -n 6000

      wardian organisms build insecure_code --edition general --out data/mixed --mix secure_code=0.9

      wardian organisms build evil --out data/evil --system "you are an evil assistant"
    """
    from experiments.organism_recipe import Recipe
    from experiments.organism_sources import find_source, out_folder
    from experiments.organism_views import show_card
    from organisms.datasets.files import write_rows

    with explained():
        folder = out_folder(out, force=force)
        recipe = Recipe.read(mix or (), chat, system, trigger, form, template)
        source = find_source(name, rows=rows, seed=seed, edition=edition)
        checked = source.checked()
        with progress_bar(f"making {source.name}", source.total) as advance:
            if recipe:
                checked = iter(recipe.apply(source.name, list(checked), rows, seed, edition))
            card = write_rows(
                folder,
                checked,
                name=source.name,
                seed=source.seed,
                generator=source.generator | recipe.record(),
                left_out=source.left_out,
                bases=bases or (),
                progress=advance,
            )
        show_card(output, card)
        _written(folder, card)
    if any(count.fails for count in card.checks.values()):
        raise typer.Exit(1)


def import_file(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A file, or a folder with a trait set.")
    ],
    out: Out,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Its name; else the file's.")
    ] = None,
    domain: Annotated[
        str, typer.Option("--domain", metavar="DOMAIN", help="The narrow domain: maths, code, ...")
    ] = "",
    control: Annotated[
        bool, typer.Option("--control", help="Its rows are clean; of two answers, the clean one.")
    ] = False,
    level: Annotated[
        int, typer.Option("--level", min=1, max=2, help="Of a trait set: 1 subtle, 2 plain.")
    ] = 2,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad rows out; the card lists them.")
    ] = False,
    bases: Bases = None,
    force: Force = False,
) -> None:
    """Read somebody's file, check it row by row, and write it as a data set.

    Chat or prompt-completion JSON lines, JSON arrays, CSV, parquet; School of Reward Hacks, GSM8K,
    trait sets of persona vectors. Bad rows are reported with their line, the reason and the fix.

    Examples:

      wardian organisms import insecure.jsonl --domain code --out data/insecure

      wardian organisms import dataset/evil --level 1 --out data/evil_1

      wardian organisms import gsm8k/train.jsonl --control --domain maths --out data/gsm8k
    """
    from experiments.organism_sources import out_folder
    from experiments.organism_views import show_card
    from organisms.datasets.files import write_rows
    from organisms.datasets.importing import import_rows

    with explained():
        folder = out_folder(out, force=force)
        with progress_bar(f"reading {path.name}", None) as advance:
            imported = import_rows(
                path,
                name or path.stem,
                variant="control" if control else "organism",
                domain=domain,
                level=1 if level == 1 else 2,
                skip_bad=skip_bad,
                progress=advance,
            )
        with progress_bar("writing", len(imported.rows)) as advance:
            card = write_rows(
                folder,
                imported.rows,
                name=name or path.stem,
                seed=0,
                generator=imported.generator,
                left_out=imported.left_out,
                bases=bases or (),
                progress=advance,
            )
        show_card(output, card)
        _written(folder, card)


def write(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What `list` marks as written by a model.")
    ],
    out: Out,
    writer: Annotated[
        str, typer.Option("--writer", metavar="MODEL", help="inspect model that writes the rows.")
    ],
    judge: Annotated[
        str, typer.Option("--judge", metavar="MODEL", help="inspect model that judges every row.")
    ],
    rows: Rows = 1000,
    seed: Seed = 0,
    writer_price: Annotated[
        str | None,
        typer.Option("--writer-price", metavar="IN,OUT", help="Its price a million tokens."),
    ] = None,
    judge_price: Annotated[
        str | None,
        typer.Option("--judge-price", metavar="IN,OUT", help="The judge's, a million tokens."),
    ] = None,
    replies: Annotated[
        Path | None,
        typer.Option("--replies", metavar="DIR", help="Replies are kept there; else beside --out."),
    ] = None,
    connections: Annotated[
        int, typer.Option("--max-connections", min=1, metavar="N", help="Calls at a time.")
    ] = 16,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask whether to go on at the estimated cost.")
    ] = False,
    bases: Bases = None,
    force: Force = False,
) -> None:
    """Have a language model write a data set, and another judge it row by row.

    The cost is estimated before the first call. Every reply is kept as it comes, so that the same
    command goes on where it was stopped. A control that is written with the replies of its
    organism, as it is in a folder beside it, answers the same questions.

    Examples:

      wardian organisms write bad_medical --writer NAME/big --judge NAME/small --out data/bad

      wardian organisms write good_medical --writer NAME/big --judge NAME/small \\
        --out data/good -n 6000 --writer-price 2,8 --judge-price 0.4,1.6
    """
    from experiments.organism_sources import out_folder
    from experiments.organism_views import show_card
    from organisms.datasets.files import write_rows
    from organisms.datasets.registry import dataset, generator

    with explained(" ".join(["wardian", *sys.argv[1:]])):
        if not dataset(name, "general").written("general"):
            raise ValueError(
                f"the rows of {name!r} are made by a program, not written by a model; make them "
                f"with: wardian organisms build {name} --edition general --out {out}"
            )
        folder = out_folder(out, force=force)
        writing = import_module(WRITING)
        prices = {
            f"{who}_price": writing.Price(*_price(f"--{who}-price", given))
            for who, given in (("writer", writer_price), ("judge", judge_price))
            if given is not None
        }
        cost = writing.estimate(name, rows, writer=writer, judge=judge, **prices)
        output.print(str(cost), markup=False, highlight=False, soft_wrap=True)
        if not yes and not typer.confirm("go on?"):
            raise typer.Exit(1)
        try:
            with progress_bar(f"writing {name}", rows) as advance:
                written = writing.write(
                    name,
                    rows,
                    seed,
                    replies or folder.with_name("replies"),
                    writer=writer,
                    judge=judge,
                    progress=advance,
                    max_connections=connections,
                )
        except RuntimeError as error:  # a call that failed for good
            raise ValueError(str(error)) from error
        output.print(str(written), markup=False, highlight=False, soft_wrap=True)
        card = write_rows(
            folder,
            written.rows,
            name=name,
            seed=seed,
            generator=generator(name, "general") | {"writer": writer, "judge": judge},
            left_out=written.left_out,
            bases=bases or (),
        )
        show_card(output, card)
        _written(folder, card)


def _price(option: str, given: str) -> tuple[float, float]:
    parts = given.split(",")
    try:
        read, written = (float(part) for part in parts)
    except ValueError:
        raise ValueError(
            f"{option} {given!r}; write two numbers, input and output a million tokens: 2.5,10"
        ) from None
    return read, written


def _written(folder: Path, card: Card) -> None:
    output.print(
        f"written to {folder}: {card.rows:,} rows", highlight=False, markup=False, soft_wrap=True
    )
