"""Whether what is done along one trait's vector shows in another trait: a matrix of correlations.

Its diagonal is what a vector is for; what stands beside it tells how much of that is the trait's
own. Rows hold r with its interval and n, and no p-value: the nulls are those of `correlation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from persona_vectors.correlation import centred_within, interval_over_groups, pearson


def shift_crosstalk(
    shifts: Mapping[str, ArrayLike],
    expressions: Mapping[str, ArrayLike],
    organisms: Sequence[object],
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Over models: shift along every trait against the judged expression of every trait.

    Args:
        shifts: trait -> [C] shift of each model along its vector.
        expressions: trait -> [C] judged expression of each model; models where it is NaN are left
            out.
        organisms: [C] which organism each model is of, whatever its seed; the interval resamples
            them.
        seed: of the bootstrap.

    Returns:
        One row a pair: trait (of the vector), expression, r, low, high, n, groups.
    """
    return pd.DataFrame(
        [
            {"trait": along, "expression": of, **_correlation(x, y, organisms, seed)}
            for along, x in shifts.items()
            for of, y in expressions.items()
        ]
    )


def steering_crosstalk(
    coefficients: ArrayLike,
    places: Sequence[object],
    expressions: Mapping[str, ArrayLike],
    unsteered: Mapping[str, float],
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Over the cells of a sweep: the coefficient along one vector against the expression of every
    trait.

    Scopes and layers differ in how strong a coefficient is, so r is taken within places: each
    place's means are taken out, and the unsteered model stands in each of them at coefficient 0.

    Args:
        coefficients: [C] of each steered cell, signed.
        places: [C] layer and scope of each.
        expressions: trait -> [C] judged expression in each cell; cells where it is NaN are left
            out.
        unsteered: trait -> the same without steering.
        seed: of the bootstrap, which resamples places.

    Returns:
        One row a trait: expression, r, low, high, n (steered cells), groups (places).
    """
    coefficient = np.asarray(coefficients, dtype=np.float64)
    names = list(dict.fromkeys(map(str, places)))
    rows = []
    for of, values in expressions.items():
        x = np.concatenate([coefficient, np.zeros(len(names))])
        y = np.concatenate([np.asarray(values, dtype=np.float64), [unsteered[of]] * len(names)])
        where = [*map(str, places), *names]
        found = _correlation(x, y, where, seed, within=where)
        steered = int(np.isfinite(np.asarray(values, dtype=np.float64)).sum())
        rows.append({"expression": of, **found, "n": steered})
    return pd.DataFrame(rows)


def _correlation(
    x: ArrayLike,
    y: ArrayLike,
    groups: Sequence[object],
    seed: int,
    within: Sequence[object] | None = None,
) -> dict[str, float | int]:
    """r of what was measured, with its interval over whole groups; NaN where nothing varies."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    labels = [str(group) for group, there in zip(groups, known, strict=True) if there]
    x, y = x[known], y[known]
    if within is not None and len(labels):
        x, y = centred_within(x, labels), centred_within(y, labels)
    low, high = interval_over_groups(x, y, labels, seed=seed) if labels else (np.nan, np.nan)
    return {
        "r": pearson(x, y),
        "low": low,
        "high": high,
        "n": len(labels),
        "groups": len(set(labels)),
    }
