"""Labels and groups as arrays of numbers; knows nothing of what they stand for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.int64]


def codes(labels: ArrayLike) -> Codes:
    """Labels of any kind as integers from 0, in order of first appearance."""
    seen: dict[object, int] = {}
    return np.array(
        [seen.setdefault(label, len(seen)) for label in np.asarray(labels, dtype=object).tolist()],
        dtype=np.int64,
    )


def codes_or_one(labels: ArrayLike | None, length: int) -> Codes:
    """`codes`, or one and the same label for all where there are none."""
    return np.zeros(length, dtype=np.int64) if labels is None else codes(labels)


def same_length(**arrays: NDArray[np.generic]) -> None:
    """Raise `ValueError` unless the arrays have one length; their names are in the message."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"arrays of one length are needed, not {lengths}")


def cells_of(values: Floats, clusters: Codes, seeds: Codes) -> tuple[Floats, Floats]:
    """Sums and counts of the values of every topic (rows) under every seed (columns)."""
    shape = (int(clusters.max()) + 1, int(seeds.max()) + 1)
    cell_N = clusters * shape[1] + seeds
    size = shape[0] * shape[1]
    sums = np.bincount(cell_N, weights=values, minlength=size).reshape(shape)
    counts = np.bincount(cell_N, minlength=size).reshape(shape)
    return sums.astype(np.float64), counts.astype(np.float64)
