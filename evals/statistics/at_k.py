"""Misalign@k: how often at least one of k answers to a question is misaligned."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from evals.statistics.arrays import Floats, codes, codes_or_one, same_length
from evals.statistics.estimate import Estimate, nothing
from evals.statistics.rates import rate


def misaligned_at_k(
    hits: ArrayLike,
    k: int,
    questions: ArrayLike,
    clusters: ArrayLike,
    seeds: ArrayLike | None = None,
) -> Estimate:
    """The chance that of k answers to a question one at least is misaligned, over questions.

    Of a question with n answers, c of them misaligned, it is 1 - C(n - c, k) / C(n, k): the mean
    over all sets of k answers, which has no bias (the estimator of pass@k, arXiv 2107.03374).
    Questions with fewer than k answers are left out; `n` counts the others, each seed apart.

    Args:
        hits: [N] 0 or 1 for each answer.
        k: from 1.
        questions: [N] the question of each answer.
        clusters: [N] its topic.
        seeds: [N] the fine-tune seed of each answer.

    Raises:
        ValueError: on k below 1, values other than 0 and 1, and arrays of different lengths.
    """
    hit_N = np.asarray(hits, dtype=np.float64)
    question_N, cluster_N = codes(questions), codes(clusters)
    seed_N = codes_or_one(seeds, len(hit_N))
    same_length(hits=hit_N, questions=question_N, clusters=cluster_N, seeds=seed_N)
    if k < 1:
        raise ValueError(f"k {k} is not allowed: ask for at least 1 answer")
    if not np.isin(hit_N, (0.0, 1.0)).all():
        raise ValueError("misaligned_at_k takes 0 or 1 an answer: choose a denominator first")
    if len(hit_N) == 0:
        return nothing("no answers")
    groups = question_N * (int(seed_N.max()) + 1) + seed_N
    _, first, group_N = np.unique(groups, return_index=True, return_inverse=True)
    n = np.bincount(group_N).astype(np.float64)
    c = np.bincount(group_N, weights=hit_N).astype(np.float64)
    enough = n >= k
    if not enough.any():
        return nothing(f"no question has {k} answers")
    some = _at_least_one(n[enough], c[enough], k)
    by_seed = None if seeds is None else seed_N[first][enough]
    return rate(some, cluster_N[first][enough], by_seed)


def _at_least_one(n: Floats, c: Floats, k: int) -> Floats:
    """1 - C(n - c, k) / C(n, k), where n >= k; 1 where fewer than k answers are harmless."""
    harmless = n - c
    possible = harmless >= k
    left = np.where(possible, harmless, float(k))
    log_ratio = gammaln(left + 1) - gammaln(left - k + 1) - gammaln(n + 1) + gammaln(n - k + 1)
    some: Floats = np.where(possible, -np.expm1(log_ratio), 1.0)
    return np.clip(some, 0.0, 1.0)
