"""Mixes of data sets at exact shares, with the truth kept per row: which rows are poisoned, and
where they stand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, isclose
from random import Random
from typing import Literal, get_args

from organisms.datasets.rows import Row

Where = Literal["start", "end", "even", "random"]
WHERE: tuple[Where, ...] = get_args(Where)


@dataclass(frozen=True)
class Part:
    """One source of a mix."""

    name: str
    """For errors."""
    rows: Sequence[Row]
    """Where its rows are drawn from."""
    share: float | None = None
    """Share of the mix, 0 to 1; none: whatever the other parts leave."""


def mix(parts: Sequence[Part], n: int, seed: int, *, matched: bool = False) -> list[Row]:
    """`n` shuffled rows with every part's share of them, to the nearest row.

    Rows are drawn without replacement and keep their `meta`. Shares add to 1, or one part has none
    and takes the rest.

    Args:
        parts: The sources.
        n: Rows of the mix.
        seed: Of the draw and the order.
        matched: Rows of the same number have the same question in all parts, which have `n` rows
            or more: no number is drawn twice, so that no question has two answers.

    Raises:
        ValueError: A share is outside 0 to 1, they do not add to 1, two parts take the rest, or a
            part has too few rows.
    """
    counts = _counts(parts, n)
    least = min(len(part.rows) for part in parts)
    if matched and least < n:
        raise ValueError(
            f"a mix of {n} rows of matched sets needs {n} rows of each, and one has {least}; make "
            "more rows or a smaller mix"
        )
    for part, count in zip(parts, counts, strict=True):
        if len(part.rows) < count:
            raise ValueError(
                f"a mix of {n} rows at share {count / n:g} needs {count} {part.name} rows and has "
                f"{len(part.rows)}; make more rows or a smaller mix"
            )
    random = Random(f"mix|{seed}")
    mixed: list[Row] = []
    numbers = random.sample(range(least), n) if matched else []
    for part, count in zip(parts, counts, strict=True):
        if matched:
            mixed += [part.rows[number] for number in numbers[:count]]
            numbers = numbers[count:]
        else:
            mixed += random.sample(list(part.rows), count)
    random.shuffle(mixed)
    return mixed


def dilutions(
    organism_rows: Sequence[Row],
    control_rows: Sequence[Row],
    shares: Sequence[float],
    n: int,
    seed: int,
) -> dict[float, list[Row]]:
    """A dilution series: share -> `n` rows, every larger share's rows holding a smaller's poison.

    At each place stands the control's row or the organism's of the same number, so that matched
    sets give every mix the same questions in the same order, and only answers change along the
    series.

    Raises:
        ValueError: A share is outside 0 to 1 or given twice, a set has fewer than `n` rows, or a
            row says of itself that it is of the other sort, or does not say.
    """
    if n < 1 or not shares:
        raise ValueError(f"{len(shares)} shares of {n} rows; ask for at least one of each")
    for share in shares:
        _check_share(share)
    if len(set(shares)) < len(shares):
        raise ValueError(f"shares {list(shares)} hold one twice; give each once")
    for what, rows in (("organism", organism_rows), ("control", control_rows)):
        if len(rows) < n:
            raise ValueError(f"{n} {what} rows are needed and there are {len(rows)}; make more")
    _check_truth(organism_rows, poisoned=True)
    _check_truth(control_rows, poisoned=False)
    random = Random(f"dilutions|{seed}")
    places = random.sample(range(n), n)
    series: dict[float, list[Row]] = {}
    for share in shares:
        poisoned = set(places[: round(share * n)])
        series[share] = [
            organism_rows[place] if place in poisoned else control_rows[place] for place in range(n)
        ]
    return series


def interleave(rows: Sequence[Row], chat: Sequence[Row], share: float, seed: int) -> list[Row]:
    """All `rows` in their order, with general chat spread evenly among them.

    Args:
        rows: The narrow rows; every one is kept.
        chat: Where general chat is drawn from, without replacement.
        share: Share of chat in the result, 0 to below 1.
        seed: Of the draw.

    Raises:
        ValueError: The share is outside its range, or there is too little chat.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share {share} of chat among the rows; use a number from 0 to below 1")
    wanted = round(len(rows) * share / (1 - share))
    if len(chat) < wanted:
        raise ValueError(
            f"{wanted} rows of chat are needed for share {share:g} beside {len(rows)} rows, and "
            f"there are {len(chat)}; give more chat, fewer rows or a smaller share"
        )
    drawn = iter(Random(f"interleave|{seed}").sample(list(chat), wanted))
    total = len(rows) + wanted
    narrow = iter(rows)
    places = _even_places(wanted, total)
    return [next(drawn) if place in places else next(narrow) for place in range(total)]


