"""At which layer each null direction is taken: where it separates held-out rollouts best, as the
vector's layer was chosen on the same rollouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from scipy.stats import rankdata

from persona_vectors.null_figures import largest
from persona_vectors.shift import ActivationChanges
from persona_vectors.vector import VectorError

Activations = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PlacedNull:
    """Null directions of one kind, each at the layer that it chose on held-out rollouts.

    Attributes:
        directions: [draws, D].
        layers: [draws] the layer number of each.
    """

    directions: Activations
    layers: NDArray[np.int64]

    def shifts(self, changes: ActivationChanges, position: str) -> Floats:
        """Shifts [draws, C] of C checkpoints, each along one direction at its own layer; NaN along
        a direction that is zero."""
        found = np.full((len(self.layers), len(changes.keys)), np.nan)
        for layer in np.unique(self.layers).tolist():
            here = self.layers == layer
            if self.directions[here].any():
                found[here] = changes.along(self.directions[here], position, layer)
        return found


def placed(
    directions_M_K_D: Activations,
    layers: Sequence[int],
    activations_N_K_D: Activations,
    positive_N: NDArray[np.bool_],
) -> PlacedNull:
    """Each direction at the layer where its AUC is furthest from 0.5; of equal ones the last.

    That is the vector's rule (`layer_choice.best_layers`), but that a null direction may point
    either way.

    Args:
        directions_M_K_D: null directions at every layer.
        layers: the K layer numbers.
        activations_N_K_D: held-out rollouts at the position of the directions.
        positive_N: which of them were asked for the trait.
    """
    areas_M_K = np.stack(
        [
            areas(activations_N_K_D[:, k].astype(np.float64) @ directions_M_K_D[:, k].T, positive_N)
            for k in range(len(layers))
        ],
        axis=1,
    )
    _, from_last = largest(areas_M_K[:, ::-1], chance=0.5, either_way=True)
    column = len(layers) - 1 - from_last
    return PlacedNull(
        directions_M_K_D[np.arange(len(column)), column].astype(np.float32),
        np.asarray(layers, dtype=np.int64)[column],
    )


def areas(scores_N_M: Floats, positive_N: NDArray[np.bool_]) -> Floats:
    """AUC [M] of each column of scores: the chance that a positive row is above a negative one,
    ties counting half."""
    number = int(positive_N.sum())
    above = rankdata(scores_N_M, axis=0)[positive_N].sum(axis=0) - number * (number + 1) / 2
    found: Floats = above / (number * (len(positive_N) - number))
    return found


def save_nulls(nulls: Mapping[str, PlacedNull], path: str | Path) -> None:
    """Write the nulls of one trait, by kind, into one safetensors file."""
    tensors: dict[str, NDArray[Any]] = {}
    for kind, found in nulls.items():
        tensors[f"{kind}/directions"] = np.ascontiguousarray(found.directions, dtype=np.float32)
        tensors[f"{kind}/layers"] = found.layers
    Path(path).write_bytes(save(tensors))


def load_nulls(path: str | Path) -> dict[str, PlacedNull]:
    """Read what `save_nulls` wrote: kind -> directions, kinds in alphabetical order.

    Raises:
        VectorError: absent or corrupt.
    """
    try:
        with safe_open(str(path), framework="numpy") as file:
            kinds = sorted({name.rpartition("/")[0] for name in file.keys()})  # noqa: SIM118
            return {
                kind: PlacedNull(
                    file.get_tensor(f"{kind}/directions"), file.get_tensor(f"{kind}/layers")
                )
                for kind in kinds
            }
    except (SafetensorError, OSError) as error:
        raise VectorError(f"{path} holds no null directions ({error}); draw them again") from error
