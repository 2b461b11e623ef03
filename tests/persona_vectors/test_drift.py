"""Drift: a planted movement is many null standard deviations, one at random is not."""

from __future__ import annotations

import numpy as np
import pytest

from persona_vectors.drift import Drift

WIDTH, TEXTS = 30, 200


def world(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The base's activations, wide along some axes, and a direction in their span."""
    generator = np.random.default_rng(seed)
    scales = np.geomspace(3.0, 0.3, WIDTH)
    return generator.standard_normal((TEXTS, WIDTH)) * scales + 5, generator.standard_normal(WIDTH)


def test_the_shift_is_in_residual_units_and_the_null_is_the_spread_of_unit_directions() -> None:
    base, direction = world()
    drift = Drift(base, {"evil": direction, "kind": -direction})
    moved = base + 0.5 * direction / np.linalg.norm(direction)
    evil, kind = drift.read(moved)
    assert evil.shift == pytest.approx(0.5)
    assert kind.shift == pytest.approx(-0.5)
    assert evil.null_sd == kind.null_sd < 0.25
    assert evil.drift == pytest.approx(evil.shift / evil.null_sd) == pytest.approx(-kind.drift)
    twice = drift.read(base + direction / np.linalg.norm(direction))[0]
    assert twice.drift == pytest.approx(evil.drift)  # whatever the size of the change
    assert drift.read(base)[0].drift == 0.0


def test_a_change_at_random_seldom_reaches_three_standard_deviations() -> None:
    base, direction = world()
    drift = Drift(base, {"evil": direction})
    generator = np.random.default_rng(1)
    found = [
        drift.read(base + base[generator.integers(TEXTS, size=TEXTS)].mean(0) - 5)[0].drift
        for _ in range(300)
    ]
    assert np.mean(np.abs(found) >= 3) < 0.05


def test_what_has_no_spread_or_no_direction_is_refused() -> None:
    base, direction = world()
    with pytest.raises(ValueError, match="at least 8"):
        Drift(base[:5], {"evil": direction})
    with pytest.raises(ValueError, match="same on every text"):
        Drift(np.ones((20, WIDTH)), {"evil": direction})
    with pytest.raises(ValueError, match="not zero"):
        Drift(base, {"evil": np.zeros(WIDTH)})
    with pytest.raises(ValueError, match="width 30"):
        Drift(base, {"evil": direction[:4]})
