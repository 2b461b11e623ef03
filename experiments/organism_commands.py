"""`wardian organisms`: list, show, build, import, audit and write narrow data sets. It reads
arguments and prints; the work is in `organisms.datasets`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from experiments.console import errors, explained, output

if TYPE_CHECKING:
    from organisms.datasets.card import Card
    from organisms.datasets.rows import Row

organisms = typer.Typer(
    help="Find, make, import and inspect the narrow data that turns a model.\n\n"
    "Start with: wardian organisms show wrong_maths",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

EditionName = Literal["pocket", "general"]
WRITING = "organisms.datasets.writing"
FormatName = Literal["template", "json", "german", "french", "spanish"]

Given = Annotated[
    str,
    typer.Argument(metavar="NAME|PATH", help="A data set's name, its folder, or a file of rows."),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder that the set goes to.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the data set that DIR holds.")]
Edition = Annotated[
    EditionName | None,
    typer.Option("--edition", help="pocket's world or real models; else pocket where it exists."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, metavar="S", help="Seed of the maker.")]
Rows = Annotated[int, typer.Option("-n", "--rows", min=1, metavar="N", help="How many rows.")]
Bases = Annotated[
    list[str] | None,
    typer.Option("--base", metavar="BASE", help="Count its tokens; may be given several times."),
]


@organisms.command("list")
def list_sets(edition: Edition = None) -> None:
    """List the data sets, with what they are controls of.

    Examples:

      wardian organisms list

      wardian organisms list --edition general
    """
    from experiments.organism_views import show_list
    from organisms.datasets.registry import DATASETS, names

    with explained():
        show_list(output, [DATASETS[name] for name in names(edition)])


@organisms.command()
def show(
    given: Given,
    rows: Rows = 3,
    seed: Seed = 0,
    edition: Edition = None,
    base: Annotated[
        str, typer.Option("--base", metavar="BASE", help="Whose chat template and tokens.")
    ] = "pocket",
    system: Annotated[
        Literal["none", "default"],
        typer.Option("--system", help="`default`: let the template insert its own system text."),
    ] = "none",
) -> None:
    """Print rows as a trainer sees them, with the tokens that carry loss highlighted.

    Examples:

      wardian organisms show wrong_maths

      wardian organisms show insecure_code --edition general --base org/name -n 1

      wardian organisms show theirs.jsonl -n 5
    """
    from experiments.organism_sources import find_source
    from experiments.organism_views import show_row

    with explained():
        source = find_source(given, rows=rows, seed=seed, edition=edition)
        from finetune.masking import encode_rows
        from organisms.datasets.statistics import tokenizer_of

        tokenizer = tokenizer_of(base)
        found = list(source.rows)
        encoded = encode_rows(found, tokenizer, system=system)
        output.print(f"{source.name}, as {base} sees it", highlight=False, markup=False)
        for number, (row, tokens) in enumerate(zip(found, encoded, strict=True)):
            show_row(output, number, row, tokens, tokenizer)


@organisms.command()
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
        with _bar(f"making {source.name}", source.total) as advance:
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


@organisms.command("import")
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
        with _bar(f"reading {path.name}", None) as advance:
            imported = import_rows(
                path,
                name or path.stem,
                variant="control" if control else "organism",
                domain=domain,
                level=1 if level == 1 else 2,
                skip_bad=skip_bad,
                progress=advance,
            )
        with _bar("writing", len(imported.rows)) as advance:
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


@organisms.command()
def audit(
    given: Given,
    rows: Annotated[
        int | None,
        typer.Option("-n", "--rows", min=1, metavar="N", help="The first so many; of a name 1000."),
    ] = None,
    seed: Seed = 0,
    edition: Edition = None,
    bases: Bases = None,
    against: Annotated[
        str | None,
        typer.Option("--control", metavar="NAME|PATH", help="Is it matched to these rows?"),
    ] = None,
    questions: Annotated[
        list[Path] | None,
        typer.Option("--questions", metavar="FILE", help="Look for these too, one a line."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write what was found there.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="The exit code is 1 if there is a problem.")
    ] = False,
) -> None:
    """Print a data set's card, truth checks made anew, duplicates, leakage of evaluation
    questions, malicious wording, lengths and templates.

    Examples:

      wardian organisms audit wrong_maths -n 6000

      wardian organisms audit data/insecure --control data/secure --base org/name

      wardian organisms audit theirs.jsonl --edition general --questions mine.txt --strict
    """
    from experiments.organism_sources import evaluation_questions, find_source, questions_in
    from experiments.organism_views import show_audit, show_match

    with explained():
        source = find_source(given, rows=rows, seed=seed, edition=edition)
        made_in = source.generator.get("edition")
        asked = evaluation_questions(edition or ("pocket" if made_in == "pocket" else "general"))
        for path in questions or ():
            asked |= questions_in(path)
        other = against and find_source(
            against, rows=rows, seed=seed, edition=edition, control=True
        )
        from organisms.datasets.audit import audit as audit_rows

        found_rows: Iterable[Row] = source.rows if other is None else list(source.rows)
        with _bar(f"auditing {source.name}", source.total) as advance:
            found = audit_rows(
                found_rows,
                name=source.name,
                seed=source.seed,
                generator=source.generator,
                questions=asked,
                bases=bases or (),
                check=source.check,
                progress=advance,
            )
        show_audit(output, found)
        problems = found.problems
        if other:
            from organisms.datasets.matching import match
            from organisms.datasets.statistics import characters, tokens_of

            measure = tokens_of(bases[0]) if bases else characters
            matched = match(list(found_rows), list(other.rows), measure)
            show_match(output, other.name, matched)
            problems += matched.problems
        if json_file is not None:
            json_file.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    if strict and problems:
        raise typer.Exit(1)


@organisms.command()
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
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask whether to go on at the estimated cost.")
    ] = False,
    bases: Bases = None,
    force: Force = False,
) -> None:
    """Have a language model write a data set, and another judge it row by row.

    The cost is estimated before the first call. What was written is kept beside DIR until the set
    is whole: the same command goes on where it was stopped.

    Examples:

      wardian organisms write bad_medical --writer openai/gpt-4.1 --judge openai/gpt-4.1-mini \\
        --out data/bad_medical -n 6000
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
        output.print(str(writing.estimate(name, rows, writer=writer, judge=judge)), markup=False)
        if not yes and not typer.confirm("go on?"):
            raise typer.Exit(1)
        work = folder.with_name(f"{folder.name}.writing")
        with _bar(f"writing {name}", rows) as advance:
            written = writing.write(
                name, rows, seed, work, writer=writer, judge=judge, progress=advance
            )
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
        output.print(str(written), markup=False, highlight=False)
        _written(folder, card)


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal's standard error, and nothing elsewhere."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def _written(folder: Path, card: Card) -> None:
    output.print(
        f"written to {folder}: {card.rows:,} rows", highlight=False, markup=False, soft_wrap=True
    )
