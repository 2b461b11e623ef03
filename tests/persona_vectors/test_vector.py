"""The vector file: exact round trips, equal bytes, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from persona_vectors.projection import cosine, project, unit
from persona_vectors.vector import PersonaVector, VectorError, direction_name


@pytest.fixture
def vector() -> PersonaVector:
    generator = np.random.default_rng(0)
    return PersonaVector(
        trait="evil",
        base="toy",
        positions=("response_mean", "last_prompt"),
        layers=(0, 1, 2),
        vector=generator.standard_normal((2, 3, 8)).astype(np.float32),
        residual_norm={"response": np.array([1.0, 2.0, 3.0], dtype=np.float32)},
        split_half_cosine=np.array([[np.nan, 0.9, 0.8]] * 2, dtype=np.float32),
        metadata={"thresholds": {"trait": 50.0}, "note": "ünï"},
    ).with_draws("random", generator.standard_normal((12, 2, 3, 8)).astype(np.float32))


def test_round_trip_is_exact_and_bytes_are_equal(vector: PersonaVector, tmp_path: Path) -> None:
    vector.save(tmp_path / "a.safetensors")
    found = PersonaVector.load(tmp_path / "a.safetensors", base="toy", width=8, number_of_layers=2)
    found.save(tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    np.testing.assert_array_equal(found.vector, vector.vector)
    np.testing.assert_array_equal(found.draws("random"), vector.draws("random"))
    assert found.split_half_cosine is not None
    np.testing.assert_array_equal(found.split_half_cosine, vector.split_half_cosine)
    assert found.metadata == vector.metadata
    assert found.residual_norm_at(2) == 3.0
    assert [path.name for path in tmp_path.iterdir()] != []
    assert not list(tmp_path.glob("*.partial"))


def test_one_named_direction_can_be_read_alone(vector: PersonaVector, tmp_path: Path) -> None:
    vector.save(tmp_path / "v")
    found = PersonaVector.load(tmp_path / "v", directions=["random-007"])
    assert list(found.directions) == ["random-007"]
    np.testing.assert_array_equal(
        found.at(2, "last_prompt", direction_name("random", 7)),
        vector.draws("random")[7, 1, 2],
    )


def test_what_is_not_there_is_named(vector: PersonaVector, tmp_path: Path) -> None:
    with pytest.raises(VectorError, match=r"no layer 7.*\[0, 1, 2\]"):
        vector.at(7, "last_prompt")
    with pytest.raises(VectorError, match=r"no position 'prompt_mean'"):
        vector.at(1, "prompt_mean")
    with pytest.raises(VectorError, match=r"no direction 'random-099'.*13 in all"):
        vector.at(1, "last_prompt", "random-099")
    with pytest.raises(VectorError, match="holds no 'permuted'"):
        vector.draws("permuted")
    with pytest.raises(VectorError, match=r"'last_prompt'.*neutral answers"):
        vector.residual_norm_at(1, "last_prompt")
    with pytest.raises(VectorError, match="extract it first"):
        PersonaVector.load(tmp_path / "absent")


def test_a_file_for_something_else_is_refused(vector: PersonaVector, tmp_path: Path) -> None:
    path = tmp_path / "v"
    vector.save(path)
    with pytest.raises(VectorError, match=r"extracted from 'toy', not from 'other'"):
        PersonaVector.load(path, base="other")
    with pytest.raises(VectorError, match="width 8, the model has 16"):
        PersonaVector.load(path, width=16)
    with pytest.raises(VectorError, match=r"layer 2, the model has layers 0\.\.1"):
        PersonaVector.load(path, number_of_layers=1)


@pytest.mark.parametrize("damage", ["cut", "header", "empty", "text"])
def test_a_corrupt_file_is_one_clear_error(
    vector: PersonaVector, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "v"
    vector.save(path)
    content = path.read_bytes()
    path.write_bytes(
        {
            "cut": content[:-10],
            "header": content[:20] + b"x" * 10 + content[30:],
            "empty": b"",
            "text": b"hello " * 10,
        }[damage]
    )
    with pytest.raises(VectorError, match="not a readable vector file"):
        PersonaVector.load(path)


def test_nan_and_wrong_shapes_never_become_a_vector(vector: PersonaVector) -> None:
    with pytest.raises(VectorError, match="NaN"):
        PersonaVector("evil", "toy", ("last_prompt",), (0,), np.full((1, 1, 4), np.nan, np.float32))
    with pytest.raises(VectorError, match="need"):
        PersonaVector("evil", "toy", ("last_prompt",), (0, 1), np.ones((1, 1, 4), np.float32))
    with pytest.raises(VectorError, match="direction 'x'"):
        vector.with_directions({"x": np.ones((1, 3, 8), np.float32)})


def test_projection_is_linear_and_ignores_the_vectors_length() -> None:
    generator = np.random.default_rng(1)
    activations, vector = generator.standard_normal((5, 3, 8)), generator.standard_normal(8)
    np.testing.assert_allclose(project(activations, 7 * vector), project(activations, vector))
    np.testing.assert_allclose(project(2 * activations, vector), 2 * project(activations, vector))
    np.testing.assert_allclose(project(vector, vector), np.linalg.norm(vector))
    assert cosine(vector, -3 * vector) == -1.0


def test_a_direction_that_points_nowhere_is_refused_alone_and_nan_among_others() -> None:
    with pytest.raises(ValueError, match="points nowhere"):
        unit(np.zeros(4))
    with pytest.raises(ValueError, match="NaN"):
        unit(np.array([1.0, np.nan]))
    assert np.isnan(project(np.ones((2, 4)), np.array([np.zeros(4), np.ones(4)]))).tolist() == [
        True,
        False,
    ]
    with pytest.raises(ValueError, match="width"):
        project(np.ones(3), np.ones(4))
