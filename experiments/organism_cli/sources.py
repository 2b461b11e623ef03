"""Where the rows come from that `wardian organisms` shows, mixes and audits: a registered data set,
a folder that it wrote, or somebody's file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.making import cores

if TYPE_CHECKING:
    from organisms.datasets.registry import Edition
    from organisms.datasets.rows import Row


@dataclass(frozen=True)
class Source:
    """A data set that is named or found."""

    given: str
    """The name or path that it was asked for by."""
    name: str
    """What it is called."""
    rows: Iterable[Row]
    """Its rows; to be read once."""
    total: int
    """How many there are."""
    seed: int | None = None
    """The seed that made it; none: it is not known, as of somebody's file."""
    generator: dict[str, str] = field(default_factory=dict)
    """Who made it."""
    left_out: tuple[str, ...] = ()
    """What an import left out."""
    assumed: tuple[str, ...] = ()
    """Of files that do not say whether their rows are poisoned: what they count as."""
    registered: bool = False
    """Whether it is made by name, in any of its editions."""

    @property
    def edition(self) -> Edition | None:
        """The edition that it was made in, where that is known."""
        from organisms.datasets.registry import EDITIONS

        return next((each for each in EDITIONS if each == self.generator.get("edition")), None)


MADE = 1000
"""Rows of a registered data set where no number is given."""


def find_source(
    given: str,
    *,
    rows: int | None,
    seed: int,
    edition: Edition | None,
    control: bool = False,
    workers: int | None = None,
    beside: Source | None = None,
) -> Source:
    """The data set that `given` means: a registered name, else a path.

    Args:
        given: A name, a folder or a file.
        rows: How many to make; of a path: the first so many, none: all.
        seed: Of the maker.
        edition: The one that is meant; none: that of `beside`, else pocket's if it exists in it.
        control: Whether the rows of somebody's file are clean.
        workers: Processes that make the rows of a registered data set, where its maker can be
            divided; none: as many as there are cores.
        beside: The set that its rows will stand beside; both are of one edition.

    Raises:
        ValueError: It is neither, it cannot be made or read, or it is of another edition than is
            meant; the message says the fix.
    """
    from organisms.datasets.making import make
    from organisms.datasets.provenance import generator
    from organisms.datasets.registry import DATASETS, dataset
    from organisms.datasets.rows import RowError

    meant = (beside.edition if beside else None) or edition
    if given in DATASETS:
        if beside and meant and meant not in DATASETS[given].modules:
            raise _editions_differ(beside, meant, given, DATASETS[given].editions)
        found = meant or dataset(given).editions[0]
        number = rows or MADE
        return Source(
            given=given,
            name=given,
            rows=make(given, number, seed, found, workers=workers or cores()),
            total=number,
            seed=seed,
            generator=generator(given, found),
            registered=True,
        )
    path = Path(given).expanduser()
    if not path.exists():
        close = get_close_matches(given, DATASETS, n=1)
        raise RowError(
            f"{given!r} is neither a data set nor a path",
            (f"did you mean {close[0]!r}? " if close else "")
            + "`wardian organisms list` names the data sets",
        )
    if (path / "rows.parquet").is_file():
        built = _built(given, path, rows)
        if built.edition and meant and built.edition != meant:
            if beside:
                raise _editions_differ(beside, meant, given, (built.edition,))
            raise ValueError(
                f"{given} is of edition {built.edition!r}, not {meant!r}; leave --edition out, or "
                "name a set of that edition"
            )
        return built
    from organisms.datasets.importing import import_rows

    imported = import_rows(path, path.stem, variant="control" if control else "organism")
    kept = imported.rows[:rows]
    return Source(
        given=given,
        name=path.stem,
        rows=kept,
        total=len(kept),
        generator=imported.generator,
        left_out=imported.left_out,
        assumed=(
            f"rows of {given}, of which a file of format {imported.form} does not say it, count as "
            f"{'clean' if control else 'poisoned'}",
        )
        if imported.assumed
        else (),
    )


def find_control(
    given: str,
    beside: Source,
    *,
    rows: int | None,
    seed: int,
    edition: Edition | None,
    workers: int | None = None,
) -> Source:
    """The control that `given` means, to be held against a set: of a registered name as many rows
    as the set has, made with its seed; of a path the first `rows`. The rest as `find_source`."""
    from organisms.datasets.registry import DATASETS

    return find_source(
        given,
        rows=beside.total if given in DATASETS else rows,
        seed=seed if beside.seed is None else beside.seed,
        edition=edition,
        control=True,
        workers=workers,
        beside=beside,
    )


