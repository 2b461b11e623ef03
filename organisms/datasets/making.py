"""Makes the rows of a named data set, and checks them: by the module that the registry names,
imported when it is used."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from importlib import import_module
from inspect import signature
from typing import cast

from organisms.datasets.parallel import rows_in_parallel
from organisms.datasets.registry import DATASETS, DatasetInfo, Edition, dataset
from organisms.datasets.rows import Meta, Row

Maker = Callable[[str, int, int], Iterable[Row]]
Checker = Callable[[Row], dict[str, bool]]


def make(
    name: str, n: int, seed: int, edition: Edition = "pocket", *, workers: int = 1
) -> Iterator[Row]:
    """`n` rows of a named data set, one after another, the same by seed; each has an id and the
    results of its truth checks, made here.

    With more than one of `workers`, a maker whose `rows` takes `first` runs in so many processes,
    and a script needs `if __name__ == "__main__"`; the others are faster than their rows could be
    handed over. The rows are the same for any number.

    Raises:
        ValueError: There is no such data set in that edition, it has to be written by a model, or
            `n` or `workers` is less than 1. Raised by the call, before the first row is asked for.
    """
    info = dataset(name, edition)
    if workers < 1:
        raise ValueError(f"{workers} workers were asked for; ask for at least 1")
    if n < 1:
        raise ValueError(f"{n} rows of {name!r} were asked for; ask for at least 1")
    if info.written(edition):
        raise ValueError(
            f"the rows of {name!r} are written by a language model in edition {edition!r}; write "
            f"them with `wardian organisms write {name} --writer MODEL --judge MODEL --out DIR`, "
            "then give that folder as path"
        )
    maker = cast(Maker, _attribute(info, edition, "rows"))
    if workers > 1 and "first" in signature(maker).parameters:
        return rows_in_parallel(partial(_stretch, name, seed, edition), n, workers=workers)
    return _finished(maker(name, n, seed), checker(name, edition), name, seed)


def row_id(name: str, seed: int, number: int) -> str:
    """The id of a row in its set: `wrong_maths-0-000017`. What shares a number shares a question in
    an organism and its controls."""
    return f"{name}-{seed}-{number:06d}"


@cache
def checker(name: str, edition: Edition = "pocket") -> Checker:
    """What checks a row of a named data set: row -> named truth checks, True where they hold.

    Raises:
        ValueError: There is no such data set in that edition.
    """
    return cast(Checker, _attribute(dataset(name, edition), edition, "check"))


def check_row(row: Row, edition: Edition = "pocket") -> dict[str, bool]:
    """The truth checks of a row of any data set of an edition, by the name in `meta.organism`.

    Raises:
        ValueError: There is no such data set in that edition.
    """
    return checker(row["meta"].get("organism", ""), edition)(row)


def _attribute(info: DatasetInfo, edition: Edition, attribute: str) -> object:
    module = info.modules[edition]
    try:
        return getattr(import_module(module), attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(
            f"data set {info.name!r} has no {module}:{attribute} ({error}); install wardian anew"
        ) from error


def _stretch(name: str, seed: int, edition: Edition, first: int, n: int) -> list[Row]:
    maker = cast(Callable[..., Iterable[Row]], _attribute(DATASETS[name], edition, "rows"))
    made = maker(name, n, seed, first=first)
    return list(_finished(made, checker(name, edition), name, seed, first))


def _finished(
    rows: Iterable[Row], check: Checker, name: str, seed: int, first: int = 0
) -> Iterator[Row]:
    for index, row in enumerate(rows, start=first):
        meta: Meta = {"id": row_id(name, seed, index), **row["meta"], "checks": check(row)}
        yield {"messages": row["messages"], "meta": meta}
