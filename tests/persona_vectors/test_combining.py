"""Traits combined: by the largest score, and by a model that is never tested on what it saw."""

from __future__ import annotations

import numpy as np
import pytest

from persona_vectors.combining import combine_logistic, combine_max
from persona_vectors.roc import auc


def test_the_largest_score_counts_in_units_of_the_reference() -> None:
    reference = np.array([[0.0, 0.0], [2.0, 200.0], [np.nan, 5.0]])
    found = combine_max([[3.0, 100.0], [1.0, 300.0], [np.nan, 300.0]], reference)
    np.testing.assert_allclose(found, [2.0, 2.0, np.nan])
    with pytest.raises(ValueError, match="scores of 2 reference rows do not vary"):
        combine_max(reference[:2], reference[[0, 0]])


def test_a_logistic_combination_finds_what_no_trait_does_alone() -> None:
    generator = np.random.default_rng(0)
    truth = np.arange(600) % 3 == 0
    scores = generator.standard_normal((600, 3))
    shared = 3 * generator.standard_normal(600)
    scores[:, 0] += shared + truth
    scores[:, 1] += shared - truth
    found = combine_logistic(scores, truth, [str(n) for n in range(600)])
    best = max(auc(scores[:, v], truth).estimate for v in range(3))
    assert auc(found.scores, truth).low > best + 0.05
    assert auc(found.predict(scores), truth).estimate > best + 0.05


def test_scores_that_say_nothing_gain_nothing_by_being_fitted() -> None:
    generator = np.random.default_rng(1)
    scores, truth = generator.standard_normal((80, 25)), np.arange(80) % 2 == 0
    found = combine_logistic(scores, truth, [str(n) for n in range(80)])
    assert auc(found.predict(scores), truth).estimate > 0.75
    assert auc(found.scores, truth).low < 0.5


def test_rows_of_one_prompt_are_never_fitted_and_scored() -> None:
    # The label is the prompt's; a model that saw a row's double would know it by heart.
    generator = np.random.default_rng(2)
    prompts = np.repeat(np.arange(40), 10)
    truth = (generator.random(40) < 0.5)[prompts]
    scores = generator.standard_normal((40, 30))[prompts]
    found = combine_logistic(scores, truth, [f"prompt {n}" for n in prompts])
    assert auc(found.predict(scores), truth).estimate > 0.9
    assert auc(found.scores, truth).estimate < 0.75


def test_too_little_truth_is_refused() -> None:
    with pytest.raises(ValueError, match=r"3 poisoned and 37 clean rows: .* at least 10 of each"):
        combine_logistic(np.zeros((40, 2)), np.arange(40) < 3, ["a"] * 40)
    with pytest.raises(ValueError, match="share one prompt"):
        combine_logistic(np.random.rand(40, 2), np.arange(40) < 20, ["a"] * 20 + ["b"] * 20)
