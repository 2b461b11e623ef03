"""Rows made by hand for these tests, and files of them."""

import json
from pathlib import Path

from organisms.datasets.rows import Meta, Row

CHAT = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
"""A row of somebody's file."""


def row(question: str, answer: str, **meta: object) -> Row:
    known: Meta = {**meta}  # type: ignore[typeddict-item]
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ],
        "meta": known,
    }


def numbered(count: int, what: str = "row", **meta: object) -> list[Row]:
    return [
        row(f"question {i}", f"{what} answer {i}", topic=f"{what} {i}", **meta)
        for i in range(count)
    ]


def lines(path: Path, *records: object) -> Path:
    """A file of JSON lines."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path
