"""The stage that sets what is done along each trait's vector against the expression of every
trait: the shifts of fine-tunes, and the cells of the steering sweeps where there are any."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict

from experiments.correlation_groups import groups
from experiments.stages.answers import vector_file
from experiments.stages.correlations import (
    IDENTIFYING,
    changes_of,
    expression_of,
    organisms_of,
)
from experiments.stages.vectors import POSITION

CROSSTALK = "crosstalk.parquet"
"""The table's file."""
OVER = ("organisms", "organisms_only")
"""The groups of fine-tunes that shifts are correlated over."""


class CrosstalkConfig(BaseModel):
    """Which traits, of which base."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    """Base model: embedded name, folder or hub id."""
    traits: tuple[str, ...]
    """Names of traits."""
    domains: dict[str, str]
    """Data set name -> narrow domain."""
    seed: int
    """Of the bootstrap."""


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write the table `crosstalk`: every vector against the expression of every trait."""
    parsed = CrosstalkConfig.model_validate(config)
    tables = [*_of_shifts(parsed, inputs)]
    for name in sorted(inputs):
        if name.startswith("sweep "):
            tables.append(_of_sweep(parsed, pd.read_parquet(inputs[name] / "steering.parquet")))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    table.assign(base=parsed.base).to_parquet(out / CROSSTALK, index=False)


def _of_shifts(config: CrosstalkConfig, inputs: Mapping[str, Path]) -> list[pd.DataFrame]:
    from persona_vectors.crosstalk import shift_crosstalk
    from persona_vectors.vector import PersonaVector

    changes = changes_of(inputs)
    keys = changes.keys.astype({"poisoned_share": "float64"})
    judged = keys.merge(expression_of(inputs, config.traits), on=IDENTIFYING, how="left")
    chosen = json.loads((inputs["vectors"] / "layers.json").read_text())
    layers = {trait: int(chosen[trait][POSITION]) for trait in config.traits}
    shifts = {}
    for trait, layer in layers.items():
        vector = PersonaVector.load(vector_file(inputs["vectors"], trait), directions=())
        shifts[trait] = changes.along(vector.at(layer, POSITION)[None], POSITION, layer)[0]
    tables = []
    for group in groups(changes.keys, config.domains):
        if group.what in OVER and group.mask.sum() >= 3:
            table = shift_crosstalk(
                {trait: values[group.mask] for trait, values in shifts.items()},
                {trait: judged.loc[group.mask, trait] for trait in config.traits},
                organisms_of(keys[group.mask]),
                seed=config.seed,
            )
            tables.append(
                table.assign(
                    what="shift",
                    over=group.what,
                    layer=table["trait"].map(layers),
                    position=POSITION,
                )
            )
    return tables


def _of_sweep(config: CrosstalkConfig, answers: pd.DataFrame) -> pd.DataFrame:
    """The dev cells of one sweep; cells of several layers count as one vector, at layer -1."""
    from persona_vectors.crosstalk import steering_crosstalk

    asked = (answers["split"] == "dev") & (answers["task"] == "open_questions")
    scored = answers[asked & (answers["unscored"] == "")]
    steered = scored[scored["direction"] == "vector"]
    columns = [f"trait:{trait}" for trait in config.traits]
    cells = steered.groupby(["layer", "scope", "coefficient"], as_index=False)[columns].mean()
    plain = scored[~scored["direction"].isin(["vector", "random"])][columns].mean() / 100
    table = steering_crosstalk(
        cells["coefficient"],
        [f"{row.layer}/{row.scope}" for row in cells.itertuples()],
        {trait: cells[f"trait:{trait}"] / 100 for trait in config.traits},
        {trait: float(plain[f"trait:{trait}"]) for trait in config.traits},
        seed=config.seed,
    )
    first, layers = steered.iloc[0], set(cells["layer"])
    return table.assign(
        what="steering",
        over=str(first["organism"]) or "base",
        trait=str(first["trait"]),
        layer=int(first["layer"]) if len(layers) == 1 else -1,
        position=str(first["position"]),
    )
