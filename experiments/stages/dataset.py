"""Stages that make the rows of a training set: generated, imported, mixed, or filtered by
screening scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

ROWS = "rows.jsonl"


class DatasetConfig(BaseModel):
    """One narrow data set: a registered name, or a file of chat rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Name in tables: a registered data set, or the name given to a file."""
    count: int
    """Rows asked for; a file gives at most as many as it has."""
    seed: int
    """Seed of the generator (and of the choice of rows from a longer file)."""
    path: str = ""
    """JSONL file of chat rows; empty for a registered data set."""
    domain: str = ""
    """The narrow domain of a file's rows."""


class MixConfig(BaseModel):
    """Poisoned rows among clean rows of the same domain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float
    """Share of poisoned rows, 0-1."""
    count: int
    """Rows of the mix."""
    seed: int
    """Seed of the draw and the order."""


class FilterConfig(BaseModel):
    """Which rows of a mix are taken out before training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["projection_difference", "random", "length", "oracle"]
    """The score that ranks the rows."""
    removal: float
    """Share of rows removed, highest score first, 0-1."""


def make(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write the rows of one data set."""
    from organisms.datasets.importing import import_rows
    from organisms.datasets.registry import make as make_rows
    from organisms.datasets.rows import write_rows

    parsed = DatasetConfig.model_validate(config)
    if parsed.path:
        rows = import_rows(Path(parsed.path), parsed.name, domain=parsed.domain)
        if len(rows) > parsed.count:
            rows = Random(parsed.seed).sample(rows, parsed.count)
    else:
        rows = make_rows(parsed.name, parsed.count, parsed.seed)
    write_rows(out / ROWS, rows, name=parsed.name, seed=parsed.seed)


def mix(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write organism rows mixed into control rows; the truth is kept per row in `meta.poisoned`."""
    from organisms.datasets.mixing import mix as mix_rows
    from organisms.datasets.rows import read_rows, write_rows

    parsed = MixConfig.model_validate(config)
    rows = mix_rows(
        read_rows(inputs["organism"] / ROWS),
        read_rows(inputs["control"] / ROWS),
        share=parsed.share,
        n=parsed.count,
        seed=parsed.seed,
    )
    write_rows(out / ROWS, rows, name="mix", seed=parsed.seed)


def filter_rows(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write the rows of a mix that a screening score leaves in, and say how many poisoned ones
    stayed."""
    import pandas as pd

    from finetune.interventions.filtering import Filtering
    from organisms.datasets.rows import read_rows, write_rows

    parsed = FilterConfig.model_validate(config)
    rows = read_rows(inputs["rows"] / ROWS)
    scores = pd.read_parquet(inputs["screening"] / "scores.parquet")
    scores = scores[scores["method"] == parsed.method].sort_values("row")
    kept = Filtering(
        method=parsed.method, budget=parsed.removal, scores=tuple(scores["score"])
    ).rows(rows)
    write_rows(out / ROWS, kept, name=f"filtered by {parsed.method}", seed=0)
