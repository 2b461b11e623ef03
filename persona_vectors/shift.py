"""How far a checkpoint moved: its mean change of activations, and the part along each vector.

The mean change [P, K, D] of every checkpoint is the primary artefact: the shift along any
direction, a trait's or a null's, is its dot product with the unit direction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from persona_vectors.interval import clustered_mean
from persona_vectors.projection import project, unit
from persona_vectors.vector import PersonaVector, VectorError

Floats = NDArray[np.floating[Any]]

ON: Final = ("prompt", "fixed", "own", "own_under_base")
"""prompt: last prompt token of fixed questions; fixed: both read the base's answers; own: each
reads its own;
own_under_base: the base reads the organism's answers (own, less any change of the model)."""
_HEADER: Final = "activation_changes"


@dataclass(frozen=True)
class QuestionChange:
    """One checkpoint's change on every question.

    Attributes:
        labels: what identifies the checkpoint (organism, seed, step, ...), passed through to the
            tables.
        on: one of `ON`.
        questions: [Q] their ids, in one order for all checkpoints.
        topics: [Q] their topics.
        change: [Q, P, K, D] activation under the checkpoint minus under the base, each a mean over
            the question's texts.
    """

    labels: Mapping[str, object]
    on: str
    questions: tuple[str, ...]
    topics: tuple[str, ...]
    change: Floats

    def mean(self) -> Floats:
        """Mean over questions: [P, K, D]."""
        return np.asarray(self.change.mean(axis=0))

    def norm(self) -> Floats:
        """Size of the activation change: mean over questions of its L2 norm, [P, K]."""
        return np.asarray(np.linalg.norm(self.change, axis=-1).mean(axis=0))


