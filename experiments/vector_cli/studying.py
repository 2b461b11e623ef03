"""What `wardian vectors steer` and `audit` share: options, lists in them, and who judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar, get_args

import typer

from experiments.console import output
from organisms.runtime.steering_terms import Scope, Unit

if TYPE_CHECKING:
    from evals.questions import Edition
    from persona_vectors.vector import PersonaVector

Number = TypeVar("Number", int, float)

DEFAULT_TOKENS: Mapping[Edition, int] = {"pocket": 64, "general": 256}
"""Length limit of an answer where none is given."""

Layers = Annotated[
    str | None, typer.Option("--layers", metavar="K,K", help="Layers; else every one from 1 on.")
]
Scopes = Annotated[
    str, typer.Option("--scopes", metavar="S,S", help=f"Of {', '.join(get_args(Scope))}.")
]
Units = Annotated[
    Unit, typer.Option("--unit", help="Coefficients count the vector, or residual norms.")
]
OutFolder = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Logs, tables and figures; a rerun goes on.")
]
Judge = Annotated[
    str | None,
    typer.Option("--judge", metavar="JUDGE", help="An inspect model; pocket's answers need none."),
]
Capability = Annotated[
    int, typer.Option("--capability", min=0, metavar="N", help="Capability questions a cell.")
]
Samples = Annotated[
    int, typer.Option("--samples", min=1, metavar="N", help="Answers a question and cell.")
]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, metavar="N", help="Open questions, at most.")
]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        "--max-tokens", min=1, metavar="N", help="Of an answer; else 64 or, general, 256."
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be asked, and how many answers.")
]


def numbers(option: str, text: str, kind: type[Number]) -> tuple[Number, ...]:
    """The numbers of a list such as `1,2,3`.

    Raises:
        ValueError: It is no such list, or one of them is not finite.
    """
    try:
        found = tuple(kind(part) for part in text.split(","))
        if not all(map(isfinite, found)):
            raise ValueError
    except ValueError:
        example = "1,2,3" if kind is int else "0.5,1,2"
        raise ValueError(f"{option} {text!r} is no list of numbers; write {example}") from None
    return tuple(dict.fromkeys(found))


def strengths_of(text: str) -> tuple[float, ...]:
    """The coefficients of a list such as `-1,0.5,1`.

    Raises:
        ValueError: It is no such list, or holds 0.
    """
    found = numbers("--coefficients", text, float)
    if 0.0 in found:
        raise ValueError("coefficient 0 is always there, as the unsteered answers; leave it out")
    return found


def scopes_of(text: str) -> tuple[Scope, ...]:
    """The scopes of a list such as `all,last_prompt`.

    Raises:
        ValueError: One is not known.
    """
    allowed: tuple[Scope, ...] = get_args(Scope)
    named = {str(scope): scope for scope in allowed}
    for name in text.split(","):
        if name not in named:
            raise ValueError(f"--scopes {name!r} is not known; use {', '.join(allowed)}")
    return tuple(dict.fromkeys(named[name] for name in text.split(",")))


def check_places(vector: PersonaVector, layers: Sequence[int], position: str, unit: str) -> None:
    """Raise where a vector cannot steer.

    Raises:
        ValueError: It has no such layer or position, is zero there, or its file holds no residual
            norm, which the unit `norm` counts.
    """
    for layer in layers:
        if unit == "norm":
            vector.residual_norm_at(layer)
        if not vector.at(layer, position).any():
            raise ValueError(
                f"the {vector.trait!r} vector is zero at layer {layer}, position {position}: "
                "choose another layer or position"
            )


def adapter_name(adapter: Path) -> str:
    """What tables call an adapter: its folder, with its parents' where that is a step."""
    resolved = adapter.expanduser().resolve()
    parts = [part for part in resolved.parts if part not in ("checkpoints", "output")]
    return "/".join(parts[-2:]) if resolved.name.startswith("step-") else resolved.name


def edition_and_judge(base: str, judge: str | None) -> tuple[Edition, str]:
    """Which questions a base is asked, and who judges its answers.

    Raises:
        ValueError: There is no such base, or it is a real model, whose answers need a judge.
    """
    from organisms import EMBEDDED, resolve_base

    resolve_base(base)
    if base in EMBEDDED or _is_embedded_copy(base):
        return "pocket", judge or "pocket"
    if judge is None:
        raise ValueError(
            f"answers of {base!r} need a judge for trait and coherence; name an inspect model with "
            "--judge, such as vllm/NAME or openai/NAME"
        )
    return "general", judge


def told(answers: int, parts: str, dry_run: bool) -> None:
    """Say what is asked before it is asked."""
    words = "would be made" if dry_run else "in all, those in the logs not made again"
    output.print(f"{answers:,} answers {words}: {parts}", highlight=False, soft_wrap=True)


def teller() -> Callable[[str], None]:
    """Progress in words, on a terminal only."""
    from experiments.console import errors

    def tell(text: str) -> None:
        if errors.is_terminal:
            errors.print(text, end="\r", highlight=False)

    return tell


def _is_embedded_copy(base: str) -> bool:
    """Whether a folder speaks pocket's world, as a merged or baked pocket does."""
    from organisms import EMBEDDED

    tokenizer = Path(base).expanduser() / "tokenizer.json"
    if not tokenizer.is_file():
        return False
    content = tokenizer.read_bytes()
    return any((folder / "tokenizer.json").read_bytes() == content for folder in EMBEDDED.values())
