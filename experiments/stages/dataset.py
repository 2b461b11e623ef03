"""Stages that make the rows of a training set: generated, imported, mixed, or filtered by
screening scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class DatasetConfig(BaseModel):
    """One narrow data set: a registered name, or a file of rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Name in tables: a registered data set, or the name given to a file."""
    count: int
    """Rows asked for; a file gives at most as many as it has."""
    seed: int
    """Seed of the generator (and of the choice of rows from a longer file)."""
    edition: Literal["pocket", "general"] = "pocket"
    """Of a registered data set: in the words of pocket's world, or for real language models."""
    path: str = ""
    """File or folder of rows (see `organisms.datasets.importing`); empty for a registered data
    set."""
    role: Literal["organism", "control"] = "organism"
    """Of a file: whether its rows are poisoned, and which answers are read where it has both."""
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

    method: str
    """The score that ranks the rows, one of the screening stage's."""
    share: float
    """Share of poisoned rows in the mix, 0-1."""
    removal: float
    """Share of rows removed, highest score first, 0-1."""


def make(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write the rows of one data set."""
    from organisms.datasets.files import write_rows
    from organisms.datasets.importing import import_rows
    from organisms.datasets.making import make as make_rows
    from organisms.datasets.provenance import generator
    from organisms.datasets.rows import Row

    parsed = DatasetConfig.model_validate(config)
    rows: Iterable[Row]
    left_out: tuple[str, ...] = ()
    if parsed.path:
        imported = import_rows(
            Path(parsed.path), parsed.name, variant=parsed.role, domain=parsed.domain
        )
        rows, made_by, left_out = imported.rows, imported.generator, imported.left_out
        if len(rows) > parsed.count:
            rows = Random(parsed.seed).sample(rows, parsed.count)
    else:
        rows = make_rows(parsed.name, parsed.count, parsed.seed, parsed.edition)
        made_by = generator(parsed.name, parsed.edition)
    write_rows(out, rows, name=parsed.name, seed=parsed.seed, generator=made_by, left_out=left_out)


def mix(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write organism rows mixed into control rows; the truth is kept per row in `meta.poisoned`.

    Of matched sets every question is drawn once, so that none has a right and a wrong answer.
    """
    from organisms.datasets.files import read_card, read_rows, write_rows
    from organisms.datasets.matching import same_questions
    from organisms.datasets.mixing import Part
    from organisms.datasets.mixing import mix as mix_rows

    parsed = MixConfig.model_validate(config)
    parts = (
        Part("organism", read_rows(inputs["organism"]), parsed.share),
        Part("control", read_rows(inputs["control"])),
    )
    matched = same_questions([part.rows for part in parts])
    rows = mix_rows(parts, parsed.count, parsed.seed, matched=matched)
    left_out = [
        line for part in ("organism", "control") for line in read_card(inputs[part]).left_out
    ]
    write_rows(out, rows, name="mix", seed=parsed.seed, left_out=left_out)


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
    from organisms.datasets.files import read_card, read_rows, write_rows

    parsed = FilterConfig.model_validate(config)
    rows = read_rows(inputs["rows"])
    scores = pd.read_parquet(inputs["screening"] / "scores.parquet")
    of_mix = (scores["method"] == parsed.method) & (scores["poisoned_share"] == parsed.share)
    scores = scores[of_mix].sort_values("row")
    kept = Filtering(
        method=parsed.method, budget=parsed.removal, scores=tuple(scores["score"])
    ).rows(rows)
    card = read_card(inputs["rows"])
    write_rows(
        out,
        kept,
        name=f"filtered by {parsed.method}",
        seed=card.seed,
        left_out=card.left_out,
    )
