"""The stage that turns contrastive rollouts into persona vectors, each with its null directions
beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from experiments.stages.answers import ANSWERS, vector_file

POSITION = "last_prompt"
"""Where the headline is read: shifts, their nulls, and what a prompt tells of its answer."""
NEUTRAL = "neutral.npy"
"""Residuals [N, K, D] of the base at the last prompt token of neutral questions: what random
directions are drawn from."""
PERMUTED_DRAWS = 200
"""Label-permuted directions stored beside each vector, for `persona_vectors.null`."""


class VectorsConfig(BaseModel):
    """Which traits, and what a rollout must score to be kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    """Base model: embedded name, folder or hub id."""
    edition: str
    """Whose rollouts these are."""
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
    """Of halvings, permutations and random directions."""
    draws: int
    """Random directions stored beside each vector, for the steering null."""


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write one vector file per trait, the table `vectors`, and the layers that separate best on
    dev."""
    import numpy as np
    import pandas as pd

    from organisms import load_organism
    from persona_vectors.contrast import Thresholds
    from persona_vectors.extraction import extract_from, vector_rows
    from persona_vectors.layer_choice import best_layers, separability
    from persona_vectors.null_directions import random_directions_like
    from persona_vectors.reading import transcripts

    parsed = VectorsConfig.model_validate(config)
    rollouts = pd.read_parquet(inputs["contrast"] / ANSWERS)
    neutral = rollouts[(rollouts["task"] == "open_questions") & (rollouts["answer"] != "")]
    organism = load_organism(parsed.base, dtype=parsed.dtype, device=parsed.device)
    layers = range(organism.number_of_layers + 1)
    progress("reading neutral answers")
    texts = transcripts(neutral)
    norms = organism.residual_norms(texts, layers)
    spread = organism.capture(texts, layers)
    progress("extracting")
    vectors = extract_from(
        organism,
        rollouts[rollouts["split"] == "extract"],
        parsed.traits,
        thresholds=Thresholds(trait=parsed.threshold, minimum_rows=parsed.minimum),
        residual_norm=norms,
        permuted_draws=PERMUTED_DRAWS,
        seed=parsed.seed,
    )
    for vector in vectors:
        if parsed.draws:
            drawn = random_directions_like(spread, parsed.draws, parsed.seed, vector.norms())
            vector = vector.with_draws("random", drawn.astype("float32"))
        vector.save(vector_file(out, vector.trait))
    pd.concat([vector_rows(vector) for vector in vectors], ignore_index=True).to_parquet(
        out / "vectors.parquet", index=False
    )
    np.save(out / NEUTRAL, spread[:, list(vectors[0].positions).index(POSITION)])
    progress("separating on dev")
    found = separability(organism, rollouts[rollouts["split"] == "dev"], vectors)
    found.to_parquet(out / "separability.parquet", index=False)
    layers_by_trait = best_layers(found)
    (out / "layers.json").write_text(json.dumps(layers_by_trait, indent=2, sort_keys=True))
