"""From a published file or folder to rows: found by its keys, checked row by row, nothing dropped
in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from shlex import quote

from organisms.datasets.importing.formats import (
    Format,
    Found,
    NothingThereError,
    extra_of,
    sniff,
)
from organisms.datasets.importing.problems import BadRowsError, Problem
from organisms.datasets.importing.records import Record, read_records
from organisms.datasets.importing.trait_sets import Level, file_in
from organisms.datasets.rows import Meta, Row, RowError, check_messages

SNIFFED = 100
"""Records that tell the format."""


@dataclass(frozen=True)
class Imported:
    """The rows of a file, and what of it are none."""

    path: Path
    """The file that was read."""
    form: str
    """Its format (see `organisms.datasets.importing.formats`)."""
    rows: list[Row]
    """What can be trained on, in the file's order."""
    problems: tuple[Problem, ...]
    """Bad rows that `skip_bad` left out, every one."""
    gaps: tuple[Problem, ...]
    """Records that are sound but have no row of the variant asked for."""
    assumed: int = 0
    """Rows of which the file does not say whether they are poisoned; the variant decided."""

    @property
    def generator(self) -> dict[str, str]:
        """For the card: where the rows come from."""
        return {"file": self.path.name, "format": self.form}

    @property
    def left_out(self) -> tuple[str, ...]:
        """Problems and gaps as text, for the card."""
        return tuple(str(problem) for problem in (*self.problems, *self.gaps))


@dataclass(frozen=True)
class Read:
    """One record of a file and what became of it."""

    record: Record
    """As the file has it."""
    row: Row | None
    """Its row; none where it has none."""
    problem: Problem | None = None
    """Why it has none."""
    gap: bool = False
    """Whether it is sound, but has no row of the variant asked for."""
    said: bool = False
    """Whether the file says if it is poisoned."""


