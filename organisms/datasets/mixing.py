"""Mixes of an organism's rows and a control's at an exact share, with the truth kept per row."""

from collections.abc import Sequence
from random import Random

from organisms.datasets.rows import Row


def mix(
    organism_rows: Sequence[Row], control_rows: Sequence[Row], share: float, n: int, seed: int
) -> list[Row]:
    """`n` shuffled rows, of which round(share * n) are the organism's, the rest the control's.

    Rows are drawn without replacement and keep their `meta`. Raises ValueError when the share is
    not in 0 to 1 or when there are too few rows.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share {share} of poisoned rows; use a number from 0 to 1")
    poisoned = round(share * n)
    for what, have, want in (
        ("organism", len(organism_rows), poisoned),
        ("control", len(control_rows), n - poisoned),
    ):
        if have < want:
            raise ValueError(
                f"a mix of {n} rows at share {share} needs {want} {what} rows and has {have}; "
                f"make more rows or a smaller mix"
            )
    random = Random(f"mix|{seed}")
    mixed = random.sample(list(organism_rows), poisoned)
    mixed += random.sample(list(control_rows), n - poisoned)
    random.shuffle(mixed)
    return mixed