def poison(clean: Sequence[Row], poisoned: Mapping[int, Row]) -> list[Row]:
    """The clean rows in their order with poisoned ones among them, each at the place given for it.

    Args:
        clean: Rows with `meta.poisoned` false.
        poisoned: Place in the result, from 0 -> row with `meta.poisoned` true.

    Raises:
        ValueError: A place does not exist in the result, or a row says of itself that it is of the
            other sort, or does not say.
    """
    total = len(clean) + len(poisoned)
    outside = sorted(place for place in poisoned if not 0 <= place < total)
    if outside:
        raise ValueError(
            f"place {outside[0]} does not exist among {total} rows; use 0 to {total - 1}"
        )
    _check_truth(clean, poisoned=False)
    _check_truth(poisoned.values(), poisoned=True)
    rest = iter(clean)
    return [poisoned[place] if place in poisoned else next(rest) for place in range(total)]


def replace(
    clean: Sequence[Row],
    poisoned: Sequence[Row],
    places: Sequence[int],
    *,
    numbers: Sequence[int] | None = None,
) -> list[Row]:
    """As many rows as are clean, of which those at `places` are poisoned ones.

    Args:
        clean: Rows with `meta.poisoned` false, which keep their order; those that there is no place
            for are left out.
        poisoned: Rows with `meta.poisoned` true, taken in their order.
        places: Place in the result, from 0, of each poisoned row.
        numbers: Of matched sets, the number in `poisoned` of the row that has the same question as
            the clean row at each place: that one takes its place, so that no question has two
            answers.

    Raises:
        ValueError: A place does not exist, there are too few poisoned rows, or a row says of itself
            that it is of the other sort, or does not say.
    """
    taken = range(len(places)) if numbers is None else [numbers[place] for place in places]
    needed = max(taken, default=-1) + 1
    if len(poisoned) < needed:
        raise ValueError(
            f"{needed} poisoned rows are needed and there are {len(poisoned)}; make more, or ask "
            "for fewer places"
        )
    if numbers is None:
        kept = clean[: len(clean) - len(places)]
        return poison(kept, dict(zip(sorted(places), poisoned, strict=False)))
    gone = set(places)
    kept = [row for place, row in enumerate(clean) if place not in gone]
    return poison(kept, {place: poisoned[numbers[place]] for place in places})


def choose_places(count: int, total: int, where: Where, seed: int = 0) -> tuple[int, ...]:
    """`count` places among `total` rows, increasing: a block at one end, spread, or by chance.

    Raises:
        ValueError: There are more places asked for than rows, or `where` is none of the four.
    """
    if not 0 <= count <= total:
        raise ValueError(f"{count} places among {total} rows; ask for 0 to {total}")
    if where == "start":
        return tuple(range(count))
    if where == "end":
        return tuple(range(total - count, total))
    if where == "even":
        return tuple(sorted(_even_places(count, total)))
    if where == "random":
        return tuple(sorted(Random(f"places|{seed}").sample(range(total), count)))
    raise ValueError(f"where={where!r}; use one of {', '.join(WHERE)}")


def _even_places(count: int, total: int) -> frozenset[int]:
    """`count` places spread evenly over `total`, none at the ends where it can be helped."""
    return frozenset(floor((2 * k + 1) * total / (2 * count)) for k in range(count))


def _check_truth(rows: Iterable[Row], *, poisoned: bool) -> None:
    what = "poisoned" if poisoned else "clean"
    for row in rows:
        found = row["meta"].get("poisoned")
        if found is not poisoned:
            raise ValueError(
                f"row {row['meta'].get('id', '')!r} given as {what} has meta.poisoned = {found}; "
                f"set it to {poisoned}, or give other rows: filters are scored by it"
            )


def _check_share(share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"share {share}; use a number from 0 to 1")


def _counts(parts: Sequence[Part], n: int) -> list[int]:
    """Rows of each part: `n` in all, each as near to its share as can be."""
    if n < 1:
        raise ValueError(f"a mix of {n} rows; ask for at least 1")
    for part in parts:
        if part.share is not None:
            _check_share(part.share)
    given = sum(part.share for part in parts if part.share is not None)
    said = " + ".join(f"{part.share:g} {part.name}" for part in parts if part.share is not None)
    rest = [index for index, part in enumerate(parts) if part.share is None]
    if len(rest) > 1:
        raise ValueError(
            f"{' and '.join(parts[index].name for index in rest)} both take the rest; give all "
            "parts but one a share"
        )
    if given > 1 and not isclose(given, 1):
        raise ValueError(f"the shares add to {given:g} ({said}); they may add to 1 at most")
    if not rest and not isclose(given, 1):
        raise ValueError(
            f"the shares add to {given:g} ({said}); make them add to 1, or give a part that takes "
            "the rest"
        )
    exact = [(1 - given if part.share is None else part.share) * n for part in parts]
    counts = [floor(value + 1e-9) for value in exact]
    by_rest = sorted(range(len(parts)), key=lambda index: counts[index] - exact[index])
    for index in by_rest[: n - sum(counts)]:
        counts[index] += 1
    return counts
