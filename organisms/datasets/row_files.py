"""A data set as it lies on disk: read row by row as often as one likes, and parts of it written as
it is written itself.

Few rows are in memory at a time, but for JSON arrays and CSV, which are read whole.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from organisms.datasets.files import ROWS_FILE, read_card, stream_rows, write_rows
from organisms.datasets.importing.importer import import_stream, others
from organisms.datasets.importing.problems import BadRowsError, Problem
from organisms.datasets.rows import Row, RowError

Mask = NDArray[np.bool_]
_GROUP = 1000


class KnownRow(NamedTuple):
    """A row, and what its file says of it."""

    row: Row
    poisoned: bool | None
    """None: the file does not say it."""
    record: Mapping[str, Any] | None
    """The record of a file; none in a set of ours."""


@dataclass(frozen=True)
class RowFile:
    """A folder of ours, or a file in any format that can be imported."""

    path: Path
    limit: int | None = None
    """The first so many rows; none: all."""

    def __iter__(self) -> Iterator[KnownRow]:
        """Its rows, from the first on.

        Raises:
            BadRowsError: Some rows are none; it comes behind the last, and lists them.
            RowError: There is no such file or folder, it is of no known format, or it is empty.
        """
        return islice(self._ours() if self.is_ours else self._theirs(), self.limit)

    def rows(self) -> Iterator[Row]:
        """The rows alone."""
        return (known.row for known in self)

    @property
    def is_ours(self) -> bool:
        """Whether it is the folder of a data set."""
        return (self.path / ROWS_FILE).is_file()

    def write(self, chosen: Mask, folder: Path, name: str) -> Path | None:
        """Write the chosen rows into a folder, in the format that they have; none if none is.

        Records of a file keep all their keys. JSON lines, JSON arrays, CSV and parquet stay that,
        a set of ours becomes a set of ours.

        Args:
            chosen: [N].
            folder: Where to.
            name: Of the new file (its suffix is added) or folder.
        """
        if not chosen.any():
            return None
        picked = (known for known, take in zip(self, chosen, strict=True) if take)
        if self.is_ours:
            card = read_card(self.path)
            target = folder / name
            write_rows(
                target,
                (known.row for known in picked),
                name=card.name,
                seed=card.seed,
                generator=card.generator,
                left_out=card.left_out,
            )
            return target
        records = (known.record for known in picked if known.record is not None)
        source, _, _ = import_stream(self.path, self.path.stem)
        suffix = _suffix(source)
        target = folder / f"{name}{suffix}"
        partial = target.with_name(f".{target.name}.partial")
        _WRITERS[suffix](records, partial, source)
        partial.replace(target)
        return target

    def _ours(self) -> Iterator[KnownRow]:
        for row in stream_rows(self.path):
            yield KnownRow(row, row["meta"].get("poisoned"), None)

    def _theirs(self) -> Iterator[KnownRow]:
        path, _, records = import_stream(self.path, self.path.stem)
        problems: list[Problem] = []
        total = 0
        for read in records:
            total += 1
            if read.row is not None:
                said = read.row["meta"].get("poisoned") if read.said else _told(read.row)
                yield KnownRow(read.row, said, read.record.value)
            elif read.problem is not None:
                problems.append(read.problem)
        if problems:
            raise BadRowsError(path, total, problems, others(path, "organism"))


def row_file(path: Path, limit: int | None = None) -> RowFile:
    """The data set that is there.

    Raises:
        RowError: Nothing is there.
    """
    path = path.expanduser()
    if not path.exists():
        raise RowError(f"there is no file or folder {path}", "check the path")
    return RowFile(path, limit)


def _suffix(path: Path) -> str:
    """What a file of this format is called."""
    if path.suffix.lower() in (".csv", ".tsv"):
        return path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"PAR1"):
        return ".parquet"
    return ".json" if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[") else ".jsonl"


def _told(row: Row) -> bool | None:
    """What a key `poisoned` beside the conversation says."""
    said = row["meta"].get("extra", {}).get("poisoned")
    text = str(said).strip().lower()
    known = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
    return known.get(text)


def _write_lines(records: Iterator[Mapping[str, Any]], target: Path, source: Path) -> None:
    with target.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _write_array(records: Iterator[Mapping[str, Any]], target: Path, source: Path) -> None:
    with target.open("w", encoding="utf-8") as file:
        for number, record in enumerate(records):
            file.write(",\n" if number else "[\n")
            file.write(json.dumps(record, ensure_ascii=False))
        file.write("\n]\n")


def _write_csv(records: Iterator[Mapping[str, Any]], target: Path, source: Path) -> None:
    with target.open("w", encoding="utf-8", newline="") as file:
        first = next(records)
        delimiter = "\t" if source.suffix.lower() == ".tsv" else ","
        writer = csv.DictWriter(file, list(first), delimiter=delimiter)
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(records)


def _write_parquet(records: Iterator[Mapping[str, Any]], target: Path, source: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(source)
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        while group := [dict(record) for record in islice(records, _GROUP)]:
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


_WRITERS = {
    ".jsonl": _write_lines,
    ".json": _write_array,
    ".csv": _write_csv,
    ".tsv": _write_csv,
    ".parquet": _write_parquet,
}
