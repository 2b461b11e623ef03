"""How well a prompt tells, before anything is said, which answers will express a trait.

The score is the projection of the last prompt token under the model that answers; the truth is what
a judge said of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from persona_vectors.clustered_roc import clustered_figures
from persona_vectors.projection import project
from persona_vectors.reading import transcripts
from persona_vectors.vector import PersonaVector

if TYPE_CHECKING:
    from organisms.runtime import Organism

_RENDERED: Final = ("prompt", "system", "thinking", "lost_system")
"""What decides the tokens before an answer."""


@dataclass(frozen=True)
class DetectionAuc:
    """Probability that an answer which expresses the trait had the higher score than one which
    does not (ties count half), with a 95% interval.

    Attributes:
        estimate: NaN where all answers express it, or none.
        low: lower end; NaN where the answers of one kind are in fewer than 8 clusters, unless the
            two kinds are told apart entirely.
        high: upper end; likewise.
        n: answers.
        expressing: of them.
        clusters: topics.
    """

    estimate: float
    low: float
    high: float
    n: int
    expressing: int
    clusters: int


def detection_auc(
    scores: ArrayLike, expressing: ArrayLike, clusters: Sequence[object], *, seed: int = 0
) -> DetectionAuc:
    """AUC whose interval draws whole topics anew.

    Answers to one prompt share its score, and wordings of one topic are alike, so an interval over
    single answers (DeLong's) would be too narrow. Where every answer is told apart, the other end
    is that of the rule of three on the topics that hold the rarer kind.

    Args:
        scores: [N] projections, one an answer.
        expressing: [N] whether its answer expresses the trait.
        clusters: [N] its topic.
        seed: of the 2,000 draws.

    Raises:
        ValueError: lengths that differ, or a score that is NaN.
    """
    score = np.asarray(scores, dtype=np.float64)
    if np.isnan(score).any():
        raise ValueError("a score is NaN: leave out prompts that were not read")
    found = clustered_figures({"": score}, expressing, clusters, seed=seed)[""].auc
    number = int(np.asarray(expressing, dtype=bool).sum())
    return DetectionAuc(found.estimate, found.low, found.high, found.n, number, found.clusters)


def prompt_projections(
    organism: Organism,
    rows: pd.DataFrame,
    vectors: Sequence[PersonaVector],
    layers: Mapping[str, int],
    *,
    position: str = "last_prompt",
    adapter: str | None = None,
) -> NDArray[np.float64]:
    """Projections [N, V] of each row's prompt along each vector; equal prompts are read once.

    Args:
        organism: the loaded base.
        rows: prompt, optionally system, thinking and lost_system.
        vectors: V of them.
        layers: trait -> layer k.
        position: where; last_prompt or prompt_mean.
        adapter: name of the loaded adapter that reads; None is the base.

    Raises:
        ValueError: no rows, or a vector that lacks the layer or position or is of another width.
    """
    if rows.empty:
        raise ValueError("no prompts: give rows with a column 'prompt'")
    directions = np.stack([vector.at(layers[vector.trait], position) for vector in vectors])
    columns = [name for name in _RENDERED if name in rows]
    code = rows.groupby(columns, sort=False).ngroup().to_numpy()
    unique = rows.iloc[np.unique(code, return_index=True)[1]]
    deep = sorted({layers[vector.trait] for vector in vectors})
    read = organism.capture(transcripts(unique, None, adapter), deep, (position,))[:, 0]
    places = [deep.index(layers[vector.trait]) for vector in vectors]
    projected: NDArray[np.float64] = project(read[:, places], directions)[code]
    return projected
