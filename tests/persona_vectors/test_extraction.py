"""Extraction: the planted direction comes out, whatever the order, and never a NaN."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from persona_vectors.contrast import (
    ExtractionError,
    Thresholds,
    common_questions,
    contrast_weights,
    is_positive,
    kept_by_question,
    question_weights,
)
from persona_vectors.extraction import contrast, extract, vector_rows
from persona_vectors.projection import cosine
from persona_vectors.stability import RESAMPLES, SPLITS, Weighting, stability
from persona_vectors.sums import weighted_sums
from persona_vectors.vector import PersonaVector
from tests.persona_vectors.planted import planted


def extracted(frame: pd.DataFrame, activations: np.ndarray, **options: object) -> PersonaVector:
    return extract(activations, frame, trait="evil", base="toy", **options)  # type: ignore[arg-type]


def test_planted_direction_is_recovered_in_raw_units() -> None:
    activations, frame, direction = planted()
    vector = extracted(frame, activations)
    for layer in (1, 2):
        found = vector.at(layer, "last_prompt")
        assert cosine(found, direction) > 0.95
        assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(direction), rel=0.1)
    assert vector.split_half_cosine is not None
    assert (vector.split_half_cosine[:, 1:] > 0.85).all()


def test_a_layer_that_does_not_vary_gives_an_exact_zero() -> None:
    activations, frame, _ = planted()
    vector = extracted(frame, activations, permuted_draws=3)
    assert not vector.vector[:, 0].any()
    assert not vector.draws("permuted")[:, :, 0].any()
    assert vector.split_half_cosine is not None
    assert np.isnan(vector.split_half_cosine[:, 0]).all()


def test_split_halves_of_pure_noise_do_not_agree() -> None:
    activations, frame, _ = planted(size=1e-9)
    halves = extracted(frame, activations).split_half_cosine
    assert halves is not None
    assert abs(float(np.nanmean(halves[:, 1:]))) < 0.5


def test_unequal_numbers_a_question_do_not_let_its_content_in() -> None:
    activations, frame, direction = planted(noise=0.01)
    thin = (frame["question"] == "q0") & (frame["sign"] == "positive")
    drop = frame.index[thin][1:]
    kept = frame.index.difference(drop)
    vector = extracted(frame.loc[kept].reset_index(drop=True), activations[kept])
    assert np.linalg.norm(vector.at(1, "last_prompt") - direction) < 0.05


def test_every_question_counts_alike() -> None:
    question = ["a"] * 6 + ["b"] * 2
    positive = np.array([True] * 5 + [False] + [True, False])
    weights = contrast_weights(question, positive, np.ones(8, dtype=bool))
    assert weights[:6][positive[:6]].sum() == pytest.approx(0.5)
    assert weights[6] == pytest.approx(0.5)
    assert weights.sum() == pytest.approx(0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_order_of_rollouts_does_not_matter(seed: int) -> None:
    activations, frame, _ = planted(samples=4, questions=6)
    thresholds = Thresholds(minimum_rows=4)
    order = np.random.default_rng(seed).permutation(len(frame))
    one = extracted(frame, activations, thresholds=thresholds)
    other = extracted(
        frame.iloc[order].reset_index(drop=True), activations[order], thresholds=thresholds
    )
    np.testing.assert_allclose(one.vector, other.vector, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(0, 100))
def test_chunks_do_not_matter(size: int, seed: int) -> None:
    activations, frame, _ = planted(samples=4, questions=6)
    made = contrast("evil", frame, Thresholds(minimum_rows=4), permuted_draws=2, seed=seed)
    rows = np.random.default_rng(seed).permutation(len(frame))
    chunks = [rows[start : start + size] for start in range(0, len(rows), size)]
    whole = weighted_sums([(np.arange(len(frame)), activations)], [made])[0]
    parts = weighted_sums([(chunk, activations[chunk]) for chunk in chunks], [made])[0]
    np.testing.assert_allclose(whole, parts, atol=1e-6)


def test_filter_keeps_what_shows_its_sign_coherently() -> None:
    activations, frame, direction = planted(noise=0.01)
    spoilt = activations.copy()
    for column, value, row in (
        ("trait_score", 10.0, 0),
        ("trait_score", np.nan, 1),
        ("coherence", 49.0, 2),
    ):
        frame.loc[row, column] = value
        spoilt[row] += 1000
    vector = extracted(frame, spoilt)
    assert np.linalg.norm(vector.at(1, "last_prompt") - direction) < 0.05
    counts = vector_rows(vector).iloc[0]
    assert (counts["kept_positive"], counts["kept_negative"]) == (93, 96)


def test_an_activation_that_is_not_kept_may_be_missing() -> None:
    activations, frame, _ = planted()
    activations[0, 0] = np.nan
    frame.loc[0, "coherence"] = 0.0
    assert np.isfinite(extracted(frame, activations).vector).all()
    frame.loc[0, "coherence"] = 100.0
    with pytest.raises(ValueError, match=r"'evil'.*empty answer"):
        extracted(frame, activations)


@pytest.mark.parametrize("sign", ["positive", "negative"])
def test_too_few_rows_of_a_sign_name_counts_thresholds_and_fix(sign: str) -> None:
    activations, frame, _ = planted()
    frame.loc[frame["sign"] == sign, "trait_score"] = np.nan
    with pytest.raises(ExtractionError, match=rf"'evil'.*0 of 96 {sign}.*score 50.*Draw more"):
        extracted(frame, activations)


def test_empty_pool_and_wrong_tables_are_refused() -> None:
    activations, frame, _ = planted()
    with pytest.raises(ExtractionError, match="0 of 0 positive"):
        extracted(frame.iloc[:0], activations[:0])
    with pytest.raises(ValueError, match="lack the columns"):
        extracted(frame.drop(columns="coherence"), activations)
    with pytest.raises(ValueError, match="unknown signs"):
        extracted(frame.assign(sign="up"), activations)
    with pytest.raises(ValueError, match="activations have shape"):
        extracted(frame, activations[1:])


def test_permuted_directions_hold_nothing_of_the_vector() -> None:
    activations, frame, direction = planted(size=30.0)
    vector = extracted(frame, activations, permuted_draws=50)
    draws = vector.draws("permuted")
    assert draws.shape == (50, *vector.vector.shape)
    along = np.abs(cosine(draws[:, 2, 1], np.broadcast_to(direction, draws[:, 2, 1].shape)))
    assert along.mean() < 0.35


@pytest.mark.parametrize("weighting", ["question", "pooled"])
def test_stability_is_that_of_the_resampled_vectors(weighting: Weighting) -> None:
    activations, frame, _ = planted(samples=3, questions=7, noise=3.0)
    frame = frame.drop(index=[0, 1, 9]).reset_index(drop=True)
    activations = activations[:, :1, 1:2][: len(frame)].astype(np.float64)
    question, positive = frame["question"].tolist(), is_positive(frame)
    keep = np.ones(len(frame), dtype=bool)
    names = common_questions(question, positive, keep)
    means = np.tensordot(question_weights(question, positive, keep, names), activations, axes=1)
    counts = kept_by_question(question, positive, keep, names)
    found = stability(means, counts, weighting, 5)

    def vector(chosen: np.ndarray) -> np.ndarray:
        rows = np.concatenate([np.flatnonzero(np.array(question) == names[n]) for n in chosen])
        copies = np.concatenate([[f"{i}"] * question.count(names[n]) for i, n in enumerate(chosen)])
        weights = contrast_weights(copies.tolist(), positive[rows], keep[rows], weighting)
        return np.tensordot(weights, activations[rows], axes=1)[0, 0]

    generator = np.random.default_rng(5)
    halves = []
    for order in [generator.permutation(7) for _ in range(SPLITS)]:
        halves.append(cosine(vector(order[:3]), vector(order[3:])))
    np.testing.assert_allclose(found.split_half_cosine, np.mean(halves))
    drawn = generator.multinomial(7, np.full(7, 1 / 7), size=RESAMPLES)
    around = [cosine(vector(np.arange(7)), vector(np.repeat(np.arange(7), n))) for n in drawn]
    np.testing.assert_allclose(found.cosine_interval[:, 0, 0], np.quantile(around, [0.025, 0.975]))


def test_a_bootstrap_interval_is_narrow_for_a_direction_and_wide_for_noise() -> None:
    lows = []
    for size in (3.0, 1e-9):
        activations, frame, _ = planted(size=size)
        interval = extracted(frame, activations).cosine_interval
        assert interval is not None
        assert np.isnan(interval[:, :, 0]).all()
        assert (interval[0, :, 1:] < interval[1, :, 1:]).all()
        lows.append(interval[0, :, 1:].min())
    assert lows[0] > 0.9 > lows[1]
