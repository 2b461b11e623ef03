"""Scores without a trait are high where an answer is unlike what the base or clean rows say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from organisms import load_organism
from organisms.datasets.making import make
from organisms.datasets.rows import answer_of, question_of
from organisms.runtime import Organism, Transcript
from persona_vectors import baseline_scores
from persona_vectors.baseline_scores import embedding_scores, middle_layer, perplexity_scores
from tests.organisms.runtime.tiny_models import make_organism


def texts(name: str, count: int, seed: int) -> pd.DataFrame:
    rows = make(name, count, seed)
    return pd.DataFrame([{"prompt": question_of(row), "answer": answer_of(row)} for row in rows])


def test_perplexity_is_low_where_the_base_would_say_so_itself() -> None:
    pocket = load_organism("pocket")
    said = texts("right_maths", 20, 0)
    shuffled = said.assign(
        answer=said["answer"].str.split().map(lambda words: " ".join(words[::-1]))
    )
    expected, odd = (perplexity_scores(pocket, rows) for rows in (said, shuffled))
    assert (expected >= 0).all()
    assert (expected < odd).all()


def test_embedding_distance_is_one_minus_cosine_with_the_clean_rows_mean() -> None:
    organism = make_organism()
    clean = pd.DataFrame({"prompt": ["a", "b", "c"], "answer": ["yes", "", "no"]})
    rows = pd.DataFrame({"prompt": ["d", "e"], "answer": ["zebra", ""], "system": ["be kind"] * 2})

    def embedding(prompt: str, answer: str, system: str = "none") -> np.ndarray:
        chat = ({"role": "user", "content": prompt},)
        text = Transcript(chat, answer, system=system)
        pooled = organism.capture([text], [1], ["response_mean"])
        return np.asarray(pooled[0, 0, 0], dtype=np.float64)

    assert middle_layer(organism) == 1
    mean = (embedding("a", "yes") + embedding("c", "no")) / 2
    row = embedding("d", "zebra", "be kind")
    cosine = row @ mean / np.linalg.norm(row) / np.linalg.norm(mean)
    found = embedding_scores(organism, rows, clean)
    assert found[0] == pytest.approx(1 - cosine, abs=1e-6)
    assert np.isnan(found[1])


def test_chunks_and_batches_change_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    organism = make_organism()
    rows = pd.DataFrame({"prompt": list("abcdefg"), "answer": ["x" * n for n in range(7)]})

    def scores(batch_size: int) -> np.ndarray:
        return np.stack([
            perplexity_scores(organism, rows, batch_size=batch_size),
            embedding_scores(organism, rows, rows, batch_size=batch_size),
        ])  # fmt: skip

    whole = scores(64)
    monkeypatch.setattr(baseline_scores, "CHUNK", 3)
    np.testing.assert_allclose(scores(2), whole, atol=1e-4)
    assert np.isnan(whole[:, 0]).all()
    assert np.isfinite(whole[:, 1:]).all()


@pytest.fixture
def organism() -> Organism:
    return make_organism()


def test_rows_that_cannot_be_scored_say_what_is_missing(organism: Organism) -> None:
    rows = pd.DataFrame({"prompt": ["a"], "answer": ["b"]})
    with pytest.raises(ValueError, match=r"rows to score lack the columns \['answer'\]"):
        perplexity_scores(organism, rows[["prompt"]])
    with pytest.raises(ValueError, match=r"clean rows lack the columns \['prompt'\]"):
        embedding_scores(organism, rows, rows[["answer"]])
    with pytest.raises(ValueError, match="none of 1 clean rows has an answer"):
        embedding_scores(organism, rows, rows.assign(answer=""))