@dataclass(frozen=True)
class ActivationChanges:
    """Mean changes of many checkpoints, for shifts along any number of directions.

    Attributes:
        keys: one row a checkpoint (C rows): its labels and `on`.
        positions: the P positions.
        layers: the K layers.
        change: [C, P, K, D] mean over questions.
        norm: [C, P, K] mean over questions of the L2 norm of the change.
    """

    keys: pd.DataFrame
    positions: tuple[str, ...]
    layers: tuple[int, ...]
    change: Floats
    norm: Floats

    @classmethod
    def of(
        cls, changes: Sequence[QuestionChange], positions: Sequence[str], layers: Sequence[int]
    ) -> ActivationChanges:
        """Collect the means of checkpoints measured at the same positions and layers."""
        if not changes:
            raise ValueError("no checkpoint was measured")
        keys = pd.DataFrame([{**found.labels, "on": found.on} for found in changes])
        change = np.stack([found.mean() for found in changes]).astype(np.float32)
        norm = np.stack([found.norm() for found in changes]).astype(np.float32)
        return cls(keys, tuple(positions), tuple(layers), change, norm)

    def select(self, rows: NDArray[np.bool_] | pd.Series[bool]) -> ActivationChanges:
        """The checkpoints of a mask [C]."""
        mask = np.asarray(rows, dtype=bool)
        return ActivationChanges(
            self.keys[mask].reset_index(drop=True),
            self.positions,
            self.layers,
            self.change[mask],
            self.norm[mask],
        )

    def at(self, position: str, layer: int) -> Floats:
        """Mean changes [C, D] at one position and layer."""
        return np.asarray(self.change[:, self._position(position), self._layer(layer)])

    def norm_at(self, position: str, layer: int) -> Floats:
        """Sizes of the change [C] at one position and layer."""
        return np.asarray(self.norm[:, self._position(position), self._layer(layer)])

    def along(self, directions: Floats, position: str, layer: int) -> NDArray[np.float64]:
        """Shifts [M, C] along M directions [M, D] at one position and layer: one matrix product."""
        shifts: NDArray[np.float64] = unit(directions) @ self.at(position, layer).T.astype(
            np.float64
        )
        return shifts

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, in one step."""
        header = {
            "keys": self.keys.to_dict(orient="records"),
            "positions": self.positions,
            "layers": self.layers,
        }
        content = save(
            {
                "change": np.ascontiguousarray(self.change, dtype=np.float32),
                "norm": np.ascontiguousarray(self.norm, dtype=np.float32),
            },
            {_HEADER: json.dumps(header)},
        )
        partial = Path(path).with_suffix(".partial")
        partial.write_bytes(content)
        partial.replace(path)

    @classmethod
    def load(cls, path: str | Path) -> ActivationChanges:
        """Read what `save` wrote.

        Raises:
            VectorError: absent or corrupt.
        """
        try:
            with safe_open(str(path), framework="numpy") as file:
                header = json.loads((file.metadata() or {})[_HEADER])
                change, norm = file.get_tensor("change"), file.get_tensor("norm")
        except (SafetensorError, KeyError, json.JSONDecodeError, OSError) as error:
            raise VectorError(
                f"{path} holds no activation changes ({error}); measure them again"
            ) from error
        keys = pd.DataFrame(header["keys"])
        return cls(keys, tuple(header["positions"]), tuple(header["layers"]), change, norm)

    def _position(self, position: str) -> int:
        if position not in self.positions:
            raise ValueError(f"no position {position!r}; changes were measured at {self.positions}")
        return self.positions.index(position)

    def _layer(self, layer: int) -> int:
        if layer not in self.layers:
            raise ValueError(f"no layer {layer}; changes were measured at {self.layers}")
        return self.layers.index(layer)


def shift_rows(
    changes: Sequence[QuestionChange],
    vectors: Sequence[PersonaVector],
    positions: Sequence[str],
    layers: Sequence[int],
) -> pd.DataFrame:
    """The table `shifts`: along every vector, at every position and layer, with intervals over
    topics.

    Args:
        changes: one a checkpoint; several of equal labels but for `seed` are what
            `pooled_shift_rows` is for.
        vectors: one a trait.
        positions: the P positions of the changes; each is projected on the vector of its own
            position.
        layers: the K layers of the changes.

    Returns:
        One row a checkpoint, trait, position and layer: the labels, trait, layer, position, on,
        estimate, low, high, n (questions), clusters (topics) and change_norm. Layers where the
        vector is zero are left out: nothing varies there.
    """
    return pd.concat(
        [_rows(found.labels, [found], vectors, positions, layers) for found in changes],
        ignore_index=True,
    )


def pooled_shift_rows(
    changes: Sequence[QuestionChange],
    vectors: Sequence[PersonaVector],
    positions: Sequence[str],
    layers: Sequence[int],
) -> pd.DataFrame:
    """The same, pooled over seeds (`seed` becomes -1): topics and seeds both vary."""
    groups: dict[str, list[QuestionChange]] = {}
    for found in changes:
        key = {name: value for name, value in found.labels.items() if name != "seed"}
        groups.setdefault(json.dumps([found.on, key], sort_keys=True, default=str), []).append(
            found
        )
    return pd.concat(
        [
            _rows({**group[0].labels, "seed": -1}, group, vectors, positions, layers)
            for group in groups.values()
        ],
        ignore_index=True,
    )


def _rows(
    labels: Mapping[str, object],
    group: Sequence[QuestionChange],
    vectors: Sequence[PersonaVector],
    positions: Sequence[str],
    layers: Sequence[int],
) -> pd.DataFrame:
    change = np.concatenate([found.change for found in group])
    topics = [topic for found in group for topic in found.topics]
    seeds = [found.labels.get("seed", 0) for found in group for _ in found.topics]
    norm = np.linalg.norm(change, axis=-1).mean(axis=0)
    rows = []
    for vector in vectors:
        for p, position in enumerate(positions):
            directions = np.stack([vector.at(layer, position) for layer in layers])
            projected = np.nan_to_num(project(change[:, p], directions))
            moved = clustered_mean(projected, topics, seeds)
            for k, layer in enumerate(layers):
                if not directions[k].any():
                    continue
                rows.append(
                    {
                        **labels,
                        "trait": vector.trait,
                        "layer": layer,
                        "position": position,
                        "on": group[0].on,
                        "estimate": float(moved.estimate[k]),
                        "low": float(moved.low[k]),
                        "high": float(moved.high[k]),
                        "n": moved.n,
                        "clusters": moved.clusters,
                        "change_norm": float(norm[p, k]),
                    }
                )
    return pd.DataFrame(rows)
