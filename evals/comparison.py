"""How two arms of answers are compared: question by question, whatever the number of answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from evals.statistics import (
    Estimate,
    bootstrap_mean,
    exchange_test,
    paired_difference,
    pairs,
    sign_flip_test,
)


class Answers(NamedTuple):
    """One arm of a comparison: arrays of one length, one entry an answer."""

    values: ArrayLike
    questions: ArrayLike
    clusters: ArrayLike
    seeds: ArrayLike | None = None


def paired_by_question(a: Answers, b: Answers) -> Estimate:
    """`paired_difference` of two arms with their own numbers of answers a question.

    Seeds are paired where both arms have them; an arm without seeds (the base) is compared with
    every seed of the other.
    """
    return paired_difference(**_rows(a, b)._asdict())


def p_by_question(a: Answers, b: Answers) -> float:
    """`sign_flip_test` of the same pairs: could the difference be chance? NaN without pairs."""
    found = pairs(**_rows(a, b)._asdict())
    return sign_flip_test(found.a - found.b, found.clusters)


def bootstrap_by_question(a: Answers, b: Answers) -> Estimate:
    """The same difference with the interval of `bootstrap_mean`: a second opinion."""
    found = pairs(**_rows(a, b)._asdict())
    return bootstrap_mean(found.a - found.b, found.clusters, found.seeds)


def p_by_seed(a: Answers, b: Answers) -> float:
    """`exchange_test` of the rates of two arms' fine-tunes: would other seeds say the same? NaN
    where an arm has fewer than two seeds."""
    rates = [_seed_rates(arm) for arm in (a, b)]
    return float("nan") if min(map(len, rates)) < 2 else exchange_test(*rates)


def _seed_rates(arm: Answers) -> list[float]:
    """The mean of the known values of each seed; nothing for an arm without seeds."""
    if arm.seeds is None:
        return []
    values, seeds = np.asarray(arm.values, dtype=np.float64), np.asarray(arm.seeds)
    known = ~np.isnan(values)
    return [
        float(values[known & (seeds == seed)].mean())
        for seed in np.unique(seeds)
        if (known & (seeds == seed)).any()
    ]


class _Rows(NamedTuple):
    """Both arms' means, one entry a question (and seed) that both answered."""

    a: list[float]
    b: list[float]
    question: list[str]
    clusters: list[str]
    seeds: list[str]


def _rows(a: Answers, b: Answers) -> _Rows:
    means_a, means_b = _question_means(a), _question_means(b)
    rows = _Rows([], [], [], [], [])
    for (question, seed), (value, cluster) in means_a.items():
        keys = [(question, seed)] if b.seeds is not None and seed else [(question, "")]
        if not seed and b.seeds is not None:
            keys = [key for key in means_b if key[0] == question]
        for key in keys:
            if key in means_b:
                rows.a.append(value)
                rows.b.append(means_b[key][0])
                rows.question.append(question)
                rows.clusters.append(cluster)
                rows.seeds.append(seed or key[1])
    return rows


def _question_means(arm: Answers) -> Mapping[tuple[str, str], tuple[float, str]]:
    """(question, seed) -> (mean, topic); the seed is "" where the arm has none."""
    values = np.asarray(arm.values, dtype=np.float64)
    questions = np.asarray(arm.questions, dtype=object)
    clusters = np.asarray(arm.clusters, dtype=object)
    seeds = np.full(len(values), "") if arm.seeds is None else np.asarray(arm.seeds, dtype=object)
    groups: dict[tuple[str, str], list[float]] = {}
    topic: dict[tuple[str, str], str] = {}
    for value, question, cluster, seed in zip(values, questions, clusters, seeds, strict=True):
        if not np.isnan(value):
            key = (str(question), str(seed))
            groups.setdefault(key, []).append(float(value))
            topic[key] = str(cluster)
    return {key: (float(np.mean(found)), topic[key]) for key, found in groups.items()}
