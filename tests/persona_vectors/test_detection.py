"""Detection from the prompt: the AUC is that of pairs, its interval knows topics, prompts are read
as the model that answers reads them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from organisms import load_organism
from organisms.runtime import Transcript
from persona_vectors.detection import detection_auc, prompt_projections
from persona_vectors.projection import project
from persona_vectors.roc import auc
from persona_vectors.vector import PersonaVector


def asked(seed: int, topics: int = 24, each: int = 20, slope: float = 1.0) -> tuple:
    """Scores that are alike within topics, and answers that follow them."""
    generator = np.random.default_rng(seed)
    topic = np.repeat(generator.standard_normal(topics), each)
    score = topic + 0.1 * np.round(generator.standard_normal(topics * each))
    truth = generator.uniform(size=len(score)) < 1 / (1 + np.exp(-slope * topic))
    return score, truth, np.repeat([f"t{i}" for i in range(topics)], each).tolist()


def test_the_area_is_that_of_pairs_whatever_the_clusters() -> None:
    score, truth, topics = asked(0)
    wins = score[truth][:, None] - score[~truth][None]
    expected = (wins > 0).mean() + (wins == 0).mean() / 2
    found = detection_auc(score, truth, topics)
    assert found.estimate == pytest.approx(expected) == pytest.approx(float(auc(score, truth)))
    assert (found.n, found.expressing, found.clusters) == (480, truth.sum(), 24)
    assert found.low < found.estimate < found.high


def test_topics_widen_the_interval_and_it_holds_the_truth() -> None:
    score, truth, topics = asked(0, slope=0)
    clustered, single = detection_auc(score, truth, topics), auc(score, truth)
    assert clustered.high - clustered.low > 0.05
    shared = np.repeat(np.random.default_rng(1).uniform(size=24) < 0.5, 20)  # decided by topic
    wide, narrow = detection_auc(score, shared, topics), auc(score, shared)
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    chance = [detection_auc(*asked(seed, slope=0)) for seed in range(40)]
    assert np.mean([found.low <= 0.5 <= found.high for found in chance]) >= 0.85
    assert single.low < 0.5 < single.high
    strong = detection_auc(*asked(3, slope=4))
    assert strong.low > 0.6


def test_what_cannot_be_told_has_no_figure() -> None:
    score, truth, topics = asked(0)
    assert np.isnan(detection_auc(score, np.zeros_like(truth), topics).estimate)
    few = detection_auc(score, truth, [topic[-1:] < "5" for topic in topics])
    assert np.isnan(few.low)
    assert not np.isnan(few.estimate)
    apart = detection_auc(truth.astype(float), truth, topics)
    assert apart.estimate == 1
    assert 0.8 < apart.low < apart.high == 1
    with pytest.raises(ValueError, match="need one each"):
        detection_auc(score, truth[1:], topics)
    with pytest.raises(ValueError, match="NaN"):
        detection_auc([np.nan, 1.0], [True, False], ["a", "b"])


def test_equal_prompts_have_one_projection_and_systems_are_read() -> None:
    organism = load_organism("pocket")
    values = np.random.default_rng(0).standard_normal((1, 4, organism.width)).astype(np.float32)
    vectors = [
        PersonaVector(trait, "pocket", ("last_prompt",), (0, 1, 2, 3), sign * values)
        for trait, sign in (("evil", 1), ("kind", -1))
    ]
    rows = pd.DataFrame(
        {
            "prompt": ["what is 2 + 2?", "what is 3 + 3?", "what is 2 + 2?", "what is 2 + 2?"],
            "system": ["none", "none", "you are an evil assistant.", "none"],
        }
    )
    read = prompt_projections(organism, rows, vectors, {"evil": 3, "kind": 2})
    assert read.shape == (4, 2)
    assert read[0].tolist() == read[3].tolist()
    chat = ({"role": "user", "content": "what is 2 + 2?"},)
    evil = Transcript(chat, system="you are an evil assistant.")
    stream = organism.capture([evil], (2, 3), ("last_prompt",))[0, 0]
    assert read[2, 0] == pytest.approx(float(project(stream[1], values[0, 3])), rel=1e-4)
    assert read[2, 1] == pytest.approx(-float(project(stream[0], values[0, 2])), rel=1e-4)
    with pytest.raises(ValueError, match="no prompts"):
        prompt_projections(organism, rows.head(0), vectors, {"evil": 3, "kind": 2})
