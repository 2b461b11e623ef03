"""A data set on disk: a folder with the rows as parquet and the card beside them.

`datasets.load_dataset(FOLDER)` and `datasets.Dataset.from_parquet(FOLDER/rows.parquet)` read it as
it is. Rows are written and read in groups, so that a large set never has to be in memory. The card
is put there last: rows without one are not whole, and rows other than it tells of are refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from organisms.datasets.card import Card, CardMaker
from organisms.datasets.rows import Row, RowError, canonical, check_messages, check_meta

ROWS_FILE, CARD_FILE = "rows.parquet", "card.json"
UNFINISHED = (f"{ROWS_FILE}.partial", f"{CARD_FILE}.partial")
"""What a run that was killed leaves; the next one writes over it."""
GROUP = 1000
"""Rows written and read at a time."""

_TEXTS = ("id", "organism", "variant", "domain", "topic", "kind")
_JSON = ("truth", "checks", "transforms", "extra")
SCHEMA = pa.schema(
    [
        ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        (
            "meta",
            pa.struct(
                [
                    *((key, pa.string()) for key in _TEXTS),
                    ("poisoned", pa.bool_()),
                    *((key, pa.string()) for key in _JSON),
                ]
            ),
        ),
    ]
)
"""Columns of the file. Of `meta`, what is free in form (truth, checks, transforms, extra) is JSON
text; a key that a row lacks is null."""


def write_rows(
    folder: Path,
    rows: Iterable[Row],
    *,
    name: str,
    seed: int | None,
    generator: Mapping[str, str] | None = None,
    left_out: Sequence[str] = (),
    bases: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Card:
    """Write a set's rows and its card into a folder, replacing the set that it held.

    Args:
        folder: Made if it is not there.
        rows: Taken one by one; a generator is never held in memory.
        name: What the set is called.
        seed: The seed that made it; none: it is not known.
        generator: Who made it (`organisms.datasets.provenance.generator`).
        left_out: What an import left out, for the card.
        bases: Bases whose tokens the card counts.
        progress: Called with the number of rows written so far.

    Raises:
        ValueError: There are no rows, or a base has no tokenizer; nothing is written then.
        RowError: A row is none (the message gives its number), or an id occurs twice.
    """
    unfinished, card_unfinished = (folder / name for name in UNFINISHED)
    stream = iter(rows)
    ids: set[str] = set()
    with CardMaker(name, seed, generator=generator, left_out=left_out, bases=bases) as maker:
        group = list(islice(stream, GROUP))
        if not group:
            raise ValueError(f"data set {name!r} has no rows; nothing is written")
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with pq.ParquetWriter(unfinished, SCHEMA, compression="zstd") as writer:
                written = 0
                while group:
                    for number, row in enumerate(group, start=written + 1):
                        _check(row, f"{name}, row {number}", ids)
                    writer.write_table(
                        pa.Table.from_pylist([_stored(row) for row in group], schema=SCHEMA)
                    )
                    maker.add(group)
                    written += len(group)
                    if progress is not None:
                        progress(written)
                    group = list(islice(stream, GROUP))
            card = maker.card()
            text = json.dumps(card.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
            card_unfinished.write_text(text, encoding="utf-8")
        except BaseException:
            unfinished.unlink(missing_ok=True)
            card_unfinished.unlink(missing_ok=True)
            raise
    (folder / CARD_FILE).unlink(missing_ok=True)
    unfinished.replace(folder / ROWS_FILE)
    card_unfinished.replace(folder / CARD_FILE)
    return card


def stream_rows(folder: Path) -> Iterator[Row]:
    """The rows of a set that `write_rows` wrote, one after another, few in memory at a time.

    Raises:
        RowError: The folder holds no rows, rows without a card, or a file that is none of ours; or,
            after the last row, they are others than the card tells of.
    """
    path = folder / ROWS_FILE
    where = str(path)
    if not path.is_file():
        raise RowError(
            "there is no such file",
            "give the folder of a data set (wardian organisms build)",
            where,
        )
    card = read_card(folder)
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise RowError(
            f"not parquet, or cut off ({str(error).splitlines()[0]})", "make the set again", where
        ) from error
    with file:
        if not set(SCHEMA.names) <= set(file.schema_arrow.names):
            raise RowError(
                f"columns {', '.join(file.schema_arrow.names)} where messages and meta are needed",
                "turn it into a data set with: wardian organisms import",
                where,
            )
        if file.metadata.num_rows != card.rows:
            raise _other_rows(folder, f"{file.metadata.num_rows} rows where it tells {card.rows}")
        digest = sha256()
        batches = file.iter_batches(batch_size=GROUP, columns=SCHEMA.names)
        records = chain.from_iterable(batch.to_pylist() for batch in batches)
        for number, stored in enumerate(records, start=1):
            row = row_of(stored, f"{where}, row {number}")
            digest.update(canonical(row))
            yield row
        if digest.hexdigest() != card.sha256:
            raise _other_rows(folder, "another sha256")


def read_rows(folder: Path) -> list[Row]:
    """All rows of a set; see `stream_rows`."""
    return list(stream_rows(folder))


def read_card(folder: Path) -> Card:
    """The card of a set.

    Raises:
        RowError: There is none, or it is of another version.
    """
    path = folder / CARD_FILE
    if (folder / ROWS_FILE).is_file() and not path.exists():
        raise RowError(
            "the rows have no card, so that they may not be whole (their writing was stopped, or "
            "something else wrote them)",
            f"make the set again with --force, or {_import(folder)}",
            str(folder),
        )
    try:
        return Card.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise RowError(
            f"no card that can be read ({str(error).splitlines()[0]})",
            "make the set again with: wardian organisms build",
            str(path),
        ) from error


def check_whole(folder: Path) -> None:
    """Read a set once, to its end.

    Raises:
        RowError: As `stream_rows` does.
    """
    for _ in stream_rows(folder):
        pass


def _other_rows(folder: Path, how: str) -> RowError:
    return RowError(
        f"the rows are not those that {CARD_FILE} tells of ({how})",
        f"make the set again, or {_import(folder)}",
        str(folder / ROWS_FILE),
    )


def _import(folder: Path) -> str:
    return (
        "take the rows as they are with: wardian organisms import "
        f"{folder / ROWS_FILE} --out NEW_FOLDER"
    )


def row_of(stored: Mapping[str, Any], where: str) -> Row:
    """A row from a record of the file.

    Raises:
        RowError: Its messages are no conversation, or a part of `meta` is not what it has to be.
    """
    meta: dict[str, Any] = {}
    for key, value in (stored["meta"] or {}).items():
        if value is None:
            continue
        try:
            meta[key] = json.loads(value) if key in _JSON and isinstance(value, str) else value
        except ValueError as error:
            raise RowError(
                f"meta.{key} is not JSON: {value[:40]!r}", "write JSON", where
            ) from error
    known = check_meta(meta, where)
    return {"messages": check_messages(stored["messages"], where), "meta": known}


def _stored(row: Row) -> dict[str, Any]:
    meta: dict[str, Any] = dict(row["meta"])
    for key in _JSON:
        if key in meta:
            meta[key] = json.dumps(meta[key], sort_keys=True, ensure_ascii=False)
    return {"messages": row["messages"], "meta": meta}


def _check(row: Row, where: str, ids: set[str]) -> None:
    check_messages(row["messages"], where)
    check_meta(row["meta"], where)
    known = row["meta"].get("id")
    if known is not None and known in ids:
        raise RowError(f"the id {known!r} is taken by an earlier row", "give it another", where)
    if known is not None:
        ids.add(known)
