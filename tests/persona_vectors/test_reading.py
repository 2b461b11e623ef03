"""Rows are captured in order, whatever the size of a chunk, by the model that was named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from organisms.runtime import Organism
from persona_vectors import reading
from persona_vectors.reading import captured, transcripts
from tests.organisms.runtime.tiny_models import make_model, make_organism, save_adapter


@pytest.fixture
def adapted(tmp_path) -> Organism:
    organism = make_organism()
    organism.add_adapter("bad", save_adapter(make_model(), tmp_path / "bad", seed=3))
    return organism


@pytest.mark.parametrize("adapter", [None, "bad"])
def test_chunks_are_the_rows_read_at_once(adapted, monkeypatch, adapter):
    rows = pd.DataFrame({"prompt": list("abcde"), "answer": ["yes", "no", "so", "oh", "ah"]})
    asked = {"layers": (1, 3), "positions": ("response_mean", "last_prompt"), "batch_size": 2}
    monkeypatch.setattr(reading, "CHUNK", 2)
    numbers = np.array([4, 0, 3, 1, 2])
    parts = list(captured(adapted, rows, numbers, adapter=adapter, **asked))
    assert [len(part) for part, _ in parts] == [2, 2, 1]
    assert np.concatenate([part for part, _ in parts]).tolist() == numbers.tolist()
    found = np.concatenate([activations for _, activations in parts])
    whole, other = (
        adapted.capture(transcripts(rows.iloc[numbers], adapter=name), **asked)
        for name in (adapter, None if adapter else "bad")
    )
    np.testing.assert_allclose(found, whole, atol=1e-5)
    assert np.abs(found - other).max() > 1e-3
