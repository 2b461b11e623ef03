"""The records of a file, whatever it is written as: JSON lines, a JSON array, CSV or parquet.

Knows nothing of what a record means. Every record has its place; one that cannot be read is a
problem in the place of a value, so that those after it are still read.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from organisms.datasets.importing.problems import Problem
from organisms.datasets.rows import RowError, kind_of

MAX_BYTES = 1_000_000
"""Size above which a row is refused: no context holds it, and it is most often a broken file."""

_FIELD = 2**31 - 1
"""Characters of a CSV field that are read; whether a row is too big is told of the whole row."""
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_BOM = "\ufeff"


@dataclass(frozen=True)
class Record:
    """One record of a file."""

    place: str
    """`line 12` or `row 12`."""
    value: dict[str, Any] | None
    """Its keys and values; none if it cannot be read."""
    problem: Problem | None = None
    """Why it cannot be read."""


def read_records(path: Path) -> Iterator[Record]:
    """Every record of a file, in order; what the file is written as is found by its first bytes.

    Raises:
        RowError: There is no such file, it is empty, or it is none of the four.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except FileNotFoundError:
        raise RowError("there is no such file", "check the path", str(path)) from None
    except OSError as error:
        raise RowError(f"cannot be read ({error})", "give a file of rows", str(path)) from error
    if head.startswith(b"PAR1"):
        return _parquet(path)
    if encoding := _utf16(head):
        raise RowError("UTF-16 text", f"save it as UTF-8 (iconv -f {encoding} -t utf-8)", str(path))
    if head.startswith(b"PK\x03\x04"):
        raise RowError("a zip archive", "unpack it and give a file or folder of it", str(path))
    if head.startswith(b"\x1f\x8b"):
        raise RowError("packed with gzip", "unpack it (gunzip) and give what is in it", str(path))
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if not start and len(head) < 4096:
        raise RowError("has no rows", "write one JSON object a line", str(path))
    if path.suffix.lower() in (".csv", ".tsv"):
        return _csv(path, "\t" if path.suffix.lower() == ".tsv" else ",")
    if start == b"[" and path.suffix.lower() not in (".jsonl", ".ndjson"):
        return _array(path)
    if start == b"[" and _opens_array(path, head.index(b"[")):
        raise RowError("this is a JSON array, not one object a line", "name it .json", str(path))
    if path.suffix.lower() == ".json" and _is_one_object(path):
        raise RowError(
            "one JSON object over several lines, not a list of rows",
            "write an array of row objects, or one object a line",
            str(path),
        )
    if start == b"{" or path.suffix.lower() in (".jsonl", ".ndjson"):
        return _lines(path)
    raise RowError(
        f"begins with {head[:20]!r}",
        "give JSON lines (.jsonl), a JSON array, CSV (.csv) or parquet",
        str(path),
    )


def _utf16(head: bytes) -> str:
    """Which UTF-16 a file is in, told by its mark or by the zeros between its first letters; "" if
    it is in none."""
    if head.startswith(_UTF16_MARKS):
        return "utf-16"
    zeros = {head[1:4:2]: "utf-16le", head[0:3:2]: "utf-16be"}
    return zeros.get(b"\x00\x00", "")


def _is_one_object(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(MAX_BYTES).strip()
    return first.startswith(b"{") and not first.endswith(b"}")


def _opens_array(path: Path, position: int) -> bool:
    """Whether the `[` at a position opens an array of the whole file: it ends its line, but for the
    `{` of a first row, or its line is the only one."""
    with path.open("rb") as file:
        file.seek(position)
        line = file.readline(MAX_BYTES)
        return line.strip() in (b"[", b"[{") or not (line.endswith(b"\n") and file.read(64).strip())


def _lines(path: Path) -> Iterator[Record]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_BYTES + 1):
            number += 1
            place = f"line {number}"
            if len(line) > MAX_BYTES:
                size = len(line)
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_BYTES)
                    size += len(line)
                yield _bad(place, *_too_big(size))
                continue
            if line.strip():
                yield _parsed(line, place, last=not line.endswith(b"\n"))


def _parsed(line: bytes, place: str, *, last: bool) -> Record:
    try:
        text = line.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        return _bad(
            place,
            f"not UTF-8 (byte 0x{line[error.start]:02x} at {error.start})",
            "save the file as UTF-8 (iconv -f latin1 -t utf-8)",
        )
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        cut = last and text.lstrip().startswith("{") and _is_cut(text, error)
        said = getattr(error, "msg", "nested too deep").removesuffix(" at")
        return _bad(
            place,
            f"not JSON ({said} at character {getattr(error, 'pos', 0)})"
            + (": the file ends within it" if cut else ""),
            "copy the file again, it is cut off" if cut else "write one object a line",
        )
    return _record(value, place)


