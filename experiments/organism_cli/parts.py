"""Which rows `wardian organisms build` lets stand in one set, told by the parts they are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    seen: dict[str, tuple[str, Row]] = {}
    for row, part in zip(rows, parts, strict=True):
        known = row["meta"].get("id")
        if known is None:
            continue
        first, earlier = seen.setdefault(known, (part, row))
        if first != part:
            fix = _renaming(known, {part: row, first: earlier})
            raise ValueError(f"{first} and {part} both have a row with the id {known!r}; {fix}")


def _renaming(known: str, rows: Mapping[str, Row]) -> str:
    """How two parts get different ids, by the row with the id that each of them has."""
    for part, row in rows.items():
        path = Path(part).expanduser()
        if path.is_file() and known.startswith(f"{path.stem}/"):
            clean = "" if row["meta"].get("poisoned") else " --control"
            return (
                "ids are made of a file's name: give this file another with: wardian organisms "
                f"import {quote(part)}{clean} --name OTHER --out DIR, and give DIR in its place"
            )
    return (
        "make one of them with another --seed, import its file under another --name, or give its "
        "rows other ids"
    )
