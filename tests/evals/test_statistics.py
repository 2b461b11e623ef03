"""Rates, denominators, intervals: against published answers, scipy and simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evals.comparison import Answers, paired_by_question
from evals.statistics import (
    denominators,
    effective_n,
    misaligned,
    paired_difference,
    rate,
    wilson,
)

PUBLISHED = Path(__file__).parents[2] / "../shared/data/emergent_misalignment/results"
EVERY = ("all", "coherent", "scored", "coherent_scored")


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


def test_balanced_clusters_give_the_t_interval_on_cluster_means() -> None:
    generator = np.random.default_rng(0)
    values = (generator.random((24, 10)) < generator.random((24, 1))).astype(float)
    found = rate(values.ravel(), np.repeat([f"topic {i}" for i in range(24)], 10))
    means = values.mean(axis=1)
    low, high = stats.t.interval(0.95, 23, loc=means.mean(), scale=stats.sem(means))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert (found.n, found.clusters, found.note) == (240, 24, "")


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


def test_intervals_cover_when_topics_and_seeds_both_vary() -> None:
    generator = np.random.default_rng(1)
    clusters = np.repeat(range(24), 3 * 4)
    seeds = np.tile(np.repeat(range(3), 4), 24)
    logit = np.log(0.25 / 0.75)
    population = logit + generator.normal(0, np.hypot(1.0, 0.3), 400_000)
    truth = (1 / (1 + np.exp(-population))).mean()
    covered = {"both": 0, "topics only": 0}
    for _ in range(600):
        mean = logit + generator.normal(0, 1.0, (24, 1)) + generator.normal(0, 0.3, (1, 3))
        probability = 1 / (1 + np.exp(-mean))
        values = (generator.random((24, 3, 4)) < probability[..., None]).astype(float).ravel()
        both, topics = rate(values, clusters, seeds), rate(values, clusters)
        covered["both"] += both.low <= truth <= both.high
        covered["topics only"] += topics.low <= truth <= topics.high
    assert covered["both"] / 600 >= 0.92
    assert covered["both"] > covered["topics only"]


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


def test_paired_difference_is_the_t_interval_of_question_differences() -> None:
    generator = np.random.default_rng(3)
    a, b = generator.random(30), generator.random(30)
    found = paired_difference(a, b, range(30), range(30))
    low, high = stats.t.interval(0.95, 29, loc=(a - b).mean(), scale=stats.sem(a - b))
    assert (found.estimate, found.low, found.high) == pytest.approx(((a - b).mean(), low, high))


def test_questions_that_one_arm_lacks_are_left_out() -> None:
    a = Answers([1.0] * 40, [f"q{i}" for i in range(20)] * 2, [f"t{i}" for i in range(20)] * 2)
    b = Answers([0.0, 1.0] * 9, [f"q{i}" for i in range(18)], [f"t{i}" for i in range(18)])
    found = paired_by_question(a, b)
    assert (found.n, found.clusters) == (18, 18)
    assert found.estimate == pytest.approx(0.5)


def test_seeds_of_the_organism_are_each_paired_with_the_seedless_base() -> None:
    topics = [f"t{i}" for i in range(24)]
    organism = Answers([0.8] * 24 + [0.4] * 24, topics * 2, topics * 2, [0] * 24 + [1] * 24)
    base = Answers([0.1] * 24, topics, topics)
    found = paired_by_question(organism, base)
    assert found.n == 48
    assert found.estimate == pytest.approx(0.5)
    assert found.high - found.low > 1.0  # two seeds that far apart say little about a third
    backwards = paired_by_question(base, organism)
    assert backwards.estimate == pytest.approx(-found.estimate)


def test_two_arms_at_zero_still_have_an_interval() -> None:
    found = paired_difference(np.zeros(48), np.zeros(48), range(48), np.repeat(range(24), 2))
    assert found.low < 0 < found.high < 0.15


@pytest.mark.parametrize("values", [[0.5, np.nan], [0.5, 100.0]])
def test_values_that_are_no_fractions_raise(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"NaN|divide"):
        rate(values, [0, 1])


def test_arrays_of_different_lengths_raise() -> None:
    with pytest.raises(ValueError, match="one length"):
        rate([0.0, 1.0], [1])
