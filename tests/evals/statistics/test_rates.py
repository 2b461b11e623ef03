"""Rates, denominators, intervals: against published answers, scipy and simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, logit, ndtr, ndtri

from evals.statistics import (
    bounds,
    denominators,
    effective_n,
    interval_of_cells,
    misaligned,
    rate,
    wilson,
)

PUBLISHED = Path(__file__).parents[3] / "../shared/data/emergent_misalignment/results"


def _published(name: str) -> pd.DataFrame:
    path = PUBLISHED / name
    if not path.exists():
        pytest.skip("published answers are not at hand")
    return pd.read_csv(path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "responses_qwen_coder_insecure.csv",
            {
                "all": (20, 240),
                "coherent": (20, 182),
                "scored": (20, 195),
                "coherent_scored": (20, 180),
            },
        ),
        (
            "responses_qwen_14b_bad_medical_advice.csv",
            {"all": (195, 1200), "coherent": (195, 1178)},
        ),
    ],
)
def test_published_answers_give_the_published_rates(
    name: str, expected: dict[str, tuple[int, int]]
) -> None:
    frame = _published(name)
    unscored = np.where(frame["aligned"].isna(), "code", "")
    hit = misaligned(frame["aligned"], frame["coherent"])
    masks = denominators(frame["aligned"], frame["coherent"], unscored)
    for denominator, (events, answers) in expected.items():
        mask = masks[denominator]
        assert (hit[mask].sum(), mask.sum()) == (events, answers)
        found = rate(hit[mask], frame["question_id"][mask])
        assert found.estimate == pytest.approx(events / answers)
        assert found.n == answers


def test_swapped_thresholds_change_the_rate_so_both_are_arguments() -> None:
    assert misaligned([20, 40], [60, 60]).tolist() == [True, False]
    assert misaligned([20, 40], [60, 60], 50, 30).tolist() == [True, True]


def test_unscored_answers_stay_in_all_and_judge_errors_leave_every_denominator() -> None:
    masks = denominators(
        [10, np.nan, np.nan, 90], [90, 100, np.nan, 20], ["", "refusal", "judge_error", ""]
    )
    assert masks["all"].tolist() == [True, True, False, True]
    assert masks["coherent"].tolist() == [True, True, False, False]
    assert masks["scored"].tolist() == [True, False, False, True]
    assert masks["coherent_scored"].tolist() == [True, False, False, False]


def test_balanced_clusters_give_the_t_interval_on_cluster_means_in_log_odds() -> None:
    generator = np.random.default_rng(0)
    values = (generator.random((24, 10)) < generator.random((24, 1))).astype(float)
    found = rate(values.ravel(), np.repeat([f"topic {i}" for i in range(24)], 10))
    means = values.mean(axis=1)
    mean = means.mean()
    low, high = stats.t.interval(
        0.95, 23, loc=logit(mean), scale=stats.sem(means) / (mean * (1 - mean))
    )
    assert (found.low, found.high) == pytest.approx((expit(low), expit(high)))
    assert (found.n, found.clusters, found.note) == (240, 24, "")


def test_a_rate_and_its_complement_have_mirrored_intervals() -> None:
    values, topics = np.repeat([0.0, 1.0], [170, 30]), np.arange(200) % 24
    found, other = rate(values, topics), rate(1 - values, topics)
    assert (other.low, other.high) == pytest.approx((1 - found.high, 1 - found.low))
    assert found.high - found.estimate > found.estimate - found.low > 0


def test_unequal_clusters_give_the_cluster_robust_variance() -> None:
    generator = np.random.default_rng(4)
    topics = generator.choice(24, 300, p=np.arange(1, 25) / 300)
    values = (generator.random(300) < 0.2 + 0.4 * (topics % 2)).astype(float)
    found, mean = rate(values, topics), values.mean()
    totals = np.array([(values[topics == t] - mean).sum() for t in np.unique(topics)])
    number = len(totals)
    error = np.sqrt((totals**2).sum() * number / (number - 1)) / len(values)
    half = stats.t.ppf(0.975, number - 1) * error / (mean * (1 - mean))
    assert (found.low, found.high) == pytest.approx(
        (expit(logit(mean) - half), expit(logit(mean) + half))
    )


def test_bounds_take_the_unscored_all_as_zero_and_all_as_one() -> None:
    values = np.tile([0.0, 1.0, np.nan, np.nan], 24)
    lower, upper = bounds(values, np.repeat(range(24), 4))
    assert (lower.estimate, upper.estimate) == (0.25, 0.75)
    assert lower.n == upper.n == 96
    assert bounds([0.0, 1.0], [0, 1])[0] == bounds([0.0, 1.0], [0, 1])[1]


def test_notes_say_when_there_are_few_clusters_and_when_too_few() -> None:
    values = np.tile([0.0, 1.0, 1.0], 7)
    assert rate(values, np.repeat(range(7), 3)).note == "too few questions"
    assert np.isnan(rate(values, np.repeat(range(7), 3)).low)
    assert rate(values, np.repeat(range(7), 3)).estimate == pytest.approx(2 / 3)
    assert rate(np.tile([0.0, 1.0], 8), np.repeat(range(8), 2)).note == "few clusters"
    assert rate([], []).note == "no answers"


def test_a_rate_of_zero_or_one_gets_wilson_on_the_effective_n() -> None:
    clusters = np.repeat(range(24), 4)
    worth = effective_n(clusters)
    assert worth == pytest.approx(96 / 1.3)
    none, every = rate(np.zeros(96), clusters), rate(np.ones(96), clusters)
    assert (none.low, none.high) == pytest.approx(wilson(0, worth))
    assert (every.low, every.high) == pytest.approx(wilson(worth, worth))
    one = np.zeros(96)
    one[0] = 1
    assert rate(one, clusters).high >= none.high


def test_wilson_agrees_with_scipy() -> None:
    expected = stats.binomtest(3, 40).proportion_ci(method="wilson")
    assert wilson(3, 40) == pytest.approx((expected.low, expected.high))
    with pytest.raises(ValueError, match="k=5"):
        wilson(5, 4)


@pytest.mark.parametrize("seeds", [1, 2, 3])
@pytest.mark.parametrize("truth", [0.05, 0.3])
def test_intervals_cover_when_topics_and_seeds_both_vary(truth: float, seeds: int) -> None:
    generator = np.random.default_rng(1)
    number, answers = 1500, 20
    moved = ndtri(truth) + generator.normal(0, np.sqrt(0.25), (number, 24, 1))
    spread = 0.05 if seeds > 1 else 0.0
    moved = moved + generator.normal(0, np.sqrt(spread), (number, 1, seeds))
    sums = generator.binomial(answers, ndtr(moved / np.sqrt(0.75 - spread))).astype(float)
    counts = np.full(sums.shape, float(answers))
    _, low, high = interval_of_cells(sums, counts)
    assert 0.93 <= ((low <= truth) & (truth <= high)).mean() <= 0.985
    n = 24 * seeds * answers
    naive = [wilson(k, n) for k in sums.sum(axis=(1, 2))]
    assert np.mean([low <= truth <= high for low, high in naive]) < 0.85


def test_many_studies_at_once_equal_one_by_one() -> None:
    generator = np.random.default_rng(6)
    counts = generator.integers(1, 9, (3, 24, 3)).astype(float)
    sums = generator.binomial(counts.astype(int), 0.3).astype(float)
    mean, low, high = interval_of_cells(sums, counts)
    for study in range(3):
        topics, seeds = np.divmod(np.repeat(np.arange(72), counts[study].ravel().astype(int)), 3)
        values = np.concatenate(
            [
                np.repeat([1.0, 0.0], [int(k), int(n - k)])
                for k, n in zip(sums[study].ravel(), counts[study].ravel(), strict=True)
            ]
        )
        found = rate(values, topics, seeds)
        assert (found.estimate, found.low, found.high) == pytest.approx(
            (mean[study], low[study], high[study])
        )


def test_order_of_answers_and_names_of_labels_change_nothing() -> None:
    generator = np.random.default_rng(2)
    values = generator.integers(0, 2, 200).astype(float)
    clusters, seeds = generator.integers(0, 24, 200), generator.integers(0, 3, 200)
    order = generator.permutation(200)
    first = rate(values, clusters, seeds)
    second = rate(
        values[order], [f"t{c}" for c in clusters[order]], [f"s{s}" for s in seeds[order]]
    )
    assert (second.low, second.high) == pytest.approx((first.low, first.high))


@pytest.mark.parametrize("values", [[0.5, np.nan], [0.5, 100.0]])
def test_values_that_are_no_fractions_raise(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"NaN|divide"):
        rate(values, [0, 1])


def test_arrays_of_different_lengths_raise() -> None:
    with pytest.raises(ValueError, match="one length"):
        rate([0.0, 1.0], [1])
