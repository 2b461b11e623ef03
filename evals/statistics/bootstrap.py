"""The bootstrap of a clustered mean: whole topics are drawn anew, and whole seeds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from evals.statistics.arrays import cells_of, codes, codes_or_one, same_length
from evals.statistics.estimate import CONFIDENCE, TOO_FEW, Estimate, note_on, nothing

DRAWS = 2000


def bootstrap_mean(
    values: ArrayLike,
    clusters: ArrayLike,
    seeds: ArrayLike | None = None,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Estimate:
    """A mean with its 95% percentile interval over drawn topics and, nested in each draw, seeds.

    A draw takes as many topics as there are, with replacement and with all their answers, and as
    many seeds; every drawn seed answers the drawn topics, as all seeds were asked the same ones.
    With few seeds or topics it is narrower than `rate` and covers less (`docs/statistics.md`); it
    needs no scale and no t, and serves as the second opinion.

    Args:
        values: [N] without NaN: answers, or the differences of pairs.
        clusters: [N] the topic of each value.
        seeds: [N] the fine-tune seed of each value.
        draws: how many bootstrap samples.
        seed: of the draws; the same seed gives the same interval.

    Raises:
        ValueError: on NaN, fewer than 1 draw and arrays of different lengths.
    """
    values_N = np.asarray(values, dtype=np.float64)
    clusters_N, seeds_N = codes(clusters), codes_or_one(seeds, len(values_N))
    same_length(values=values_N, clusters=clusters_N, seeds=seeds_N)
    if np.isnan(values_N).any():
        raise ValueError("bootstrap_mean got NaN values: leave out what was not measured")
    if draws < 1:
        raise ValueError(f"draws {draws} is not allowed: draw at least 1 bootstrap sample")
    if len(values_N) == 0:
        return nothing("no answers")
    sums, counts = cells_of(values_N, clusters_N, seeds_N)
    topics, number_of_seeds = sums.shape
    mean, note = float(values_N.mean()), note_on(topics)
    if note == TOO_FEW:
        return Estimate(mean, np.nan, np.nan, len(values_N), topics, note)
    generator = np.random.default_rng(seed)
    drawn_topics = _drawn(generator, topics, draws)
    drawn_seeds = _drawn(generator, number_of_seeds, draws)
    totals, sizes = (
        np.einsum("dt,ts,ds->d", drawn_topics, cells, drawn_seeds) for cells in (sums, counts)
    )
    some = sizes > 0
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(totals[some] / sizes[some], (tail, 1 - tail))
    return Estimate(mean, float(low), float(high), len(values_N), topics, note)


def _drawn(generator: np.random.Generator, number: int, draws: int) -> np.ndarray:
    """[draws, number] how often each unit is in each draw of so many with replacement."""
    return generator.multinomial(number, np.full(number, 1 / number), size=draws).astype(np.float64)