def _editions_differ(
    beside: Source, meant: Edition, given: str, editions: tuple[Edition, ...]
) -> ValueError:
    from organisms.datasets.registry import DATASETS

    theirs = DATASETS[beside.name].editions if beside.registered else ()
    both = set(editions) & set(theirs)
    fix = (
        f"make both in one with --edition {min(both)}"
        if both
        else f"give a set of edition {meant!r}"
    )
    return ValueError(
        f"{beside.name!r} is of edition {meant!r} and {given!r} of "
        f"{' and '.join(map(repr, editions))}: the rows of one set are of one edition; {fix}"
    )


def enough(source: Source, given: str, rows: int | None) -> Source:
    """The source, unless it has fewer rows than were asked for.

    Raises:
        ValueError: It has.
    """
    if rows is not None and source.total < rows:
        raise ValueError(
            f"{given} has {source.total:,} rows, {rows:,} asked for; ask for {source.total} with "
            "-n, or leave -n out to take all"
        )
    return source


def all_different(given: Iterable[str]) -> None:
    """Refuse rows that would stand twice in one set.

    Raises:
        ValueError: A name or path is given twice.
    """
    seen: set[str] = set()
    for each in given:
        path = Path(each).expanduser()
        same = str(path.resolve()) if path.exists() else each
        if same in seen:
            raise ValueError(
                f"{each!r} is given twice for one set, which would hold its rows twice; mix "
                "different sets, or leave it out"
            )
        seen.add(same)


def _built(given: str, folder: Path, rows: int | None) -> Source:
    from organisms.datasets.files import read_card, stream_rows

    card = read_card(folder)
    return Source(
        given=given,
        name=card.name,
        rows=_first(stream_rows(folder), rows),
        total=min(card.rows, rows or card.rows),
        seed=card.seed,
        generator=card.generator,
        left_out=card.left_out,
    )


def _first(rows: Iterable[Row], number: int | None) -> Iterator[Row]:
    for index, row in enumerate(rows):
        if number is not None and index >= number:
            return
        yield row


def evaluation_questions(edition: Edition) -> dict[str, str]:
    """Every open and in-domain question of an edition, of all splits: id -> text.

    In-domain questions of pocket in wordings that training rows have by design are left out.
    """
    from evals.questions import DOMAINS_OF, WORDINGS_OF, load_questions

    found: dict[str, str] = {}
    for split in ("extract", "dev", "report"):
        for wording in WORDINGS_OF[edition]:
            try:
                asked = load_questions(
                    "open_questions", edition=edition, split=split, wording=wording
                )
            except ValueError:  # a wording that has no topics in this split
                continue
            found |= {f"open/{split}/{question.id}": question.text for question in asked}
        for domain in DOMAINS_OF[edition]:
            asked = load_questions("in_domain", edition=edition, split=split, domain=domain)
            found |= {
                f"{domain}/{split}/{question.id}": question.text
                for question in asked
                if edition != "pocket" or question.wording != "seen"
            }
    return found


def questions_in(path: Path) -> dict[str, str]:
    """Questions of a text file, one a line: `name:line` -> text.

    Raises:
        ValueError: There is no such file, or it has none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"the questions in {path} cannot be read ({error}); give a UTF-8 text file with one "
            "question a line"
        ) from error
    found = {f"{path.name}:{n}": line for n, line in enumerate(lines, start=1) if line.strip()}
    if not found:
        raise ValueError(f"{path} has no questions; write one a line")
    return found


def out_folder(out: Path, *, force: bool) -> Path:
    """A folder that a data set may be written to.

    Raises:
        ValueError: It is a file, holds something else, or a data set and `force` is not set.
    """
    from organisms.datasets.files import CARD_FILE, ROWS_FILE, UNFINISHED

    out = out.expanduser()
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file; name a folder")
    if out.is_dir() and any(each.name not in UNFINISHED for each in out.iterdir()):
        if not (out / ROWS_FILE).is_file():
            raise ValueError(f"--out {out} holds other files; name a new or empty folder")
        if not force:
            what = "a data set" if (out / CARD_FILE).is_file() else "rows without a card"
            raise ValueError(f"--out {out} holds {what}; name another folder, or add --force")
    return out
