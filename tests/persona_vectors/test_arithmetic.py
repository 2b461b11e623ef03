"""Sums and orthogonal parts of vectors, and the refusal to mix what has no common space."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from organisms import load_organism
from persona_vectors.base_identity import identity_by_name, identity_of
from persona_vectors.projection import project
from persona_vectors.vector import PersonaVector, VectorError


def vector(trait: str, seed: int, **options: object) -> PersonaVector:
    values = np.random.default_rng(seed).standard_normal((2, 3, 8)).astype(np.float32)
    values[:, 0] = 0
    return PersonaVector(
        trait,
        "toy",
        ("response_mean", "last_prompt"),
        (0, 1, 2),
        values,
        residual_norm={"response": np.ones(3, np.float32)},
        metadata={"base_config_sha256": "a", "yields": {}, **options},
    ).with_draws("random", values[None])


def test_sums_differences_and_multiples_are_those_of_the_directions() -> None:
    evil, humour = vector("evil", 0), vector("humour", 1)
    mixed = 2 * evil - humour + evil
    np.testing.assert_allclose(mixed.vector, 3 * evil.vector - humour.vector, rtol=1e-5, atol=1e-6)
    assert mixed.trait == "2*evil-humour+evil"
    assert mixed.metadata == {"base_config_sha256": "a", "made_of": mixed.trait}
    assert not mixed.directions  # a null of a part is none of the sum
    np.testing.assert_array_equal((-evil).draws("random"), -evil.draws("random"))
    np.testing.assert_allclose(evil.cosine(-evil)[:, 1:], -1)
    assert np.isnan(evil.cosine(humour)[:, 0]).all()


def test_the_orthogonal_part_holds_nothing_of_the_others() -> None:
    evil, humour, apathy = (vector(name, seed) for seed, name in enumerate("abc"))
    rest = evil.orthogonalise(humour, apathy)
    for other in (humour, apathy):
        np.testing.assert_allclose(rest.cosine(other)[:, 1:], 0, atol=1e-6)
    inside = np.linalg.norm(evil.vector - rest.vector, axis=-1)
    np.testing.assert_allclose(np.hypot(inside, rest.norms()), evil.norms(), rtol=1e-5)
    with pytest.raises(VectorError, match="nothing is left"):
        (2 * humour - apathy).orthogonalise(humour, apathy, humour)
    with pytest.raises(VectorError, match="at least one"):
        evil.orthogonalise()


def test_vectors_without_a_common_space_are_not_mixed() -> None:
    evil = vector("evil", 0)
    with pytest.raises(VectorError, match=r"base 'toy'.*'other'.*extract both from one base"):
        evil + replace(vector("humour", 1), base="other")
    with pytest.raises(VectorError, match=r"base_config_sha256 'a'.*'b'"):
        evil.cosine(vector("humour", 1, base_config_sha256="b"))
    part = evil.select(["last_prompt"], [1, 2])
    with pytest.raises(VectorError, match=r"positions .*select\(positions, layers\)"):
        evil - part
    np.testing.assert_array_equal(part.at(2, "last_prompt"), evil.at(2, "last_prompt"))
    assert part.residual_norm_at(2) == 1.0
    with pytest.raises(TypeError):
        evil + 1  # type: ignore[operator]


def test_a_base_is_known_by_its_config_and_template_without_its_weights() -> None:
    organism = load_organism("pocket")
    assert identity_of(organism) == identity_by_name("pocket")
    organism.tokenizer.chat_template += " "
    changed = identity_of(organism)
    assert changed.config_hash == identity_by_name("pocket").config_hash
    assert changed.template_hash != identity_by_name("pocket").template_hash
    with pytest.raises(ValueError, match="cannot be read"):
        identity_by_name("nobody/nothing")


def test_a_whole_vector_in_place_of_a_direction_is_told_apart() -> None:
    evil = vector("evil", 0)
    assert repr(evil) == (
        "PersonaVector('evil' of 'toy': response_mean, last_prompt at layers 0..2, width 8)"
    )
    with pytest.raises(TypeError, match=r"give one of them: vector.at\(layer, position\)"):
        project(np.ones((3, 8)), evil)  # type: ignore[arg-type]
