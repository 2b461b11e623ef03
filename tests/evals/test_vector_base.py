"""A vector steers the base that it is of, a merged organism of it, and nothing that it is known not
to be of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evals.conditions import Condition, SteeringConfig
from evals.engines import check_condition, shared_engine
from persona_vectors.base_identity import identity_by_name, rebased
from persona_vectors.vector import PersonaVector, VectorError


@pytest.fixture
def known(base: str, vector_file: str) -> PersonaVector:
    """The vector with the identity of its base."""
    identity = identity_by_name(base)
    return replace(PersonaVector.load(vector_file), base=base, metadata=identity.metadata())


def _check(model: str, vector: PersonaVector, file: Path) -> None:
    vector.save(file)
    steering = SteeringConfig(vector_file=str(file), layer=1, coefficient=1.0)
    check_condition(shared_engine(model), Condition(key="x", steering=(steering,)), "none")


def test_a_merged_organism_is_steered_by_its_bases_vector(
    base: str, merged: str, known: PersonaVector, tmp_path: Path
) -> None:
    _check(base, known, tmp_path / "evil.safetensors")
    _check(merged, known, tmp_path / "evil.safetensors")


def test_a_vector_of_another_base_is_refused_with_both_names_and_a_way_out(
    base: str, known: PersonaVector, tmp_path: Path
) -> None:
    file = tmp_path / "evil.safetensors"
    metadata = {**known.metadata, "base_template_sha256": "0" * 64}
    other = replace(known, base="org/other", metadata=metadata)
    with pytest.raises(ValueError, match="from 'org/other' and is used on ") as refused:
        _check(base, other, file)
    said = str(refused.value)
    assert "condition 'x'" in said
    assert "template_sha256 is 000000000000 there" in said
    assert f"wardian vectors convert {file} --base {base} --rebase" in said
    taken = rebased(other, identity_by_name(base))
    assert taken.metadata["extracted_from"] == "org/other"
    _check(base, taken, file)


def test_bases_that_differ_in_their_weights_alone_are_told_by_name() -> None:
    pocket = identity_by_name("pocket")
    assert pocket.config_hash == identity_by_name("pocket-shuffled").config_hash
    ones = np.ones((1, 1, 128), dtype=np.float32)
    vector = PersonaVector(
        "evil", "pocket-shuffled", ("last_prompt",), (1,), ones, metadata=pocket.metadata()
    )
    with pytest.raises(VectorError, match="they are different models"):
        pocket.check_steering(vector, "evil.safetensors")
