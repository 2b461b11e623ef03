"""The stage that draws the directions a vector's correlations must beat, and lets each choose its
layer on dev as the vector did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from experiments.stages.answers import ANSWERS, vector_file
from experiments.stages.vectors import NEUTRAL, POSITION

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 1000
"""Directions drawn from the residual covariance, and label-permuted vectors."""
COMPONENTS = 10
"""First principal components of the base's neutral residuals."""


class NullsConfig(BaseModel):
    """Whose nulls, and the filter that made the vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    """Base model: embedded name, folder or hub id."""
    traits: tuple[str, ...]
    """Names of traits."""
    threshold: float
    """Trait score (0-100) that separates kept positive from kept negative rollouts."""
    minimum: int
    """Fewest kept rollouts of each sign."""
    dtype: str
    """Number format of the weights."""
    device: str
    """Where the model runs."""
    seed: int
    """Of permutations and random directions."""


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write one file of nulls per trait: random_covariance, permuted, other_traits and
    principal_components, each direction at the layer that it chose."""
    import numpy as np
    import pandas as pd

    from organisms import load_organism
    from persona_vectors.contrast import Thresholds
    from persona_vectors.extraction import extract_from
    from persona_vectors.layer_choice import held_out
    from persona_vectors.null_directions import principal_components, random_directions_like
    from persona_vectors.null_layers import placed, save_nulls
    from persona_vectors.reading import transcripts

    parsed = NullsConfig.model_validate(config)
    rollouts = pd.read_parquet(inputs["contrast"] / ANSWERS)
    organism = load_organism(parsed.base, dtype=parsed.dtype, device=parsed.device)
    progress("permuting labels")
    vectors = extract_from(
        organism,
        rollouts[rollouts["split"] == "extract"],
        parsed.traits,
        thresholds=Thresholds(trait=parsed.threshold, minimum_rows=parsed.minimum),
        positions=(POSITION,),
        permuted_draws=DRAWS,
        seed=parsed.seed,
    )
    neutral = np.load(inputs["vectors"] / NEUTRAL)
    shared: dict[str, NDArray[np.floating[Any]]] = {
        "random_covariance": random_directions_like(neutral, DRAWS, parsed.seed),
        "principal_components": principal_components(neutral, COMPONENTS),
    }
    for vector in vectors:
        progress(f"layers on dev, {vector.trait}")
        own, positive = held_out(rollouts[rollouts["split"] == "dev"], vector.trait)
        read = organism.capture(transcripts(own), vector.layers, (POSITION,))[:, 0]
        others = [other.vector[0] for other in vectors if other is not vector]
        drawn = {**shared, "permuted": vector.draws("permuted")[:, 0]}
        if others:
            drawn["other_traits"] = np.stack(others)
        nulls = {
            kind: placed(found, vector.layers, read, positive) for kind, found in drawn.items()
        }
        save_nulls(nulls, vector_file(out, vector.trait))
