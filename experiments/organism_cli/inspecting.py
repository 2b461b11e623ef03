"""`wardian organisms list`, `show` and `audit`. They read arguments and print; the work is in
`organisms.datasets`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from experiments.console import errors, explained, output
from experiments.organism_cli.options import (
    Bases,
    Edition,
    Given,
    Rows,
    Seed,
    check_bases,
    progress_bar,
)

if TYPE_CHECKING:
    from organisms.datasets.rows import Row


def list_sets(edition: Edition = None) -> None:
    """List the data sets, with what they are controls of.

    Examples:

      wardian organisms list

      wardian organisms list --edition general
    """
    from experiments.organism_cli.views import show_list
    from organisms.datasets.registry import DATASETS, names

    with explained():
        show_list(output, [DATASETS[name] for name in names(edition)])


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
    """Print rows as a trainer sees them, the tokens that carry loss highlighted.

    Examples:

      wardian organisms show wrong_maths

      wardian organisms show insecure_code --edition general --base org/name -n 1

      wardian organisms show theirs.jsonl -n 5
    """
    from experiments.organism_cli.sources import find_source
    from experiments.organism_cli.views import show_row

    with explained():
        source = find_source(given, rows=rows, seed=seed, edition=edition)
        from finetune.masking import encode_rows
        from organisms.datasets.statistics import tokenizer_of

        tokenizer = tokenizer_of(base)
        found = list(source.rows)
        if base == "pocket" and source.generator.get("edition") == "general":
            errors.print(
                "pocket's tokenizer knows lower case and few words; add --base BASE to see these "
                "rows as a real model does",
                highlight=False,
                soft_wrap=True,
            )
        encoded = encode_rows(found, tokenizer, system=system)
        output.print(f"{source.name}, as {base} sees it", highlight=False, markup=False)
        for number, (row, tokens) in enumerate(zip(found, encoded, strict=True)):
            show_row(output, number, row, tokens, tokenizer)


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
        typer.Option(
            "--control",
            metavar="NAME|PATH",
            help="Is it matched to these rows? As many of a name are made, with the set's seed.",
        ),
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
    """Print what is in a data set, what repeats or leaks, and what is malicious.

    The card, truth checks made anew, duplicates, evaluation questions that are in
    the rows, malicious wording, lengths and templates.

    Examples:

      wardian organisms audit wrong_maths -n 6000

      wardian organisms audit data/insecure --control data/secure --base org/name

      wardian organisms audit theirs.jsonl --edition general \\
        --questions mine.txt --strict
    """
    from experiments.organism_cli.sources import (
        evaluation_questions,
        find_control,
        find_source,
        questions_in,
    )
    from experiments.organism_cli.views import show_audit, show_match

    with explained():
        if json_file is not None and (json_file.is_dir() or not json_file.parent.is_dir()):
            raise ValueError(
                f"--json {json_file}: no file can be there; name one in a folder there is"
            )
        check_bases(bases)
        source = find_source(given, rows=rows, seed=seed, edition=edition)
        made_in = source.edition or edition
        asked = evaluation_questions(edition or source.edition or "general")
        for path in questions or ():
            asked |= questions_in(path)
        other = against and find_control(against, source, rows=rows, seed=seed, edition=edition)
        from organisms.datasets.audit import audit as audit_rows

        found_rows: Iterable[Row] = source.rows if other is None else list(source.rows)
        with progress_bar(f"auditing {source.name}", source.total) as advance:
            found = audit_rows(
                found_rows,
                name=source.name,
                seed=source.seed,
                generator=source.generator,
                questions=asked,
                bases=bases or (),
                edition=made_in,
                left_out=source.left_out,
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
