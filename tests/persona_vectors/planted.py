"""Activations with a known direction in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

WIDTH = 24
LAYERS = 3


def planted(
    seed: int = 0,
    *,
    questions: int = 12,
    samples: int = 8,
    size: float = 3.0,
    noise: float = 1.0,
) -> tuple[NDArray[np.float32], pd.DataFrame, NDArray[np.float64]]:
    """Activations [N, 3, LAYERS, WIDTH], their scored rollouts, and the direction [WIDTH] planted.

    Every question has content of its own, larger than the direction; layer 0 does not vary.
    """
    generator = np.random.default_rng(seed)
    direction = generator.standard_normal(WIDTH)
    direction *= size / np.linalg.norm(direction)
    content = 5 * generator.standard_normal((questions, WIDTH))
    rows, activations = [], []
    for question in range(questions):
        for sign in ("positive", "negative"):
            for _ in range(samples):
                half = direction / 2 if sign == "positive" else -direction / 2
                activation = np.empty((3, LAYERS, WIDTH))
                activation[:] = content[question] + half
                activation += noise * generator.standard_normal(activation.shape)
                activation[:, 0] = 1.0
                activations.append(activation)
                rows.append(
                    {
                        "question": f"q{question}",
                        "topic": f"t{question}",
                        "sign": sign,
                        "trait_score": 100.0 if sign == "positive" else 0.0,
                        "coherence": 100.0,
                    }
                )
    return np.array(activations, dtype=np.float32), pd.DataFrame(rows), direction
