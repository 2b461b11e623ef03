"""The stage that asks whether shifts follow judged expression, over organisms and over
checkpoints, beside nulls."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from experiments.correlation_groups import groups
from experiments.stages.answers import ANSWERS, vector_file
from experiments.stages.shifts import CHANGES
from experiments.stages.updates import UPDATES
from experiments.stages.vectors import POSITION

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

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
    """Which traits, and which families the fine-tunes fall into."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    traits: tuple[str, ...]
    """Names of traits."""
    seed: int
    """Of the bootstrap."""
    domains: dict[str, str]
    """Data set name -> narrow domain, which is its family."""


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write the table `correlations`: every trait, over every group of `correlation_groups`."""
    import numpy as np
    import pandas as pd

    from persona_vectors.correlation import Observations, correlate
    from persona_vectors.null_layers import load_nulls
    from persona_vectors.vector import PersonaVector

    parsed = CorrelationsConfig.model_validate(config)
    changes = changes_of(inputs)
    expression = expression_of(inputs, parsed.traits)
    chosen = json.loads((inputs["vectors"] / "layers.json").read_text())
    tables = []
    for trait in parsed.traits:
        progress(trait)
        vector = PersonaVector.load(vector_file(inputs["vectors"], trait), directions=())
        layer = chosen[trait][POSITION]
        nulls = load_nulls(vector_file(inputs["nulls"], trait))
        keys = changes.keys.astype({"poisoned_share": "float64"})
        judged = keys.merge(expression, on=IDENTIFYING, how="left")[trait].to_numpy()
        sizes = _update_norms(keys, inputs)
        for group in groups(changes.keys, parsed.domains):
            usable = group.mask & np.isfinite(judged)
            if usable.sum() < 3:
                continue
            selected = changes.select(usable)
            keys = selected.keys
            observations = Observations(
                changes=selected,
                expression=judged[usable],
                organisms=organisms_of(keys),
                step=keys["step"].to_numpy() if group.over_training else None,
                update_norm=None if sizes is None else sizes[usable],
                within=None if group.within is None else group.within[usable].tolist(),
            )
            tables.append(
                correlate(
                    observations,
                    vector,
                    what=group.what,
                    position=POSITION,
                    layers=[layer],
                    nulls=nulls,
                    seed=parsed.seed,
                )
            )
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    table = table.drop(columns="organisms", errors="ignore")
    table.to_parquet(out / "correlations.parquet", index=False)


def organisms_of(keys: pd.DataFrame) -> list[str]:
    """Which organism each checkpoint is of, whatever its seed and step: what intervals resample."""
    share = keys["poisoned_share"].astype(str)
    return list(keys["organism"] + "/" + keys["intervention"] + "/" + share)


def changes_of(inputs: Mapping[str, Path]) -> ActivationChanges:
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


def _update_norms(keys: pd.DataFrame, inputs: Mapping[str, Path]) -> NDArray[np.float64] | None:
    """The size of each checkpoint's weight update [C]; None where nothing was trained."""
    import pandas as pd

    parts = [
        pd.read_parquet(folder / UPDATES, columns=[*IDENTIFYING, "lora_norm"])
        for name, folder in inputs.items()
        if name.startswith("updates ")
    ]
    if not parts:
        return None
    updates = pd.concat(parts, ignore_index=True).astype({"poisoned_share": "float64"})
    norms = keys.merge(updates, on=IDENTIFYING, how="left")["lora_norm"]
    return norms.to_numpy(dtype="float64")


def expression_of(inputs: Mapping[str, Path], traits: tuple[str, ...]) -> pd.DataFrame:
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
