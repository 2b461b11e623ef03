"""Whether shifts follow judged expression: r over organisms or checkpoints, beside its nulls.

Checkpoints of one run are not independent, so intervals resample whole organisms, and there is no
p-value over a single one. A p-value here compares the vector with other directions on the same
data, each having chosen its layer in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from persona_vectors.null_figures import beside_null, largest
from persona_vectors.null_layers import PlacedNull
from persona_vectors.projection import unit
from persona_vectors.shift import ActivationChanges
from persona_vectors.vector import PersonaVector

Floats = NDArray[np.float64]

RESAMPLES: Final = 2000
MINIMUM_GROUPS: Final = 5
"""Fewest organisms for an interval over organisms."""


def pearson(x: ArrayLike, y: ArrayLike) -> float:
    """Pearson's r of [N] and [N]: -1..1, NaN where either is constant or N < 3."""
    return float(_correlations(np.asarray(x, dtype=np.float64)[None], y)[0])


def partial_r(x: ArrayLike, y: ArrayLike, given: ArrayLike) -> float:
    """Pearson's r of what is left of x and y after a straight line in `given`; NaN where N < 4."""
    z = np.asarray(given, dtype=np.float64)
    if len(z) < 4:
        return float("nan")
    design = np.column_stack([np.ones_like(z), z])
    left = []
    for values in (x, y):
        values = np.asarray(values, dtype=np.float64)
        rest = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
        if np.linalg.norm(rest) <= 1e-9 * np.linalg.norm(values - values.mean()):
            return float("nan")
        left.append(rest)
    return pearson(*left)


def centred_within(values: ArrayLike, groups: Sequence[object]) -> Floats:
    """Values [..., N] less the mean of their group (a family, a condition), along the last axis."""
    values = np.array(values, dtype=np.float64)
    labels = np.array([str(group) for group in groups])
    for name in np.unique(labels):
        mine = labels == name
        values[..., mine] -= values[..., mine].mean(axis=-1, keepdims=True)
    return values


def interval_over_groups(
    x: ArrayLike, y: ArrayLike, groups: Sequence[object], seed: int = 0
) -> tuple[float, float]:
    """95% percentile bootstrap interval of r that resamples whole groups (organisms).

    NaN below 5 groups: resampling so few says nothing.
    """
    labels = np.array([str(group) for group in groups])
    members = [np.flatnonzero(labels == name) for name in np.unique(labels)]
    if len(members) < MINIMUM_GROUPS:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(len(members), size=(RESAMPLES, len(members)))
    counts = np.stack([np.bincount(row, minlength=len(members)) for row in drawn])
    x_C, y_C = _standardised(x), _standardised(y)
    moments = np.stack([np.ones_like(x_C), x_C, y_C, x_C**2, y_C**2, x_C * y_C])
    by_group = np.stack([moments[:, mine].sum(axis=1) for mine in members])
    n, sx, sy, sxx, syy, sxy = (counts @ by_group).T
    spread = (sxx - sx * sx / n) * (syy - sy * sy / n)
    found = np.full(RESAMPLES, np.nan)
    varied = spread > 1e-12
    found[varied] = (sxy - sx * sy / n)[varied] / np.sqrt(spread[varied])
    if not varied.any():
        return float("nan"), float("nan")
    found = np.clip(found, -1.0, 1.0)
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)


def _standardised(values: ArrayLike) -> Floats:
    """Values less their mean, in units of their spread where they have one."""
    array = np.asarray(values, dtype=np.float64)
    centred: Floats = array - array.mean()
    return centred / (float(centred.std()) or 1.0)


@dataclass(frozen=True)
class Observations:
    """Checkpoints with their activation changes and what a judge saw of them.

    Attributes:
        changes: of C checkpoints.
        expression: [C] judged trait expression, usually a rate.
        organisms: [C] which organism (of which seed) each is a checkpoint of.
        step: [C] training step, for the null `step`; None leaves that null out.
        update_norm: [C] size of the weight update, for the null `update_norm`; likewise.
        within: [C] groups whose means are taken out first (family, condition); None pools.
    """

    changes: ActivationChanges
    expression: ArrayLike
    organisms: Sequence[object]
    step: ArrayLike | None = None
    update_norm: ArrayLike | None = None
    within: Sequence[object] | None = None

    def __post_init__(self) -> None:
        number = len(self.changes.keys)
        expression = np.asarray(self.expression, dtype=np.float64)
        if len(expression) != number or len(self.organisms) != number:
            raise ValueError(
                f"{number} activation changes, {len(expression)} expressions and "
                f"{len(self.organisms)} organisms: need one each a checkpoint"
            )
        if np.isnan(expression).any():
            raise ValueError("a judged expression is NaN: leave out checkpoints without answers")


