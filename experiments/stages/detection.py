"""The stage that asks whether a prompt tells which answers will express a trait, in every
fine-tune and over all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from experiments.stages.answers import ANSWERS, checkpoint, vector_file
from experiments.stages.vectors import POSITION

if TYPE_CHECKING:
    import pandas as pd

DETECTION = "detection.parquet"
"""The table's file."""
ALL = "all models"
"""The row of all fine-tunes together: models differ, and so do prompts."""


class Measured(BaseModel):
    """The final checkpoint of one fine-tune with one seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    """The inputs `train KEY` and `answers KEY` belong to it."""
    model: str
    """What it is called, whatever its seed."""
    step: int
    """The final checkpoint."""


class DetectionConfig(BaseModel):
    """Which traits, and who answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    """Base model: embedded name, folder or hub id."""
    traits: tuple[str, ...]
    """Names of traits."""
    threshold: float
    """Answers of this trait score (0-100) and more express it."""
    dtype: str
    """Number format of the weights."""
    device: str
    """Where the model runs."""
    seed: int
    """Of the bootstrap."""
    models: tuple[Measured, ...]
    """The fine-tunes."""


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write the table `detection`: one row a trait and fine-tune, and one of all together."""
    import pandas as pd

    from organisms import load_organism
    from persona_vectors.detection import prompt_projections
    from persona_vectors.vector import PersonaVector

    parsed = DetectionConfig.model_validate(config)
    chosen = json.loads((inputs["vectors"] / "layers.json").read_text())
    layers = {trait: int(chosen[trait][POSITION]) for trait in parsed.traits}
    vectors = [
        PersonaVector.load(vector_file(inputs["vectors"], trait), directions=())
        for trait in parsed.traits
    ]
    organism = load_organism(parsed.base, dtype=parsed.dtype, device=parsed.device)
    parts = []
    for one in parsed.models:
        progress(one.key)
        answers = pd.read_parquet(inputs[f"answers {one.key}"] / ANSWERS)
        asked = answers[
            (answers["task"] == "open_questions")
            & (answers["step"] == one.step)
            & (answers["unscored"] == "")
        ]
        if asked.empty:
            continue
        organism.add_adapter(one.key, checkpoint(inputs[f"train {one.key}"], one.step))
        projected = prompt_projections(
            organism, asked, vectors, layers, position=POSITION, adapter=one.key
        )
        organism.remove_adapter(one.key)
        along = {f"along {trait}": projected[:, v] for v, trait in enumerate(parsed.traits)}
        parts.append(asked.assign(model=one.model, **along))
    table = pd.DataFrame()
    if parts:
        read = pd.concat(parts, ignore_index=True)
        table = _rows(parsed, layers, read)
    table.to_parquet(out / DETECTION, index=False)


def _rows(config: DetectionConfig, layers: Mapping[str, int], read: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    from persona_vectors.detection import detection_auc

    blocks = [(str(model), block) for model, block in read.groupby("model", sort=False)]
    if len(blocks) > 1:
        blocks.append((ALL, read))
    rows = []
    for model, block in blocks:
        for trait in config.traits:
            known = block[block[f"trait:{trait}"].notna()]
            found = detection_auc(
                known[f"along {trait}"],
                known[f"trait:{trait}"] >= config.threshold,
                known["topic"].tolist(),
                seed=config.seed,
            )
            rows.append(
                {
                    "base": config.base,
                    "model": model,
                    "trait": trait,
                    "layer": layers[trait],
                    "position": POSITION,
                    "threshold": config.threshold,
                    "auc": found.estimate,
                    "low": found.low,
                    "high": found.high,
                    "n": found.n,
                    "expressing": found.expressing,
                    "clusters": found.clusters,
                }
            )
    return pd.DataFrame(rows)