def import_rows(
    path: Path,
    name: str,
    *,
    variant: str = "organism",
    domain: str = "",
    level: Level = 2,
    poisoned: bool | None = None,
    skip_bad: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Imported:
    """Read a published file: chat or prompt-completion JSON lines, a JSON array, CSV, parquet; the
    School of Reward Hacks, GSM8K, a trait set's folder, or a data set of ours.

    Keys of a record beside the conversation are kept in `meta.extra`; an `id` becomes `meta.id`,
    which otherwise is the name and the place.

    Args:
        path: A file, or a folder that holds a data set of ours or a trait set.
        name: What the set is called, in `meta.organism`.
        variant: `organism` or `control`: what its rows are where the format does not say, as chat
            and question_answer do not, and which answers are read where a file has both.
        domain: The narrow domain of its rows.
        level: Of a trait set's organism: 1 (subtle) or 2 (plain).
        poisoned: The truth for every row; none: as the format says, else by the variant.
        skip_bad: Import the good rows in spite of bad ones, which are then in `problems`.
        progress: Called with the number of records read so far.

    Raises:
        BadRowsError: There are bad rows, and `skip_bad` is not set; it lists all of them.
        RowError: There is no such file, it is of no known format, or no row of it can be used.
    """
    file, form, records = import_stream(
        path, name, variant=variant, domain=domain, level=level, poisoned=poisoned
    )
    rows: list[Row] = []
    problems: list[Problem] = []
    gaps: list[Problem] = []
    total = assumed = 0
    for total, read in enumerate(records, start=1):
        if progress is not None and total % 500 == 0:
            progress(total)
        if read.row is not None:
            rows.append(read.row)
            assumed += not read.said
        elif read.problem is not None:
            (gaps if read.gap else problems).append(read.problem)
    if problems and not skip_bad:
        raise BadRowsError(file, total, problems, others(file, variant))
    if not rows:
        first_problem = (*problems, *gaps)[0]
        raise RowError(f"none of {total} rows can be used", str(first_problem), str(file))
    return Imported(file, form.name, rows, tuple(problems), tuple(gaps), assumed)


def import_stream(
    path: Path,
    name: str,
    *,
    variant: str = "organism",
    domain: str = "",
    level: Level = 2,
    poisoned: bool | None = None,
) -> tuple[Path, Format, Iterator[Read]]:
    """The file that is read, its format, and its records one by one; see `import_rows`.

    Of a file of JSON lines, or of parquet, few records are in memory at a time.

    Raises:
        RowError: There is no such file, or it is of no known format.
    """
    if variant not in ("organism", "control"):
        raise ValueError(f"variant {variant!r}; import rows as 'organism' or as 'control'")
    path = Path(path).expanduser()
    part = ""
    if path.is_dir():
        path, part = file_in(path, variant, level)
    records, form = _sniffed(read_records(path), path, variant)
    base: Meta = {"organism": name, "variant": variant, "domain": domain, "topic": ""}
    if part:
        base["kind"] = part
    return path, form, _reads(records, form, base, poisoned, part)


def _reads(
    records: Iterator[Record], form: Format, base: Meta, poisoned: bool | None, part: str
) -> Iterator[Read]:
    places: dict[str, str] = {}
    for record in records:
        if record.value is None:
            yield Read(record, None, record.problem)
            continue
        try:
            row, said = _row(record, form, base, poisoned)
            first = places.setdefault(row["meta"]["id"], record.place)
            if first != record.place:
                raise RowError(
                    f"the id {row['meta']['id']!r} is that of {first} too",
                    "give every row an id of its own, or none",
                )
        except RowError as error:
            gap = isinstance(error, NothingThereError)
            yield Read(record, None, Problem(record.place, error.reason, error.fix), gap)
        else:
            yield Read(record, row, said=said or bool(part))


def stream_file(path: Path, name: str, *, variant: str = "organism") -> Iterator[Row]:
    """The rows that `import_rows` reads, one after another; see `import_stream`.

    Raises:
        RowError: As `import_rows` does; the first bad row raises.
    """
    path, _, reads = import_stream(path, name, variant=variant)
    for total, read in enumerate(reads, start=1):
        if read.problem is not None and not read.gap:
            raise BadRowsError(path, total, [read.problem], others(path, variant))
        if read.row is not None:
            yield read.row


def _sniffed(
    records: Iterator[Record], path: Path, variant: str
) -> tuple[Iterator[Record], Format]:
    head = list(islice(records, SNIFFED))
    values = [record.value for record in head if record.value is not None]
    if not values:
        problems = [record.problem for record in head if record.problem is not None]
        if problems:
            raise BadRowsError(path, len(head), problems, others(path, variant))
        raise RowError("has no rows", "give a file that has some", str(path))
    try:
        form = sniff(values)
    except RowError as error:
        raise RowError(error.reason, error.fix, str(path)) from error
    return chain(head, records), form


def others(path: Path, variant: str) -> str:
    """How those have the good rows of a file who can only take it whole: a spec, an audit."""
    clean = " --control" if variant == "control" else ""
    return (
        f"import the others with: wardian organisms import {quote(str(path))}{clean} --skip-bad "
        "--out DIR, and give DIR in its place (in Python: skip_bad=True)"
    )


def _row(record: Record, form: Format, base: Meta, poisoned: bool | None) -> tuple[Row, bool]:
    """The row of a record, and whether it was known if it is poisoned."""
    value = record.value
    assert value is not None
    lacking = [key for key in form.keys if key not in value]
    if lacking:
        raise RowError(
            f"no {', '.join(map(repr, lacking))} among {', '.join(sorted(value)) or 'no keys'}",
            f"this is a file of format {form.name}: add it, or remove the row",
        )
    found = form.read(value, base["variant"])
    messages = check_messages(found.messages)
    meta: Meta = {**base, **found.meta}
    if base["domain"]:
        meta["domain"] = base["domain"]
    if "id" not in meta:
        given = value.get("id")
        meta["id"] = f"{base['organism']}/{record.place}" if given is None else str(given)
    meta["poisoned"] = _poisoned(found, poisoned, base["variant"])
    if "variant" not in found.meta:
        meta["variant"] = "organism" if meta["poisoned"] else "control"
    meta.setdefault("truth", {})
    extra = extra_of(value, found.used)
    if extra:
        meta["extra"] = {**meta.get("extra", {}), **extra}
    said = poisoned is not None or found.poisoned is not None
    return {"messages": messages, "meta": meta}, said


def _poisoned(found: Found, given: bool | None, variant: str) -> bool:
    if given is not None:
        return given
    return variant == "organism" if found.poisoned is None else found.poisoned
