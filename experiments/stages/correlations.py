"""The stage that asks whether shifts follow judged expression, over organisms and over
checkpoints, beside nulls."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from experiments.stages.answers import ANSWERS, vector_file
from experiments.stages.nulls import POSITION
from experiments.stages.shifts import CHANGES
from experiments.stages.updates import UPDATES
from experiments.table_columns import EQUAL_UPDATE

if TYPE_CHECKING:
    import pandas as pd

    from persona_vectors.shift import ActivationChanges

IDENTIFYING = [
    "organism",
    "control_of",
    "poisoned_share",
    "intervention",
    "recipe",
    "seed",
    "step",
]
"""Columns that tell checkpoints of a run apart."""


class CorrelationsConfig(BaseModel):
    """Which traits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    traits: tuple[str, ...]
    """Names of traits."""
    seed: int
    """Of the bootstrap."""


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write the table `correlations`: every trait, over final organisms and over checkpoints."""
    import numpy as np
    import pandas as pd

    from persona_vectors.correlation import Observations, correlate
    from persona_vectors.null_layers import load_nulls
    from persona_vectors.vector import PersonaVector

    parsed = CorrelationsConfig.model_validate(config)
    changes = _changes(inputs)
    expression = _expression(inputs, parsed.traits)
    updates = _updates(inputs)
    chosen = json.loads((inputs["vectors"] / "layers.json").read_text())
    tables = []
    for trait in parsed.traits:
        progress(trait)
        vector = PersonaVector.load(vector_file(inputs["vectors"], trait), directions=())
        layer = chosen[trait][POSITION]
        nulls = load_nulls(vector_file(inputs["nulls"], trait))
        keys = changes.keys.astype({"poisoned_share": "float64"})
        judged = keys.merge(expression, on=IDENTIFYING, how="left")[trait].to_numpy()
        sizes = keys.merge(updates, on=IDENTIFYING, how="left")["lora_norm"].to_numpy()
        plain = (changes.keys["intervention"] == "none") & (changes.keys["recipe"] == "default")
        organism = (changes.keys["role"] == "organism") & (changes.keys["poisoned_share"] == 1.0)
        subsets = {
            "organisms": changes.keys["final"]
            & changes.keys["recipe"].isin(["default", EQUAL_UPDATE]),
            "checkpoints": plain & organism,
        }
        for what, mask in subsets.items():
            usable = mask.to_numpy() & np.isfinite(judged)
            if usable.sum() < 3:
                continue
            selected = changes.select(usable)
            keys = selected.keys
            share = keys["poisoned_share"].astype(str)
            groups = keys["organism"] + "/" + keys["intervention"] + "/" + share
            observations = Observations(
                changes=selected,
                expression=judged[usable],
                organisms=groups.tolist(),
                step=keys["step"].to_numpy() if what == "checkpoints" else None,
                update_norm=sizes[usable],
            )
            tables.append(
                correlate(
                    observations,
                    vector,
                    what=what,
                    position=POSITION,
                    layers=[layer],
                    nulls=nulls,
                    seed=parsed.seed,
                )
            )
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    table = table.drop(columns="organisms", errors="ignore")
    table.to_parquet(out / "correlations.parquet", index=False)


def _changes(inputs: Mapping[str, Path]) -> ActivationChanges:
    """The mean activation changes of every fine-tune on the prompts, in one table."""
    import numpy as np
    import pandas as pd

    from persona_vectors.shift import ActivationChanges

    parts = [
        ActivationChanges.load(folder / CHANGES)
        for name, folder in inputs.items()
        if name.startswith("shifts ")
    ]
    return ActivationChanges(
        keys=pd.concat([part.keys for part in parts], ignore_index=True),
        positions=parts[0].positions,
        layers=parts[0].layers,
        change=np.concatenate([part.change for part in parts]),
        norm=np.concatenate([part.norm for part in parts]),
    )


def _updates(inputs: Mapping[str, Path]) -> pd.DataFrame:
    """The size of each checkpoint's weight update: `lora_norm`."""
    import pandas as pd

    parts = [
        pd.read_parquet(folder / UPDATES, columns=[*IDENTIFYING, "lora_norm"])
        for name, folder in inputs.items()
        if name.startswith("updates ")
    ]
    return pd.concat(parts, ignore_index=True).astype({"poisoned_share": "float64"})


def _expression(inputs: Mapping[str, Path], traits: tuple[str, ...]) -> pd.DataFrame:
    """Mean judged trait score (0-1) of each checkpoint over its scored open answers."""
    import pandas as pd

    answers = pd.concat(
        [
            pd.read_parquet(folder / ANSWERS)
            for name, folder in inputs.items()
            if name.startswith("answers ")
        ],
        ignore_index=True,
    )
    scored = answers[(answers["task"] == "open_questions") & (answers["unscored"] == "")]
    columns = {f"trait:{trait}": trait for trait in traits}
    scored = scored.reindex(columns=[*IDENTIFYING, *columns])
    means = scored.groupby(IDENTIFYING, dropna=False)[list(columns)].mean() / 100
    return means.rename(columns=columns).reset_index()
