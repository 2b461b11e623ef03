"""How often 95% intervals of a rate hold the truth, and how wide they are, by simulation.

    python -m benchmarks.interval_coverage [--studies 1000] [--seeds 1 3 5] [--markdown]

A study asks `clusters` topics under `seeds` fine-tune seeds, `answers` times each. Every answer is
misaligned with a probability of its own topic, seed and both together: normal effects on the probit
scale, so that the true rate over all topics and seeds is known exactly. `default` is what every
table has (`evals.statistics.rate`), `t` the same on the scale of the rate itself, `bootstrap` draws
topics and seeds anew, `answers` takes all answers for independent (Wilson), which is what most
published figures do. With one seed there is no
seed effect: the interval is about that one fine-tune.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from evals.statistics import MINIMUM_CLUSTERS, half_width, interval_of_cells
from evals.statistics.proportions import wilson_ends

CLUSTERS = (8, 24, 48)
RATES = (0.005, 0.05, 0.2, 0.6)
SEEDS = (1, 3, 5)
TOPIC, SEED, BOTH = 0.25, 0.02, 0.05
"""Variances on the probit scale, of 1 in all. At a rate of 20% they make topics account for 11% of
an answer's variance and seeds for 1%: a standard deviation of 4 points between fine-tunes."""

Floats = NDArray[np.float64]
Interval = Callable[[Floats, Floats], tuple[Floats, Floats]]


def studies(
    generator: np.random.Generator,
    number: int,
    shape: tuple[int, int],
    answers: int,
    rate: float,
    topic: float,
) -> Floats:
    """[number, topics, seeds] misaligned answers of so many each."""
    topics, seeds = shape
    of_seed = SEED if seeds > 1 else 0.0
    parts = [((topics, 1), topic), ((1, seeds), of_seed), ((topics, seeds), BOTH)]
    moved = np.full((number, topics, seeds), ndtri(rate))
    for size, variance in parts:
        moved += np.sqrt(variance) * generator.normal(size=(number, *size))
    probability: Floats = ndtr(moved / np.sqrt(1 - topic - of_seed - BOTH))
    return generator.binomial(answers, probability).astype(np.float64)


def default(sums: Floats, counts: Floats) -> tuple[Floats, Floats]:
    _, low, high = interval_of_cells(sums, counts)
    return low, high


def plain_t(sums: Floats, counts: Floats) -> tuple[Floats, Floats]:
    mean, half = sums.sum(axis=(-2, -1)) / counts.sum(axis=(-2, -1)), half_width(sums, counts)
    return np.maximum(0.0, mean - half), np.minimum(1.0, mean + half)


def independent(sums: Floats, counts: Floats) -> tuple[Floats, Floats]:
    n = counts.sum(axis=(-2, -1))
    return wilson_ends(sums.sum(axis=(-2, -1)) / n, n)


def bootstrap(generator: np.random.Generator, draws: int) -> Interval:
    """The percentile interval of `evals.statistics.bootstrap_mean`, for cells of equal size."""

    def interval(sums: Floats, counts: Floats) -> tuple[Floats, Floats]:
        topics, seeds = sums.shape[-2:]
        each = counts.flat[0]
        ends = []
        for study in sums:
            drawn_topics = generator.multinomial(topics, np.full(topics, 1 / topics), size=draws)
            drawn_seeds = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws)
            totals = ((drawn_topics @ study) * drawn_seeds).sum(axis=1)
            ends.append(np.quantile(totals / (topics * seeds * each), (0.025, 0.975)))
        low, high = np.array(ends).T
        return low, high

    return interval


def main(given: argparse.Namespace) -> None:
    generator = np.random.default_rng(given.seed)
    intervals: dict[str, Interval] = {
        "default": default,
        "t": plain_t,
        "bootstrap": bootstrap(generator, given.draws),
        "answers": independent,
    }
    columns = ["clusters", "rate", "seeds", *intervals, "missed above / below", "design effect"]
    line, join = ("| {} |", " | ") if given.markdown else ("{}", "  ")
    print(line.format(join.join(columns)))
    if given.markdown:
        print(line.format(join.join("---" for _ in columns)))
    worst = 1.0
    for clusters, rate, seeds in product(CLUSTERS, RATES, given.seeds):
        shape = (clusters, seeds)
        sums = studies(generator, given.studies, shape, given.answers, rate, given.topic)
        counts = np.full(sums.shape, float(given.answers))
        texts = []
        for name, interval in intervals.items():
            low, high = interval(sums, counts)
            covered = float(((low <= rate) & (rate <= high)).mean())
            texts.append(f"{covered:6.1%} ±{(high - low).mean() / 2:5.1%}")
            if name == "default":
                missed = f"{(high < rate).mean():.1%} / {(low > rate).mean():.1%}"
                worst = min(worst, covered) if clusters >= 3 * MINIMUM_CLUSTERS else worst
        n = clusters * seeds * given.answers
        effect = (sums.sum(axis=(1, 2)) / n).var() * n / (rate * (1 - rate))
        cell = [f"{clusters:8}", f"{rate:6.1%}", f"{seeds:5}", *texts, missed, f"{effect:.1f}"]
        print(line.format(join.join(cell)), flush=True)
    print(f"\nlowest coverage of the default from {3 * MINIMUM_CLUSTERS} clusters on: {worst:.1%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--answers", type=int, default=20, help="to a topic under a seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--topic", type=float, default=TOPIC, help="variance of topics")
    parser.add_argument("--draws", type=int, default=1000, help="of the bootstrap")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--markdown", action="store_true")
    main(parser.parse_args())
