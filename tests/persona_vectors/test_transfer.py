"""Vectors before and after fine-tuning are compared on the same questions, with intervals that come
from those questions."""

import numpy as np
import pytest

from persona_vectors.transfer import QuestionMeans, compare


def means(vector, *, questions=12, noise=0.0, seed=0, names=None):
    """[2, Q, 1, 1, D] means whose differences scatter around a vector."""
    generator = np.random.default_rng(seed)
    content = generator.standard_normal((questions, len(vector)))
    scatter = noise * generator.standard_normal((questions, len(vector)))
    sides = np.stack([content + vector + scatter, content])[:, :, None, None]
    names = names or [f"q{number:02d}" for number in range(questions)]
    kept = np.full((2, questions), 5.0)
    return QuestionMeans("evil", tuple(names), sides, kept, ("last_prompt",), (2,))


def test_cosine_and_norm_ratio_are_those_of_the_vectors():
    one, other = np.array([3.0, 0, 0, 0]), np.array([3.0, 3.0, 0, 0])
    row = compare(means(one), means(other, seed=1)).iloc[0]
    assert row["cosine"] == pytest.approx(np.sqrt(0.5))
    assert row["norm_ratio"] == pytest.approx(np.sqrt(2))
    # Without noise every resample of the questions gives the same two vectors.
    assert row["cosine_low"] == pytest.approx(row["cosine_high"])
    assert (row["position"], row["layer"], row["questions"]) == ("last_prompt", 2, 12)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    one, other = np.array([4.0, 0, 0, 0]), np.array([4.0, 2.0, 0, 0])
    truth = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    rows = [
        compare(
            means(one, questions=16, noise=0.7, seed=seed),
            means(other, questions=16, noise=0.7, seed=1000 + seed),
        ).iloc[0]
        for seed in range(80)
    ]
    covered = np.mean([row["cosine_low"] <= truth <= row["cosine_high"] for row in rows])
    assert covered >= 0.85
    assert all(row["cosine_low"] < row["cosine"] < row["cosine_high"] for row in rows)


def test_noise_that_both_share_does_not_widen_the_interval():
    vector = np.array([2.0, 1.0, 0, 0])
    apart = compare(means(vector, noise=1.0), means(vector, noise=1.0, seed=1)).iloc[0]
    same = compare(means(vector, noise=1.0), means(vector, noise=1.0)).iloc[0]
    assert same["cosine"] == pytest.approx(1)
    assert same["cosine_low"] == pytest.approx(1)
    assert apart["cosine_high"] - apart["cosine_low"] > 0.02


def test_only_questions_that_both_have_count():
    names = [f"q{number:02d}" for number in range(4, 16)]
    row = compare(means(np.ones(4)), means(np.ones(4), names=names)).iloc[0]
    assert row["questions"] == 8
    apart = [f"other{number}" for number in range(12)]
    with pytest.raises(ValueError, match="0 questions have kept rollouts of both signs in both"):
        compare(means(np.ones(4)), means(np.ones(4), names=apart))


def test_a_vector_of_nothing_has_no_cosine():
    row = compare(means(np.zeros(4)), means(np.ones(4))).iloc[0]
    assert np.isnan(row["cosine"])
    assert np.isnan(row["norm_ratio"])
