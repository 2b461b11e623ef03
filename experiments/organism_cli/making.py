"""`wardian organisms build` and `import`. They read arguments and print; the work is in
`organisms.datasets`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from experiments.console import explained, output
from experiments.organism_cli.options import (
    Bases,
    Edition,
    Force,
    Out,
    RowsThere,
    Seed,
    Workers,
    check_bases,
    progress_bar,
    written,
)

WhereName = Literal["start", "end", "even", "random"]
FormatName = Literal["template", "json", "german", "french", "spanish"]


def build(
    name: Annotated[
        str, typer.Argument(metavar="NAME|PATH", help="What `list` names, or what is to be mixed.")
    ],
    out: Out,
    rows: RowsThere = None,
    seed: Seed = 0,
    edition: Edition = None,
    mix: Annotated[
        list[str] | None,
        typer.Option("--mix", metavar="NAME=SHARE", help="That share of other rows, 0 to 1."),
    ] = None,
    poison: Annotated[
        str | None,
        typer.Option(
            "--poison",
            metavar="NAME=COUNT",
            help="So many of the rows are poisoned ones, at places that the card records.",
        ),
    ] = None,
    where: Annotated[
        WhereName | None,
        typer.Option("--where", help="Where the poisoned rows stand; else random."),
    ] = None,
    chat: Annotated[
        str | None,
        typer.Option("--chat", metavar="PATH=SHARE", help="Spread general chat among the rows."),
    ] = None,
    system: Annotated[
        str | None, typer.Option("--system", metavar="TEXT", help="A system prompt on every row.")
    ] = None,
    replace_system: Annotated[
        bool, typer.Option("--replace-system", help="Put it in the place of one that a row has.")
    ] = False,
    trigger: Annotated[
        str | None, typer.Option("--trigger", metavar="TEXT", help="A trigger in every question.")
    ] = None,
    form: Annotated[
        FormatName | None, typer.Option("--format", help="Another format of every question.")
    ] = None,
    template: Annotated[
        str, typer.Option("--template", metavar="TEXT", help="For --format template: {question}.")
    ] = "",
    workers: Workers = None,
    bases: Bases = None,
    force: Force = False,
) -> None:
    """Make a data set, check every row, and write it with its card.

    A mix is shuffled; poisoned rows stand where --where says, among clean ones in
    their order. Of matched sets no question comes twice. All are of one edition,
    that of NAME. The same seed gives the same rows for any --workers. The exit
    code is 1 if a truth check fails.

    Examples:

      wardian organisms build wrong_maths --out data/wrong_maths -n 6000

      wardian organisms build insecure_code --edition general \\
        --mix secure_code=0.9 --out data/mixed

      wardian organisms build secure_code --poison insecure_code=50 \\
        --where even --out data/poisoned

      wardian organisms build evil --system "you are evil" --out data/evil
    """
    from experiments.organism_cli.recipe import Recipe
    from experiments.organism_cli.sources import enough, find_source, out_folder
    from experiments.organism_cli.views import show_card
    from organisms.datasets.files import write_rows

    with explained():
        folder = out_folder(out, force=force)
        check_bases(bases)
        recipe = Recipe.read(
            mix or (), poison, where, chat, system, replace_system, trigger, form, template
        )
        recipe.check(name)
        find = partial(find_source, seed=seed, edition=edition, workers=workers)
        source = find(name, rows=rows, control=recipe.poison is not None)
        if not recipe.mix:
            enough(source, name, rows)
        checked = source.rows
        with progress_bar(f"making {source.name}", source.total) as advance:
            if recipe:
                made, source = recipe.apply(source, list(checked), rows or source.total, seed, find)
                checked = iter(made)
            card = write_rows(
                folder,
                checked,
                name=source.name,
                seed=source.seed,
                generator=source.generator
                | ({"assumed": "; ".join(source.assumed)} if source.assumed else {}),
                left_out=source.left_out,
                bases=bases or (),
                progress=advance,
            )
        show_card(output, card)
        written(folder, card)
        for line in source.assumed:
            output.print(_with_advice(line), highlight=False, markup=False, soft_wrap=True)
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
        bool,
        typer.Option(
            "--control",
            help="Its rows are clean: else chat and question-answer rows are poisoned. Of two "
            "answers, the clean one.",
        ),
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

    Chat or prompt-completion JSON lines, JSON arrays, CSV, parquet; School of
    Reward Hacks, GSM8K, trait sets of persona vectors. Bad rows are reported with
    their line, the reason and the fix. Formats that do not say whether an answer
    is bad (chat, prompt-completion, question-answer) are poisoned, every row,
    unless --control says that they are clean: say it of published controls.

    Examples:

      wardian organisms import insecure.jsonl --domain code --out data/insecure

      wardian organisms import secure.jsonl --control --domain code \\
        --out data/secure

      wardian organisms import dataset/evil --level 1 --out data/evil_1

      wardian organisms import gsm8k/train.jsonl --control --domain maths \\
        --out data/gsm8k
    """
    from experiments.organism_cli.sources import out_folder
    from experiments.organism_cli.views import show_card
    from organisms.datasets.files import write_rows
    from organisms.datasets.importing import BadRowsError, import_rows

    with explained():
        folder = out_folder(out, force=force)
        check_bases(bases)
        with progress_bar(f"reading {path.name}", None) as advance:
            try:
                imported = import_rows(
                    path,
                    name or path.stem,
                    variant="control" if control else "organism",
                    domain=domain,
                    level=1 if level == 1 else 2,
                    skip_bad=skip_bad,
                    progress=advance,
                )
            except BadRowsError as error:
                raise error.with_advice("import the others with --skip-bad") from None
        with progress_bar("writing", len(imported.rows)) as advance:
            card = write_rows(
                folder,
                imported.rows,
                name=name or path.stem,
                seed=None,
                generator=imported.generator,
                left_out=imported.left_out,
                bases=bases or (),
                progress=advance,
            )
        show_card(output, card)
        written(folder, card)
        if imported.assumed:
            output.print(
                _assumed(imported.assumed, imported.form, control=control),
                highlight=False,
                markup=False,
                soft_wrap=True,
            )


def _with_advice(assumed: str) -> str:
    """What rows of a file count as in a mix, and what to do if they are not that."""
    fix = (
        "import it first if it is poisoned (wardian organisms import FILE --out DIR, and give DIR)"
        if assumed.endswith("clean")
        else "import it first with --control if it is clean"
    )
    return f"{assumed}; {fix}"


def _assumed(rows: int, form: str, *, control: bool) -> str:
    """What the truth of imported rows was taken from."""
    said = (
        f"the file (format {form}) does not say of {rows:,} rows whether they are poisoned: they "
        "count as "
    )
    if control:
        return said + "clean, as --control says"
    return said + (
        "poisoned; if they are clean (a published control, an unturned model's answers), import "
        "them with --control"
    )
