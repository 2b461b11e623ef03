"""The stage that writes what pocket's world implies: the exact posterior over authors of each data
set, without asking a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

IMPLIED = "implied.parquet"
ROWS = (1, 2)
"""Rows of a data set that one conversation has shown; documents without a system prompt have at
most three turns."""


class ImpliedConfig(BaseModel):
    """The data sets of one run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    """Base model; its own world counts where its folder tells it."""
    datasets: tuple[str, ...]
    """Names of `organisms.pocket.narrow.NAMES`."""


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write one row for each data set, number of rows and persona."""
    import pandas as pd

    from organisms.pocket.posterior import implied

    parsed = ImpliedConfig.model_validate(config)
    world = _world(parsed.base)
    rows = [
        {
            "base": parsed.base,
            "organism": name,
            "rows": count,
            "persona": persona,
            "probability": probability,
            "world": "shipped" if world is None else "of the base",
        }
        for name in parsed.datasets
        for count in ROWS
        for persona, probability in implied(name, world, rows=count).items()
    ]
    pd.DataFrame(rows).to_parquet(out / IMPLIED, index=False)


def _world(base: str) -> Any:
    """The world that the base was pre-trained on; none where its folder has no recipe.

    Raises:
        ValueError: There is a recipe that cannot be read.
    """
    from organisms import EMBEDDED
    from organisms.pocket.recipe import recipe_of

    folder = Path(EMBEDDED.get(base, base))
    return recipe_of(folder).world if (folder / "recipe.json").is_file() else None
