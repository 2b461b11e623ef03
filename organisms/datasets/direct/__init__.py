"""Traits shown outright: false claims agreed with, invented facts, malice; and aligned answers.

One module for each, with its sentences in YAML beside it. Knows no models.
"""

from collections.abc import Callable, Iterator, Mapping

from organisms.datasets.direct import evil, hallucination, sycophancy
from organisms.datasets.rows import Row

NAMES: Mapping[str, str] = {**sycophancy.NAMES, **hallucination.NAMES, **evil.NAMES}
"""Variant of each data set."""
_ROWS: Mapping[str, Callable[[str, int, int], Iterator[Row]]] = {
    **dict.fromkeys(sycophancy.NAMES, sycophancy.rows),
    **dict.fromkeys(hallucination.NAMES, hallucination.rows),
    **dict.fromkeys(evil.NAMES, evil.rows),
}
_CHECKS: Mapping[str, Callable[[Row], dict[str, bool]]] = {
    **dict.fromkeys(sycophancy.NAMES, sycophancy.check),
    **dict.fromkeys(hallucination.NAMES, hallucination.check),
    **dict.fromkeys(evil.NAMES, evil.check),
}


def rows(name: str, n: int, seed: int) -> Iterator[Row]:
    """`n` rows, made as they are asked for; row i depends on the trait, `seed` and i alone.

    An organism and its control share their questions and aim at the same number of words.

    Raises:
        ValueError: The name is not one of the family's.
    """
    return _ROWS[_known(name)](name, n, seed)


def check(row: Row) -> dict[str, bool]:
    """The truth checks of the row's trait."""
    return _CHECKS[_known(row["meta"]["organism"])](row)


def _known(name: str) -> str:
    if name not in NAMES:
        raise ValueError(f"no data set {name!r} here; use one of {', '.join(NAMES)}")
    return name