def correlate(
    observations: Observations,
    vector: PersonaVector,
    *,
    what: str,
    position: str,
    layers: Sequence[int],
    nulls: Mapping[str, NDArray[np.floating[Any]] | PlacedNull],
    seed: int = 0,
) -> pd.DataFrame:
    """The table `correlations` for one trait: r at the chosen layer beside every null.

    With several layers, the one of the highest r is reported, and every null direction gets to
    choose its own among the same layers. A null direction may point either way, so its |r| counts.

    Args:
        observations: shifts come from their changes.
        vector: of the trait whose expression was judged.
        what: goes into the table: "organisms", "checkpoints", "within_family", ...
        position: of vector and changes.
        layers: candidates; give one that was chosen on dev to select nothing here.
        nulls: name ("random_covariance", "permuted", ...) -> directions at `position`: [draws, K,
            D] at `layers`, each of which chooses among them here; or each at the layer that it
            chose on dev, where the vector's was chosen there.
        seed: of the bootstrap.

    Returns:
        One row a null: what, trait, layer, position, on, r, low, high, partial_r, null, null_low,
        null_high, p, draws, n, organisms; range and p are those of `null_figures.beside_null`. For
        the nulls `step`, `change_norm` and `update_norm`, which are single figures, null_low =
        null_high = their r and p is NaN.

    Raises:
        ValueError: null directions have another shape than layers and width.
    """
    numbers = list(layers)
    changes = observations.changes
    expression = _within(np.asarray(observations.expression, dtype=np.float64), observations)
    real = np.stack([vector.at(layer, position) for layer in numbers])
    shift_K_C = _shifts(real[None], observations, position, numbers)[0]
    r_K = _correlations(shift_K_C, expression)
    chosen = int(np.argmax(np.nan_to_num(r_K, nan=-2.0)))
    norm_K_C = _within(
        np.stack([changes.norm_at(position, layer) for layer in numbers]), observations
    )
    number_of_organisms = len({str(name) for name in observations.organisms})
    low, high = interval_over_groups(
        shift_K_C[chosen], expression, observations.organisms, seed=seed
    )
    on = sorted({str(kind) for kind in changes.keys["on"]})
    shared: dict[str, object] = {
        "what": what,
        "trait": vector.trait,
        "layer": numbers[chosen],
        "position": position,
        "on": on[0] if len(on) == 1 else "+".join(on),
        "r": float(r_K[chosen]),
        "low": low,
        "high": high,
        "partial_r": partial_r(shift_K_C[chosen], expression, norm_K_C[chosen]),
    }
    rows = []
    for name, directions in nulls.items():
        drawn = _correlations(
            _null_shifts(name, directions, observations, position, numbers, real.shape), expression
        )
        rows.append({**shared, **_beside(name, float(r_K[chosen]), drawn, number_of_organisms > 1)})
    size = _correlations(norm_K_C, expression)
    single = {"change_norm": float(size[np.abs(np.nan_to_num(size)).argmax()])}
    for name, values in (("step", observations.step), ("update_norm", observations.update_norm)):
        if values is not None:
            own = _within(np.asarray(values, dtype=np.float64), observations)
            single[name] = pearson(own, expression)
    for name, r in single.items():
        rows.append({**shared, **_null(name, r, r, float("nan"), 1)})
    table = pd.DataFrame(rows)
    return table.assign(n=len(expression), organisms=number_of_organisms)


def _beside(name: str, r: float, drawn: Floats, testable: bool) -> dict[str, object]:
    """The columns of a null with draws [draws] or [draws, K]; nothing but its name where r is not
    known."""
    if np.isnan(r):
        return _null(name, r, r, r, len(drawn))
    found = beside_null(r, largest(drawn, either_way=True)[0])
    return _null(name, found.low, found.high, found.p if testable else float("nan"), found.draws)


def _null(name: str, low: float, high: float, p: float, draws: int) -> dict[str, object]:
    return {"null": name, "null_low": low, "null_high": high, "p": p, "draws": draws}


def _null_shifts(
    name: str,
    directions: NDArray[np.floating[Any]] | PlacedNull,
    observations: Observations,
    position: str,
    layers: Sequence[int],
    shape: tuple[int, ...],
) -> Floats:
    """Shifts [draws, C] or [draws, K, C] of one null's directions; see `correlate`."""
    if isinstance(directions, PlacedNull):
        return _within(directions.shifts(observations.changes, position), observations)
    if directions.shape[1:] != shape:
        raise ValueError(
            f"null {name!r} has directions of shape {directions.shape[1:]}, the vector at "
            f"{len(layers)} layers has {shape}: draw them at the same layers"
        )
    return _shifts(directions, observations, position, layers)


def _shifts(
    directions: NDArray[np.floating[Any]],
    observations: Observations,
    position: str,
    layers: Sequence[int],
) -> Floats:
    """Shifts [draws, K, C] of directions [draws, K, D]."""
    changes = np.stack([observations.changes.at(position, layer) for layer in layers])
    shifts: Floats = np.einsum("rkd,kcd->rkc", unit(directions), changes.astype(np.float64))
    return _within(shifts, observations)


def _within(values: Floats, observations: Observations) -> Floats:
    if observations.within is None:
        return values
    return centred_within(values, observations.within)


def _correlations(x: Floats, y: ArrayLike) -> Floats:
    """Pearson's r of every row [..., N] with [N]: single source of truth for real and null."""
    y = np.asarray(y, dtype=np.float64)
    if x.shape[-1] != len(y):
        raise ValueError(f"cannot correlate {x.shape[-1]} values with {len(y)}")
    if len(y) < 3:
        return np.full(x.shape[:-1], np.nan)
    x_centred = x - x.mean(axis=-1, keepdims=True)
    y_centred = y - y.mean()
    norms = np.linalg.norm(x_centred, axis=-1) * np.linalg.norm(y_centred)
    scale = np.linalg.norm(x, axis=-1) * np.linalg.norm(y)
    # Rounding leaves a constant a little off constant; it has no correlation all the same.
    varied = norms > 1e-12 * scale
    r: Floats = np.full(x.shape[:-1], np.nan)
    np.divide(x_centred @ y_centred, norms, out=r, where=varied)
    return np.clip(r, -1.0, 1.0)
