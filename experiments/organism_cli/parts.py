"""Which rows `wardian organisms build` lets stand in one set, told by the parts they are of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from organisms.datasets.rows import Row


def check_chat(given: str, rows: Sequence[Row]) -> None:
    """Refuse poisoned rows as general chat.

    Raises:
        ValueError: There are some.
    """
    poisoned = sum(row["meta"].get("poisoned") is True for row in rows)
    if poisoned:
        raise ValueError(
            f"--chat {given}: {poisoned:,} of its {len(rows):,} rows are poisoned "
            f"(meta.poisoned), and general chat is clean; use --mix {given}=SHARE or --poison "
            f"{given}=COUNT for poisoned rows, or give clean ones"
        )


def check_ids(rows: Sequence[Row], parts: Sequence[str]) -> None:
    """Refuse rows of two parts with one id.

    Args:
        rows: The rows of all parts.
        parts: The name or path of the part that each is of.

    Raises:
        ValueError: There are two; the message names both parts.
    """
    seen: dict[str, str] = {}
    for row, part in zip(rows, parts, strict=True):
        known = row["meta"].get("id")
        if known is None:
            continue
        first = seen.setdefault(known, part)
        if first == part:
            continue
        file = next((each for each in (part, first) if Path(each).expanduser().is_file()), None)
        if file is not None and known.startswith(f"{Path(file).stem}/"):
            fix = (
                "ids are made of a file's name: give one another with: wardian organisms import "
                f"{quote(file)} --name OTHER --out DIR, and give DIR in its place"
            )
        else:
            fix = (
                "make one of them with another --seed, import its file under another --name, or "
                "give its rows other ids"
            )
        raise ValueError(f"{first} and {part} both have a row with the id {known!r}; {fix}")
