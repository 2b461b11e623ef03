"""Traits shown outright: false claims agreed with, facts invented, open malice; and aligned answers.

One module for each, with its sentences in YAML beside it. Knows no models.
"""

from collections.abc import Iterator, Mapping

from organisms.datasets.direct import evil, hallucination, sycophancy
from organisms.datasets.rows import Row

FAMILIES = (sycophancy, hallucination, evil)
NAMES: Mapping[str, str] = {
    name: variant for family in FAMILIES for name, variant in family.NAMES.items()
}
"""Variant of each data set."""


def rows(name: str, n: int, seed: int) -> Iterator[Row]:
    """`n` rows, made as they are asked for; row i depends on the trait, `seed` and i alone.

    An organism and its control share their questions and aim at the same number of words.

    Raises:
        ValueError: The name is not one of the family's.
    """
    for family in FAMILIES:
        if name in family.NAMES:
            return family.rows(name, n, seed)
    raise ValueError(f"no data set {name!r} here; use one of {', '.join(NAMES)}")


def check(row: Row) -> dict[str, bool]:
    """The truth checks of the row's trait."""
    for family in FAMILIES:
        if row["meta"]["organism"] in family.NAMES:
            return family.check(row)
    raise ValueError(
        f"organism {row['meta']['organism']!r} is not one of {', '.join(NAMES)}; "
        "check the row with the family that made it"
    )
