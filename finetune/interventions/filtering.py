"""Filtering: leave out the rows that a score picks, and say what that did to the poisoned ones.

Scores come from outside (projection difference, length, chance, the truth); this file only cuts.
"""

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from finetune.interventions.interface import Intervention
from organisms.datasets.rows import Row


class FilterCounts(BaseModel):
    """What a filter removed, by the truth that rows carry (`meta.poisoned`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kept: int
    """Rows left."""
    kept_poisoned: int
    """Poisoned rows left."""
    removed: int
    """Rows taken out."""
    removed_poisoned: int
    """Poisoned rows taken out."""
    recall: float | None
    """Share of the poisoned rows taken out; None where there are none."""
    precision: float | None
    """Share of the removed rows that were poisoned; None where nothing was removed."""


class Filtering(Intervention):
    """Remove the highest-scored rows: a share of them (`budget`), or all above a `threshold`."""

    kind: ClassVar[str] = "filtering"

    method: str = Field(min_length=1)
    """Where the scores come from: projection_difference, random, length, oracle, ..."""
    scores: tuple[float, ...] = Field(min_length=1)
    """One score a row, in the rows' order; high means suspect."""
    budget: float | None = Field(default=None, gt=0, lt=1)
    """Share of the rows to remove, rounded to the nearest row. Or `threshold`."""
    threshold: float | None = None
    """Rows with a score above this are removed. Or `budget`."""

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.budget is None) == (self.threshold is None):
            raise ValueError(
                f"budget={self.budget} and threshold={self.threshold}: set exactly one of them"
            )
        bad = [index for index, score in enumerate(self.scores) if not math.isfinite(score)]
        if bad:
            raise ValueError(
                f"{len(bad)} scores are not finite (the first is row {bad[0]}'s): score every row "
                "before filtering"
            )
        return self

    def record(self) -> dict[str, Any]:
        """The settings without the scores, which the rows that are left stand for."""
        return {key: value for key, value in super().record().items() if key != "scores"}

    def kept(self) -> list[int]:
        """Indices of the rows that stay, increasing. Of equal scores the later rows go first."""
        scores = np.asarray(self.scores)
        if self.threshold is not None:
            return [int(index) for index in np.flatnonzero(scores <= self.threshold)]
        assert self.budget is not None
        stay = len(scores) - round(len(scores) * self.budget)
        return sorted(int(index) for index in np.argsort(scores, kind="stable")[:stay])

    def rows(self, rows: Sequence[Row]) -> list[Row]:
        """The rows that stay, in their order.

        Raises:
            ValueError: another number of rows than of scores, or none would stay.
        """
        self._check_length(rows)
        kept = self.kept()
        if not kept:
            raise ValueError(f"the {self.method} filter would remove all {len(rows)} rows")
        return [rows[index] for index in kept]

    def counts(self, rows: Sequence[Row]) -> FilterCounts:
        """What the cut does to the poisoned rows, by their own `meta.poisoned`.

        Raises:
            ValueError: another number of rows than of scores, or a row without the truth.
        """
        self._check_length(rows)
        for index, row in enumerate(rows):
            if "poisoned" not in row.get("meta", {}):
                raise ValueError(f"row {index} has no meta.poisoned: the truth is not known")
        poisoned = np.array([bool(row["meta"]["poisoned"]) for row in rows])
        stays = np.zeros(len(rows), dtype=bool)
        stays[self.kept()] = True
        removed, removed_poisoned = int((~stays).sum()), int((~stays & poisoned).sum())
        return FilterCounts(
            kept=int(stays.sum()),
            kept_poisoned=int((stays & poisoned).sum()),
            removed=removed,
            removed_poisoned=removed_poisoned,
            recall=removed_poisoned / int(poisoned.sum()) if poisoned.any() else None,
            precision=removed_poisoned / removed if removed else None,
        )

    def _check_length(self, rows: Sequence[Row]) -> None:
        if len(rows) != len(self.scores):
            raise ValueError(
                f"{len(self.scores)} scores for {len(rows)} rows: filter the rows that were scored"
            )
