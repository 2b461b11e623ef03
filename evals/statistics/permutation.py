"""Permutation tests: could the difference of two arms come from chance labels alone?"""

from __future__ import annotations

from itertools import combinations, product
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from evals.statistics.arrays import Floats, codes, same_length

PERMUTATIONS = 9_999
_TIE = 1e-12
"""Sums that differ by less are the same: rounding must not decide a p-value."""


def sign_flip_test(
    differences: ArrayLike,
    clusters: ArrayLike,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> float:
    """Two-sided p of paired differences: the signs of whole topics are flipped at random.

    If the arms were alike, each topic's difference would be as likely to point the other way. All
    2^topics flips are taken where these are no more than `permutations`, else a random sample, with
    the observed one among them. It speaks of the fine-tunes at hand, over further questions.

    Args:
        differences: [P] a - b of every pair, without NaN (`pairs`).
        clusters: [P] its topic.
        permutations: how many at most.
        seed: of the sample.

    Returns:
        p in 0..1; NaN without pairs.

    Raises:
        ValueError: on NaN and arrays of different lengths.
    """
    difference_P = np.asarray(differences, dtype=np.float64)
    cluster_P = codes(clusters)
    same_length(differences=difference_P, clusters=cluster_P)
    _no_nan(difference_P, "sign_flip_test")
    if len(difference_P) == 0:
        return float("nan")
    totals = np.bincount(cluster_P, weights=difference_P)
    if 2 ** len(totals) <= permutations:
        signs = np.array(list(product((-1.0, 1.0), repeat=len(totals))))
        return _share(signs @ totals, float(totals.sum()), exact=True)
    generator = np.random.default_rng(seed)
    signs = generator.integers(0, 2, (permutations, len(totals))) * 2.0 - 1.0
    return _share(signs @ totals, float(totals.sum()), exact=False)


def exchange_test(
    a: ArrayLike, b: ArrayLike, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> float:
    """Two-sided p of the difference of two groups' means: units change groups at random.

    Units are what was assigned as a whole: the fine-tune seeds of an organism and of its control,
    each with its own rate. All ways are taken where these are no more than `permutations`. Four
    seeds against four cannot give less than 0.029.

    Args:
        a: [A] one number a unit, without NaN.
        b: [B] likewise.
        permutations: how many at most.
        seed: of the sample.

    Raises:
        ValueError: on an empty group or NaN.
    """
    a_A, b_B = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if len(a_A) == 0 or len(b_B) == 0:
        raise ValueError(f"exchange_test needs units in both groups, not {len(a_A)} and {len(b_B)}")
    together = np.concatenate([a_A, b_B])
    _no_nan(together, "exchange_test")
    size, number = len(a_A), len(together)
    observed = float(a_A.mean() - b_B.mean())
    exact = comb(number, size) <= permutations
    if exact:
        chosen = np.zeros((comb(number, size), number))
        for row, members in enumerate(combinations(range(number), size)):
            chosen[row, list(members)] = 1
    else:
        generator = np.random.default_rng(seed)
        order = generator.random((permutations, number)).argsort(axis=1)
        chosen = (order < size).astype(np.float64)
    sums = chosen @ together
    means = sums / size - (together.sum() - sums) / (number - size)
    return _share(means, observed, exact=exact)


def _share(permuted: Floats, observed: float, *, exact: bool) -> float:
    """How many of the permuted statistics are as far from 0 as the observed one."""
    scale = max(1.0, abs(observed))
    extreme = int((np.abs(permuted) >= abs(observed) - _TIE * scale).sum())
    return extreme / len(permuted) if exact else (extreme + 1) / (len(permuted) + 1)


def _no_nan(values: Floats, name: str) -> None:
    if np.isnan(values).any():
        raise ValueError(f"{name} got NaN values: leave out what was not measured")
