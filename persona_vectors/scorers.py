"""The scores of rows that a model has to read for: projection differences and their baselines."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from persona_vectors.baseline_scores import (
    embedding_centre,
    embedding_distances,
    perplexity_scores,
)
from persona_vectors.own_answers import OwnAnswers
from persona_vectors.screening import differences
from persona_vectors.vector import PersonaVector

if TYPE_CHECKING:
    import pandas as pd

    from organisms.runtime import Organism

Floats = NDArray[np.float64]

PREFIX = "projection_difference:"
"""Of a trait's column of scores."""


@dataclass(frozen=True)
class Projection:
    """Projection differences along one vector a trait, each at a layer of its own, in one pass."""

    organism: Callable[[], Organism]
    """Loads the base; called when a row has to be read."""
    base: Mapping[str, object]
    """What identifies it: plain JSON values."""
    vectors: Sequence[PersonaVector]
    layers: Sequence[int]
    """Layer k of each vector."""
    own: OwnAnswers | None
    """The base's own answers; none is the cheap mode, against the last prompt token."""
    lost_system: str = "raise"
    """What to do with a system prompt that the template would drop: `raise` or `merge`."""
    name: str = "projection"

    @property
    def columns(self) -> list[str]:
        """Those of `score`, in the vectors' order."""
        return [PREFIX + vector.trait for vector in self.vectors]

    def settings(self) -> dict[str, object]:
        """What decides the scores besides the rows."""
        return {
            "base": dict(self.base),
            "own_answers": self.own.settings() if self.own else None,
            "lost_system": self.lost_system,
            "directions": [
                {"trait": vector.trait, "layer": layer, "sha256": _hash(vector.at(layer))}
                for vector, layer in zip(self.vectors, self.layers, strict=True)
            ],
        }

    def score(self, rows: pd.DataFrame) -> dict[str, Floats]:
        """Projection differences, in residual units."""
        rows = rows.assign(lost_system=self.lost_system)
        if self.own is not None:
            rows["own_answer"] = self.own.of(rows)
        layers = sorted(set(self.layers))
        directions_V_1_D = np.stack(
            [[vector.at(layer)] for vector, layer in zip(self.vectors, self.layers, strict=True)]
        )
        found_N_V_K = differences(
            self.organism(),
            rows,
            np.repeat(directions_V_1_D, len(layers), axis=1),
            layers,
            against="own_answer" if self.own else "last_prompt",
        )
        return {
            column: found_N_V_K[:, v, layers.index(layer)]
            for v, (column, layer) in enumerate(zip(self.columns, self.layers, strict=True))
        }


@dataclass(frozen=True)
class Perplexity:
    """How little the base expects each answer; see `baseline_scores.perplexity_scores`."""

    organism: Callable[[], Organism]
    base: Mapping[str, object]
    lost_system: str = "raise"
    name: str = "perplexity"

    def settings(self) -> dict[str, object]:
        """What decides the scores besides the rows."""
        return {"base": dict(self.base), "lost_system": self.lost_system}

    def score(self, rows: pd.DataFrame) -> dict[str, Floats]:
        """Nats an answer token."""
        texts = rows.assign(lost_system=self.lost_system)
        return {self.name: perplexity_scores(self.organism(), texts)}


@dataclass(frozen=True)
class EmbeddingDistance:
    """How far each answer lies from clean rows; see `baseline_scores.embedding_scores`."""

    organism: Callable[[], Organism]
    base: Mapping[str, object]
    clean: pd.DataFrame
    """Rows known to be clean, as `reading.training_rows` gives them; others than those scored."""
    lost_system: str = "raise"
    name: str = "embedding"

    def settings(self) -> dict[str, object]:
        """What decides the scores besides the rows."""
        texts = self.clean[["prompt", "answer", "system"]].to_json(orient="values")
        return {
            "base": dict(self.base),
            "clean": hashlib.sha256(texts.encode()).hexdigest(),
            "lost_system": self.lost_system,
        }

    def score(self, rows: pd.DataFrame) -> dict[str, Floats]:
        """1 - cosine, 0 to 2."""
        texts = rows.assign(lost_system=self.lost_system)
        return {self.name: embedding_distances(self.organism(), texts, self._centre_D)}

    @cached_property
    def _centre_D(self) -> Floats:
        texts = self.clean.assign(lost_system=self.lost_system)
        return embedding_centre(self.organism(), texts)


def _hash(direction: NDArray[np.float32]) -> str:
    return hashlib.sha256(np.ascontiguousarray(direction).tobytes()).hexdigest()