def _array(path: Path) -> Iterator[Record]:
    text = _text(path)
    decoder = json.JSONDecoder()
    position = _after_space(text, text.index("[") + 1)
    number, line, counted = 0, 1, 0
    while position < len(text) and text[position] != "]":
        line += text.count("\n", counted, position)
        counted = position
        number += 1
        place = f"row {number} (line {line})"
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            cut = _is_cut(text, error)
            yield _end(
                place,
                "not JSON"
                + (": the file ends within it" if cut else f" ({getattr(error, 'msg', '')})")
                + ", and so what follows cannot be read",
                "copy the file again, it is cut off" if cut else "mend the array",
            )
            return
        if end - position > MAX_BYTES:
            yield _bad(place, *_too_big(end - position))
        else:
            yield _record(value, place)
        position = _after_space(text, end)
        if position < len(text) and text[position] == ",":
            position = _after_space(text, position + 1)
        elif position < len(text) and text[position] != "]":
            yield _end(f"after {place}", "no comma, and what follows is not read", "mend the array")
            return
    if position >= len(text):
        yield _end("end of file", "the array is not closed", "copy the file again, it is cut off")
        return
    position = _after_space(text, position + 1)
    if position < len(text):
        line = text.count("\n", 0, position) + 1
        yield _end(
            f"after row {number} (line {line})",
            "text after the array, which is not read",
            "make it one array",
        )


def _csv(path: Path, delimiter: str) -> Iterator[Record]:
    text = _text(path)
    csv.field_size_limit(_FIELD)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 0
    try:
        _check_header(reader.fieldnames or (), path)
        line = max(reader.line_num, 1)
        for value in reader:
            place, line = f"line {line + 1}", reader.line_num
            if None in value or None in value.values():
                yield _bad(
                    place,
                    f"not {len(reader.fieldnames or ())} columns as in the first line",
                    "put quotes around text that holds commas or newlines",
                )
            elif (size := _size(value)) > MAX_BYTES:
                yield _bad(place, *_too_big(size))
            else:
                yield _record(value, place)
    except csv.Error as error:
        yield _end(
            f"line {line + 1}",
            f"not CSV ({error}), and so what follows cannot be read",
            "copy the file again, or mend it",
        )


def _check_header(names: Sequence[str], path: Path) -> None:
    """Raises `RowError` where two columns have one name: only one of them would be kept.

    Spreadsheets leave several without a name at the end; nothing is read from those.
    """
    twice = [name for name, count in Counter(names).items() if name.strip() and count > 1]
    if twice:
        raise RowError(
            f"columns of the same name ({', '.join(map(repr, twice))})",
            "rename or remove all but one of each",
            f"{path}, line 1",
        )


def _text(path: Path) -> str:
    """The whole of a file that cannot be read line by line."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        start = error.start - (data.rfind(b"\n", 0, error.start) + 1)
        raise RowError(
            f"not UTF-8 (byte 0x{data[error.start]:02x} at {start})",
            "save the file as UTF-8 (iconv -f latin1 -t utf-8)",
            f"{path}, line {line}",
        ) from error


def _is_cut(text: str, error: Exception) -> bool:
    """Whether JSON is wrong because it ends too early: in a string, a word or between two."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    rest = text[error.pos :].rstrip()
    in_word = any(word.startswith(rest) for word in ("true", "false", "null"))
    in_escape = error.msg.startswith("Invalid \\") and len(rest) < len("\\u0000")
    return len(rest) <= 1 or error.msg.startswith("Unterminated") or in_word or in_escape


def _parquet(path: Path) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise RowError(
            f"parquet that is cut off or damaged ({str(error).splitlines()[0]})",
            "copy the file again",
            str(path),
        ) from error
    number = 0
    with file:
        for batch in file.iter_batches(batch_size=500):
            for value in batch.to_pylist():
                number += 1
                if (size := _size(value)) > MAX_BYTES:
                    yield _bad(f"row {number}", *_too_big(size))
                else:
                    yield _record(value, f"row {number}")


def _record(value: object, place: str) -> Record:
    if not isinstance(value, dict):
        return _bad(place, kind_of(value), "write an object with keys")
    return Record(place, value)


def _bad(place: str, reason: str, fix: str) -> Record:
    return Record(place, None, Problem(place, reason, fix))


def _end(place: str, reason: str, fix: str) -> Record:
    """A problem behind which nothing can be read."""
    return Record(place, None, Problem(place, reason, fix, ends=True))


def _size(value: object) -> int:
    """Bytes of all text in a value, however deep it lies."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    if isinstance(value, dict):
        return sum(_size(part) for part in value.values())
    return sum(_size(part) for part in value) if isinstance(value, list) else 0


def _too_big(size: int) -> tuple[str, str]:
    return (
        f"{size:,} bytes in one row, more than {MAX_BYTES:,}",
        "check for a missing newline; split or remove the row",
    )


def _after_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position
