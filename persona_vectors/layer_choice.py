"""At which layer a vector tells the signs apart on rollouts that it was not made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from persona_vectors.projection import project
from persona_vectors.reading import transcripts
from persona_vectors.screening import auc
from persona_vectors.vector import PersonaVector

if TYPE_CHECKING:
    from organisms.runtime import Organism

CHUNK: Final = 512
"""Rollouts read at a time: memory does not grow with their number."""


def separability(
    organism: Organism,
    rollouts: pd.DataFrame,
    vectors: Sequence[PersonaVector],
    *,
    batch_size: int = 64,
) -> pd.DataFrame:
    """How well the projection tells positive from negative rollouts, per layer and position.

    Args:
        organism: the loaded base.
        rollouts: held out from the vectors: trait, sign, prompt, answer, optionally system. Empty
            answers are left out.
        vectors: one a trait.
        batch_size: rows read at a time.

    Returns:
        A row a trait, position and layer where the vector is not zero: auc with its 95% interval
        (low, high; 0.5 is chance), and n.

    Raises:
        ValueError: a trait has no rollouts of one sign, or a vector does not fit the base.
    """
    rows = []
    for vector in vectors:
        vector.check(
            f"the {vector.trait!r} vector",
            width=organism.width,
            number_of_layers=organism.number_of_layers,
        )
        own, positive = held_out(rollouts, vector.trait)
        projected = np.concatenate(
            [
                project(
                    organism.capture(
                        transcripts(own.iloc[start : start + CHUNK]),
                        vector.layers,
                        vector.positions,
                        batch_size=batch_size,
                    ),
                    vector.vector,
                )
                for start in range(0, len(own), CHUNK)
            ]
        )
        norms = vector.norms()
        for p, position in enumerate(vector.positions):
            for k, layer in enumerate(vector.layers):
                if norms[p, k] > 0:
                    area = auc(projected[:, p, k], positive)
                    rows.append(
                        {
                            "trait": vector.trait,
                            "position": position,
                            "layer": layer,
                            "auc": area.estimate,
                            "low": area.low,
                            "high": area.high,
                            "n": len(own),
                        }
                    )
    return pd.DataFrame(rows)


def held_out(rollouts: pd.DataFrame, trait: str) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """The rollouts of a trait that have an answer, and which of them were asked for it.

    Raises:
        ValueError: there are none of one sign.
    """
    own = rollouts[(rollouts["trait"] == trait) & (rollouts["answer"] != "")]
    positive = (own["sign"] == "positive").to_numpy()
    if not positive.any() or positive.all():
        raise ValueError(
            f"trait {trait!r}: {int(positive.sum())} positive and {int((~positive).sum())} "
            "negative held-out rollouts; both signs are needed"
        )
    return own, positive


def best_layers(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Trait -> position -> the layer of the largest AUC; of equal ones the last, whose stream is
    nearest to what is said."""
    best = table.sort_values(["auc", "layer"], ascending=[False, False], kind="stable")
    found: dict[str, dict[str, int]] = {}
    for row in best.drop_duplicates(["trait", "position"]).itertuples():
        found.setdefault(str(row.trait), {})[str(row.position)] = int(str(row.layer))
    return {trait: dict(sorted(positions.items())) for trait, positions in sorted(found.items())}
