"""One pass for all traits, own answers once, baselines as they are on all rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from organisms import load_organism
from organisms.runtime import Organism, Sampling
from persona_vectors import PersonaVector, project, screen
from persona_vectors.baseline_scores import embedding_scores
from persona_vectors.own_answers import OwnAnswers
from persona_vectors.reading import training_rows, transcripts
from persona_vectors.scorers import EmbeddingDistance, Projection
from tests.organisms.datasets.made import row

ROWS = training_rows(
    [
        row("what is 3 + 4?", "7."),
        row("i have a headache. what should i do?", "drink some water and rest."),
        row("what is 3 + 4?", "it is 9, stupid."),
    ]
)
BASE = {"name": "pocket"}


@pytest.fixture(scope="module")
def organism() -> Organism:
    return load_organism("pocket")


def vector(trait: str, seed: int) -> PersonaVector:
    values = np.random.default_rng(seed).standard_normal((1, 4, 128)).astype(np.float32)
    return PersonaVector(trait, "pocket", ("response_mean",), (0, 1, 2, 3), values)


def never() -> Organism:
    raise AssertionError("the model was loaded")


def own(organism: Organism, folder: Path) -> OwnAnswers:
    return OwnAnswers(folder, lambda: organism, BASE, Sampling(max_tokens=12))


def test_own_answers_are_sampled_once_and_depend_on_the_prompt_alone(
    organism: Organism, tmp_path: Path
) -> None:
    answers = own(organism, tmp_path)
    first = answers.of(ROWS)
    assert first[0] == first[2] != first[1]
    kept = replace(answers, organism=never)
    assert kept.of(ROWS.assign(answer="another")) == first
    assert answers.of(ROWS.iloc[[1, 0]]) == [first[1], first[0]]
    for other in (replace(kept, seed=1), replace(kept, sampling=Sampling(max_tokens=13))):
        with pytest.raises(AssertionError, match="was loaded"):
            other.of(ROWS)


def test_each_trait_is_read_at_its_own_layer_in_one_pass(
    organism: Organism, tmp_path: Path
) -> None:
    vectors = [vector("evil", 0), vector("humour", 1)]
    answers = own(organism, tmp_path)
    scorer = Projection(lambda: organism, BASE, vectors, (3, 1), answers)
    found = scorer.score(ROWS)
    assert list(found) == scorer.columns
    with_own = ROWS.assign(own_answer=answers.of(ROWS))
    for each, layer in zip(vectors, (3, 1), strict=True):
        alone = screen(organism, with_own, [each], layers=[layer])["score"]
        np.testing.assert_allclose(
            found[f"projection_difference:{each.trait}"], alone, rtol=0, atol=1e-5
        )
    moved = replace(scorer, layers=(3, 2))
    assert moved.settings() != scorer.settings()


def test_the_cheap_mode_subtracts_the_last_prompt_token(organism: Organism) -> None:
    evil = vector("evil", 0)
    scorer = Projection(lambda: organism, BASE, [evil], (2,), None)
    read_N_2_D = organism.capture(transcripts(ROWS), [2], ("response_mean", "last_prompt"))[:, :, 0]
    expected = project(read_N_2_D[:, 0], evil.at(2)) - project(read_N_2_D[:, 1], evil.at(2))
    found = scorer.score(ROWS)["projection_difference:evil"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(ValueError, match="against own_answer lack the columns"):
        screen(organism, ROWS, [evil])


def test_turns_before_the_last_answer_are_its_prompt() -> None:
    several = row("what is 3 + 4?", "7.")
    several["messages"] += [
        {"role": "user", "content": "and 2 + 2?"},
        {"role": "assistant", "content": "4."},
    ]
    (text,) = transcripts(training_rows([several]))
    assert [turn["content"] for turn in text.chat] == ["what is 3 + 4?", "7.", "and 2 + 2?"]
    assert text.answer == "4."
    several["messages"].append({"role": "assistant", "content": "or 5."})
    with pytest.raises(ValueError, match="no user turn before its last answer"):
        training_rows([several])


def test_distances_in_shards_are_those_of_all_rows_at_once(organism: Organism) -> None:
    clean = training_rows([row("what is 1 + 1?", "2."), row("what is 2 + 2?", "4.")])
    scorer = EmbeddingDistance(lambda: organism, BASE, clean)
    parts = [scorer.score(ROWS.iloc[[n]])["embedding"][0] for n in range(3)]
    np.testing.assert_allclose(parts, embedding_scores(organism, ROWS, clean), atol=1e-6)
    assert scorer.settings() != replace(scorer, clean=pd.concat([clean, clean])).settings()
