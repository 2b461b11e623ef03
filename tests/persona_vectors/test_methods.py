"""Other directions than the difference of means: each is what its definition says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from persona_vectors.contrast import Thresholds
from persona_vectors.extraction import contrast, extract
from persona_vectors.methods import (
    METHODS,
    Method,
    first_axis,
    ledoit_wolf,
    logistic_probe,
    whitened,
)
from persona_vectors.projection import cosine, project
from persona_vectors.roc import auc
from persona_vectors.vector import PersonaVector
from tests.persona_vectors.planted import planted

FITTED = METHODS[1:]


def extracted(method: Method, seed: int = 0, **options: float) -> tuple[PersonaVector, np.ndarray]:
    activations, frame, direction = planted(seed, **options)  # type: ignore[arg-type]
    return extract(activations, frame, trait="evil", base="toy", method=method), direction


@pytest.mark.parametrize("method", FITTED)
def test_every_method_recovers_a_planted_direction_in_raw_units(method: Method) -> None:
    vector, direction = extracted(method)
    for layer in (1, 2):
        found = vector.at(layer, "last_prompt")
        assert cosine(found, direction) > 0.9
        assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(direction), rel=0.1)
    assert not vector.vector[:, 0].any()  # nothing varies there
    assert vector.split_half_cosine is not None
    assert np.isnan(vector.split_half_cosine[:, 0]).all()
    assert (vector.split_half_cosine[:, 1:] > 0.8).all()
    assert vector.metadata["method"] == method


@pytest.mark.parametrize("method", FITTED)
def test_halves_of_noise_do_not_agree(method: Method) -> None:
    halves = extracted(method, size=1e-9)[0].split_half_cosine
    assert halves is not None
    assert abs(float(np.nanmean(halves[:, 1:]))) < 0.5


@pytest.mark.parametrize("method", METHODS)
def test_permuted_draws_are_the_method_itself_on_permuted_labels(method: Method) -> None:
    activations, frame, direction = planted(samples=7)
    found = extract(
        activations, frame, trait="evil", base="toy", method=method, permuted_draws=20, seed=3
    )
    draws = found.draws("permuted")
    assert draws.shape == (20, *found.vector.shape)
    assert not draws[:, :, 0].any()
    cosines = np.abs(cosine(draws[:, 0, 1], direction))
    if method == "pca_of_differences":
        assert cosines.min() > 0.8  # the trait is what varies most within a question, unlabelled
    else:
        assert cosines.mean() < 0.4
    again = extract(
        activations, frame, trait="evil", base="toy", method=method, permuted_draws=3, seed=3
    )
    np.testing.assert_array_equal(again.draws("permuted"), draws[:3])


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("method", FITTED)
def test_a_permuted_draw_is_what_relabelled_rollouts_give(method: Method, wide: bool) -> None:
    activations, frame, _ = planted(samples=8)
    if wide:  # more dimensions than rows: fitted in coordinates of their span
        noise = np.random.default_rng(0).standard_normal((*activations.shape[:3], 300))
        activations = np.concatenate([activations, noise.astype(np.float32)], axis=-1)
    thresholds = Thresholds(minimum_rows=2)
    draw = contrast("evil", frame, thresholds, permuted_draws=1, seed=5).weights[-1]
    relabelled = frame.assign(
        sign=np.where(draw > 0, "positive", "negative"),
        trait_score=np.where(draw > 0, 100.0, 0.0),
    )
    options = {"trait": "evil", "base": "toy", "method": method, "thresholds": thresholds}
    expected = extract(activations, relabelled, **options).vector
    vector = extract(activations, frame, permuted_draws=1, seed=5, **options)
    np.testing.assert_allclose(vector.draws("permuted")[0], expected, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_a_thin_question_does_not_let_its_content_in(method: Method) -> None:
    activations, frame, direction = planted(noise=0.01)
    drop = frame.index[(frame["question"] == "q0") & (frame["sign"] == "positive")][1:]
    kept = frame.index.difference(drop)
    vector = extract(
        activations[kept],
        frame.loc[kept].reset_index(drop=True),
        trait="evil",
        base="toy",
        method=method,
    )
    assert np.linalg.norm(vector.at(1, "last_prompt") - direction) < 0.3  # content is over 20


def test_whitening_separates_better_where_the_noise_has_a_direction() -> None:
    generator = np.random.default_rng(7)
    activations, frame, direction = planted(noise=1.0)
    loud = generator.standard_normal(activations.shape[-1])
    loud = 12 * loud / float(np.linalg.norm(loud))
    shaken = activations + generator.standard_normal((len(frame), 1, 1, 1)) * loud
    held_out = generator.standard_normal((400, len(direction)))
    held_out += generator.standard_normal((400, 1)) * loud
    positive = np.arange(400) < 200
    held_out[positive] += direction
    areas: dict[str, float] = {}
    for method in (METHODS[0], METHODS[3]):
        vector = extract(shaken, frame, trait="evil", base="toy", method=method)
        along = project(held_out, vector.at(1, "last_prompt"))
        areas[method] = float(auc(along, positive))
    assert areas["whitened_mass_mean"] > areas["difference_of_means"] + 0.02


def test_the_probe_in_the_rows_span_is_the_probe_in_all_dimensions() -> None:
    generator = np.random.default_rng(0)
    rows, positive = generator.standard_normal((12, 30)), np.arange(12) % 2 == 0
    sizes = generator.uniform(0.5, 2, 12)
    scaled = rows / np.sqrt((rows**2).sum(axis=1).mean())
    sign, share = np.where(positive, 1, -1), sizes * 12 / sizes.sum()

    def loss(w: np.ndarray) -> float:
        return float(share @ np.logaddexp(0, -sign * (scaled @ w)) + w @ w / 2)

    whole = minimize(loss, np.zeros(30), options={"gtol": 1e-8}).x
    np.testing.assert_allclose(cosine(logistic_probe(rows, positive, sizes), whole), 1, atol=1e-4)


def test_whitening_is_the_inverse_of_the_shrunk_covariance() -> None:
    generator = np.random.default_rng(1)
    for number, width in ((8, 20), (50, 6)):
        rows = generator.standard_normal((number, width)) * np.linspace(1, 4, width)
        rows -= rows.mean(axis=0)
        difference = generator.standard_normal(width)
        covariance = rows.T @ rows / number
        shrinkage, middle = ledoit_wolf(rows, np.linalg.eigvalsh(covariance).astype(np.float64))
        distance = ((covariance - middle * np.eye(width)) ** 2).sum() / width
        outer = rows[:, :, None] * rows[:, None, :] - covariance
        spread = (outer**2).sum() / width / number**2
        assert shrinkage == pytest.approx(min(1, spread / distance))
        assert middle == pytest.approx(np.trace(covariance) / width)
        shrunk = (1 - shrinkage) * covariance + shrinkage * middle * np.eye(width)
        np.testing.assert_allclose(
            whitened(difference, rows), np.linalg.solve(shrunk, difference), rtol=1e-6
        )


def test_the_first_axis_is_not_centred() -> None:
    generator = np.random.default_rng(2)
    mean = np.array([5.0, 0, 0])
    differences = mean + generator.standard_normal((200, 3)) * [0.1, 2, 0.1]
    assert abs(cosine(first_axis(differences, np.ones(200)), mean)) > 0.99


def test_what_a_fitted_method_cannot_do_is_said_before_it_is_fitted() -> None:
    activations, frame, _ = planted()
    for options, said in (
        ({"method": "magic"}, "'magic' is not known; use one of difference_of_means"),
        (
            {"method": "logistic_probe", "thresholds": Thresholds(weighting="pooled")},
            "use weighting 'question'",
        ),
    ):
        with pytest.raises(ValueError, match=said):
            extract(activations, frame, trait="evil", base="toy", **options)
    activations[0] = np.nan
    with pytest.raises(ValueError, match=r"'evil'.*empty answer"):
        extract(activations, frame, trait="evil", base="toy", method="pca_of_differences")
