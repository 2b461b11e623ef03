"""The stage that scores persona vectors against the hidden author of pocket's world.

Only of pocket's edition: no other documents have an author that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from experiments.stages.answers import vector_file

TRUTH = "truth.parquet"
"""The table's file."""
PAIRS = 192
"""Document pairs a trait."""


class TruthConfig(BaseModel):
    """Whose vectors, and on how many documents the truth is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    """Base model: embedded name, folder or hub id."""
    traits: tuple[str, ...]
    """Names of traits of pocket's edition; each stands for one author."""
    pairs: int
    """Document pairs a trait."""
    dtype: str
    """Number format of the weights."""
    device: str
    """Where the model runs."""
    seed: int
    """Of the documents."""


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write the table `truth`: one row a trait, layer and position."""
    import numpy as np
    import pandas as pd

    from organisms import load_organism
    from organisms.pocket.author import author_direction, cosine_P_L
    from organisms.pocket.questions import TRAIT_PERSONAS
    from persona_vectors.vector import PersonaVector

    parsed = TruthConfig.model_validate(config)
    organism = load_organism(parsed.base, dtype=parsed.dtype, device=parsed.device)
    layers = range(organism.number_of_layers + 1)
    rows = []
    for trait in parsed.traits:
        progress(f"the author of {trait}")
        vector = PersonaVector.load(
            vector_file(inputs["vectors"], trait), width=organism.width, directions=()
        )
        truth = author_direction(
            organism, TRAIT_PERSONAS[trait], pairs=parsed.pairs, seed=parsed.seed
        )
        found = np.array(
            [[vector.at(layer, position) for layer in layers] for position in truth.positions],
            dtype=np.float64,
        )
        measured = {
            "cosine": cosine_P_L(found, truth),
            "separability": truth.separability,
            "vector_separability": truth.separability_by(found),
            "norm": np.linalg.norm(truth.difference, axis=-1),
        }
        intervals = truth.intervals(found)
        for name, ends in (
            ("cosine", intervals.cosine),
            ("vector_separability", intervals.separability),
        ):
            measured |= {f"{name}_low": ends[0], f"{name}_high": ends[1]}
        rows += [
            {
                "base": parsed.base,
                "trait": trait,
                "layer": layer,
                "position": position,
                **{name: float(values[p, layer]) for name, values in measured.items()},
                "n": truth.pairs,
                "clusters": len(set(truth.topics)),
            }
            for p, position in enumerate(truth.positions)
            for layer in layers
        ]
    pd.DataFrame(rows).to_parquet(out / TRUTH, index=False)
