"""One screening: what is scored and how, the scores of its rows, and the cut through them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from experiments.screening.survey import Survey
from organisms.datasets.row_files import RowFile
from persona_vectors.baseline_scores import length_scores, random_scores
from persona_vectors.combining import combine_logistic, combine_max
from persona_vectors.score_shards import Scorer, read_shards, score_shards
from persona_vectors.scorers import Projection
from persona_vectors.thresholds import clean_threshold, keep_below, keep_lowest

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Bar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""What shows progress: a title and a total -> what is told how many are done."""

SCORES, CLEAN_SCORES = "shards", "clean_shards"
"""Folders of the shards of the rows, and of the clean reference rows."""
VERSION = 2
"""Goes up when the output of a screening changes."""


@dataclass(frozen=True)
class Cut:
    """Which rows are kept."""

    by: Literal["threshold", "quantile", "target_yield", "false_positive_rate"]
    """Scores up to a threshold; the lowest share; the lowest so many rows; scores up to the
    threshold that so large a share of clean rows lies above."""
    value: float


@dataclass(frozen=True)
class Job:
    """Everything that decides what a screening writes."""

    file: RowFile
    found: Survey
    projection: Projection
    baselines: tuple[Scorer, ...]
    """Scores to beat that a model is asked for."""
    clean: RowFile | None
    """Rows known to be clean: what is usual, and where a threshold comes from."""
    clean_found: Survey | None
    combine: Literal["max", "logistic"]
    cut: Cut | None
    low_is_suspect: bool
    """Whether low scores of the judge's column are the suspect ones."""
    seed: int

    @property
    def main(self) -> str:
        """The score that filters."""
        columns = self.projection.columns
        return columns[0] if len(columns) == 1 else f"combined:{self.combine}"

    def scored(self) -> dict[str, object]:
        """What makes it another screening: rows, base, vectors and mode."""
        return {"rows": self.found.sha256, "projection": self.projection.settings()}

    def stamp(self) -> str:
        """A hash of everything that the output depends on."""
        content = {
            "version": VERSION,
            "scored": self.scored(),
            "baselines": {each.name: each.settings() for each in self.baselines},
            "clean": self.clean_found.sha256 if self.clean_found else "",
            "combine": self.combine,
            "cut": [self.cut.by, self.cut.value] if self.cut else None,
            "column": self.found.column,
            "low_is_suspect": self.low_is_suspect,
            "seed": self.seed,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Scored:
    """The scores of all rows and what is kept of them."""

    methods: Mapping[str, Floats]
    """Method -> [N], high is suspect; NaN where a row has no score."""
    main: str
    """The method that filters."""
    keep: Mask | None
    """[N]; none where nothing is cut. A row without a score is not kept."""
    threshold: float | None
    """The score up to which rows are kept, where there is one."""


def score(job: Job, out: Path, bar: Bar) -> int:
    """Make the shards that are missing; return how many rows were read by a model now."""
    made = 0
    for scorer in (job.projection, *job.baselines):
        with bar(f"scoring rows: {scorer.name}", len(job.found)) as progress:
            made += score_shards(job.file.rows(), scorer, out / SCORES, progress=progress)
    if job.clean is not None and job.clean_found is not None:
        with bar("scoring clean rows", len(job.clean_found)) as progress:
            made += score_shards(
                job.clean.rows(), job.projection, out / CLEAN_SCORES, progress=progress
            )
    return made


def collect(job: Job, out: Path) -> Scored:
    """Read the shards, combine the traits and cut."""
    columns = job.projection.columns
    read = read_shards(out / SCORES, job.projection.name)
    methods: dict[str, Floats] = {column: read[column].to_numpy() for column in columns}
    clean = None
    if job.clean is not None:
        clean = read_shards(out / CLEAN_SCORES, job.projection.name)[columns].to_numpy()
    clean_main = None if clean is None else clean[:, 0]
    if job.main not in methods:
        methods[job.main], clean_main = _combined(job, read[columns].to_numpy(), clean)
    for scorer in job.baselines:
        found = read_shards(out / SCORES, scorer.name)
        methods |= {str(name): found[name].to_numpy() for name in found}
    if job.found.column:
        sign = -1.0 if job.low_is_suspect else 1.0
        methods[f"column:{job.found.column}"] = sign * job.found.judged
    usual = job.clean_found.lengths if job.clean_found else job.found.lengths
    methods["length"] = length_scores(job.found.lengths, usual)
    methods["random"] = random_scores(len(job.found), job.seed)
    keep, threshold = _cut(job, methods[job.main], clean_main)
    return Scored(methods, job.main, keep, threshold)


def _combined(job: Job, scores: Floats, clean: Floats | None) -> tuple[Floats, Floats | None]:
    """The combined score of the rows, and of the clean reference rows."""
    if job.combine == "logistic":
        assert job.found.poisoned is not None
        fitted = combine_logistic(scores, job.found.poisoned, job.found.prompts, job.seed)
        return fitted.scores, None if clean is None else fitted.predict(clean)
    usual = scores if clean is None else clean
    return combine_max(scores, usual), None if clean is None else combine_max(clean, usual)


def _cut(job: Job, scores: Floats, clean: Floats | None) -> tuple[Mask | None, float | None]:
    if job.cut is None:
        return None, None
    if job.cut.by == "false_positive_rate":
        assert clean is not None
        threshold = clean_threshold(clean, job.cut.value)
        return keep_below(scores, threshold), threshold
    if job.cut.by == "threshold":
        return keep_below(scores, job.cut.value), job.cut.value
    count = job.cut.value if job.cut.by == "target_yield" else round(job.cut.value * len(scores))
    # A row without a score is the first to go.
    known = np.where(np.isnan(scores), np.inf, scores)
    return keep_lowest(known, int(count), job.seed) & ~np.isnan(scores), None
