"""What commands that pay a model share: its price, and whether to go on at the estimated cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from experiments.console import output

if TYPE_CHECKING:
    from organisms.datasets.writing.cost import Price

JudgePrice = Annotated[
    str | None,
    typer.Option("--judge-price", metavar="IN,OUT", help="The judge's, a million tokens."),
]


def price_of(option: str, given: str | None) -> Price | None:
    """A price from `IN,OUT`.

    Raises:
        ValueError: It is not two numbers.
    """
    from organisms.datasets.writing.cost import Price

    if given is None:
        return None
    try:
        read, written = (float(part) for part in given.split(","))
    except ValueError:
        raise ValueError(
            f"{option} {given!r}; write two numbers, input and output a million tokens: 2.5,10"
        ) from None
    return Price(read, written)


def told_and_agreed(cost: str, *, yes: bool) -> None:
    """Say the cost and go on when the user agrees."""
    output.print(cost, markup=False, highlight=False, soft_wrap=True)
    if not yes and not typer.confirm("go on?"):
        raise typer.Exit(1)
