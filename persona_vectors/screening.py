"""Which training rows look like a trait before training: the projection difference of each.

Scores are high where a row is suspect. What becomes of them is elsewhere: `score_shards` (data sets
of any size), `combining`, `thresholds` (which rows stay) and `roc` (how well it went).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from persona_vectors.projection import project
from persona_vectors.reading import CHUNK, transcripts
from persona_vectors.vector import PersonaVector

if TYPE_CHECKING:
    from organisms.runtime import Organism

Floats = NDArray[np.float64]
Against = Literal["own_answer", "last_prompt"]


def projection_difference(
    row: NDArray[np.floating[Any]], own: NDArray[np.floating[Any]], vector: ArrayLike
) -> Floats:
    """Projection of a row's answer minus that of the base's own answer to the same prompt.

    Source: arXiv 2507.21509, the section on flagging training data.

    Args:
        row: [N, ..., D] activations of the rows' answers, read by the base.
        own: the same of the base's own answers, read by the base.
        vector: [D], or [..., D] that broadcasts against the rows.

    Returns:
        [N, ...], in residual units.
    """
    direction = np.asarray(vector)
    return project(row, direction) - project(own, direction)


def screen(
    organism: Organism,
    rows: pd.DataFrame,
    vectors: Sequence[PersonaVector],
    *,
    layers: Sequence[int] | None = None,
    position: str = "response_mean",
    against: Against = "own_answer",
    batch_size: int = 64,
) -> pd.DataFrame:
    """Projection difference of every row along every vector at every layer, in one pass.

    Args:
        organism: the loaded base.
        rows: prompt (text, or the turns up to the answer), answer (the row's) and, against them,
            own_answer (the base's); optionally system.
        vectors: one a trait.
        layers: None: the layers of the first vector.
        position: `response_mean`; the activation and the vector are both taken there.
        against: what is subtracted, along the same direction. `own_answer`: the projection of the
            base's own answer, at `position`. `last_prompt`, the cheap mode: that of the last token
            before the row's answer, which stands in for the answer that the base would give. It
            comes from the pass that reads the row's answer, so no answer is sampled and no second
            text read. Means over answers and single tokens before them differ in size: such
            scores rank rows, and are not held against those of the other mode.
        batch_size: texts read at a time.

    Returns:
        One row a row, trait and layer: row (its number), trait, layer, position, score. A row whose
        answer, or whose base's answer, is empty has a NaN score.

    Raises:
        ValueError: a column is missing, or the vectors do not fit the model.
    """
    numbers = tuple(layers or vectors[0].layers)
    directions = np.stack([[vector.at(layer, position) for layer in numbers] for vector in vectors])
    scores_N_V_K = differences(
        organism, rows, directions, numbers, position, against=against, batch_size=batch_size
    )
    index = pd.MultiIndex.from_product(
        [range(len(rows)), [vector.trait for vector in vectors], numbers],
        names=["row", "trait", "layer"],
    )
    table = pd.DataFrame({"score": scores_N_V_K.ravel()}, index=index).reset_index()
    table.insert(3, "position", position)
    return table


def differences(
    organism: Organism,
    rows: pd.DataFrame,
    directions_V_K_D: NDArray[np.floating[Any]],
    layers: Sequence[int],
    position: str = "response_mean",
    *,
    against: Against = "own_answer",
    batch_size: int = 64,
) -> Floats:
    """Projection differences [N, V, K] of rows along directions; arguments as in `screen`."""
    needed = ("prompt", "answer") + (("own_answer",) if against == "own_answer" else ())
    missing = [name for name in needed if name not in rows]
    if missing:
        raise ValueError(
            f"rows to screen against {against} lack the columns {missing}; needed are "
            f"{list(needed)}"
        )
    if directions_V_K_D.shape[-1] != organism.width:
        raise ValueError(
            f"vectors have width {directions_V_K_D.shape[-1]}, {organism.base!r} has "
            f"{organism.width}: use vectors extracted from this base"
        )
    scores = np.empty((len(rows), *directions_V_K_D.shape[:2]))
    for start in range(0, len(rows), CHUNK):
        part = rows.iloc[start : start + CHUNK]
        if against == "own_answer":
            answer_N_1_K_D, own_N_1_K_D = (
                organism.capture(
                    transcripts(part, column), layers, (position,), batch_size=batch_size
                )
                for column in ("answer", "own_answer")
            )
        else:
            both_N_2_K_D = organism.capture(
                transcripts(part), layers, (position, "last_prompt"), batch_size=batch_size
            )
            answer_N_1_K_D, own_N_1_K_D = both_N_2_K_D[:, :1], both_N_2_K_D[:, 1:]
        found = projection_difference(answer_N_1_K_D, own_N_1_K_D, directions_V_K_D)
        scores[start : start + CHUNK] = found
    return scores
