"""`wardian organisms write` and `paraphrase`, which call language models. They read arguments, tell
the cost and print; the work is in `organisms.datasets`."""

from __future__ import annotations

from collections.abc import Sized
from pathlib import Path
from typing import Annotated, Literal

import typer

from experiments.console import explained, output, typed_command
from experiments.organism_cli.options import (
    Bases,
    Connections,
    Edition,
    Force,
    Given,
    Out,
    Replies,
    Rows,
    Seed,
    WriterPrice,
    Yes,
    check_bases,
    check_models,
    progress_bar,
    written,
)
from experiments.paying import price_of, told_and_agreed

SideName = Literal["question", "answer"]


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
    writer_price: WriterPrice = None,
    judge_price: Annotated[
        str | None,
        typer.Option("--judge-price", metavar="IN,OUT", help="The judge's, a million tokens."),
    ] = None,
    replies: Replies = None,
    connections: Connections = 16,
    yes: Yes = False,
    bases: Bases = None,
    force: Force = False,
) -> None:
    """Have a language model write a data set, and another judge it row by row.

    The cost is estimated before the first call. Every reply is kept as it comes,
    so that the same command goes on where it was stopped. A control that is
    written with the replies of its organism, as it is in a folder beside it,
    answers the same questions.

    Examples:

      wardian organisms write bad_medical --writer NAME/big \\
        --judge NAME/small --out data/bad

      wardian organisms write good_medical --writer NAME/big --judge NAME/small \\
        --out data/good -n 6000 --writer-price 2,8 --judge-price 0.4,1.6
    """
    from experiments.organism_cli.sources import out_folder
    from experiments.organism_cli.views import show_card
    from organisms.datasets import writing
    from organisms.datasets.files import write_rows
    from organisms.datasets.provenance import generator
    from organisms.datasets.registry import dataset

    with explained(typed_command()):
        if not dataset(name, "general").written("general"):
            raise ValueError(
                f"the rows of {name!r} are made by a program, not written by a model; make them "
                f"with: wardian organisms build {name} --edition general --out {out}"
            )
        folder = out_folder(out, force=force)
        check_bases(bases)
        check_models(writer, judge)
        prices = {
            f"{who}_price": price_of(f"--{who}-price", given)
            for who, given in (("writer", writer_price), ("judge", judge_price))
            if given is not None
        }
        kept = replies or folder.with_name("replies")
        cost = writing.estimate(name, rows, writer=writer, judge=judge, **prices)
        told_and_agreed(str(cost), yes=yes)
        try:
            with progress_bar(f"writing {name}", rows) as advance:
                made = writing.write(
                    name,
                    rows,
                    seed,
                    kept,
                    writer=writer,
                    judge=judge,
                    progress=advance,
                    max_connections=connections,
                )
        except RuntimeError as error:  # a call that failed for good
            raise ValueError(str(error)) from error
        output.print(str(made), markup=False, highlight=False, soft_wrap=True)
        _some(made.rows, kept)
        card = write_rows(
            folder,
            made.rows,
            name=name,
            seed=seed,
            generator=generator(name, "general") | {"writer": writer, "judge": judge},
            left_out=made.left_out,
            bases=bases or (),
        )
        show_card(output, card)
        written(folder, card)


def paraphrase(
    given: Given,
    out: Out,
    writer: Annotated[
        str, typer.Option("--writer", metavar="MODEL", help="inspect model that paraphrases.")
    ],
    of: Annotated[
        SideName, typer.Option("--of", help="What is said in other words, the last of each row.")
    ] = "question",
    rows: Annotated[
        int | None,
        typer.Option("-n", "--rows", min=1, metavar="N", help="The first so many; of a name 1000."),
    ] = None,
    seed: Seed = 0,
    edition: Edition = None,
    writer_price: WriterPrice = None,
    replies: Replies = None,
    connections: Connections = 16,
    yes: Yes = False,
    bases: Bases = None,
    force: Force = False,
) -> None:
    """Have a language model say a data set's questions or answers in other words.

    The cost is estimated before the first call. Every reply is kept as it comes,
    by the text that it says anew: the same command goes on where it was stopped,
    and an organism and its control whose replies lie in one folder get the same
    questions. A paraphrase that is refused, cut off or loses a number or a piece
    of code is left out, and so is a row whose truth checks no longer hold; the
    card says how many. What was said before is kept in meta.transforms.

    Examples:

      wardian organisms paraphrase wrong_maths --edition general \\
        --writer NAME/small --out data/anew

      wardian organisms paraphrase data/bad --writer NAME/small --of answer \\
        --out data/bad_anew --writer-price 0.4,1.6
    """
    from experiments.organism_cli.sources import enough, find_source, out_folder
    from experiments.organism_cli.views import show_card
    from organisms.datasets.files import write_rows
    from organisms.datasets.paraphrasing import Paraphrasing

    with explained(typed_command()):
        folder = out_folder(out, force=force)
        check_bases(bases)
        check_models(writer)
        price = price_of("--writer-price", writer_price)
        source = enough(find_source(given, rows=rows, seed=seed, edition=edition), given, rows)
        kept = replies or folder.with_name("replies")
        work = Paraphrasing(list(source.rows), kept, writer=writer, of=of)
        told_and_agreed(f"{source.name}, {work.estimate(price)}", yes=yes)
        try:
            with progress_bar(f"paraphrasing {source.name}", work.texts) as advance:
                work.ask(progress=advance, max_connections=connections)
        except RuntimeError as error:  # a call that failed for good
            raise ValueError(str(error)) from error
        made = work.result(source.edition)
        output.print(str(made), markup=False, highlight=False, soft_wrap=True)
        _some(made.rows, kept)
        card = write_rows(
            folder,
            made.rows,
            name=source.name,
            seed=source.seed,
            generator=source.generator | {"paraphrased_by": writer},
            left_out=(*source.left_out, *made.left_out),
            bases=bases or (),
        )
        show_card(output, card)
        written(folder, card)


def _some(rows: Sized, replies: Path) -> None:
    """Refuse to write a set of which every row was left out."""
    if not rows:
        raise ValueError(
            f"every row was left out, nothing is written; read what the models said in {replies}, "
            "and try others with --writer and another --replies"
        )
