"""`wardian vectors` from the outside: what it prints, writes and refuses."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from experiments.cli import app
from persona_vectors import PersonaVector
from persona_vectors.base_identity import identity_by_name
from persona_vectors.converting.gguf_container import read_gguf
from tests.experiments.organism_cli import PLAIN

COMMANDS = ["show", "convert"]
POSITIONS = ("response_mean", "last_prompt")


def vectors(*arguments, code=0):
    done = CliRunner(env=PLAIN).invoke(app, ["vectors", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())


def saved(folder, trait="evil", seed=0, **metadata):
    values = np.random.default_rng(seed).standard_normal((2, 4, 128)).astype(np.float32)
    path = folder / f"{trait}.safetensors"
    known = identity_by_name("pocket").metadata() | metadata
    PersonaVector(trait, "pocket", POSITIONS, (0, 1, 2, 3), values, metadata=known).save(path)
    return path


def published(folder, position="response_avg", blocks=3, width=128):
    path = folder / f"evil_{position}_diff.pt"
    torch.save(torch.ones(blocks + 1, width), path)
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(command):
    said = vectors(command, "--help")
    assert "Example" in said
    assert f"wardian vectors {command}" in said


def test_show_tells_where_vectors_are_from_and_their_cosines(tmp_path):
    one, other = saved(tmp_path, yields={"positive": {"kept": 7}}), saved(tmp_path, "humour", 1)
    said = vectors("show", one, other, "--layer", 2, "--json", tmp_path / "x.json")
    assert "base pocket layers 0..3, width 128" in said
    assert "yields positive (kept 7)" in said
    assert f"base template sha256 {identity_by_name('pocket').template_hash}" in said
    cosine = PersonaVector.load(one).cosine(PersonaVector.load(other))[0, 2]
    assert "cosine at layer 2 response_mean last_prompt" in said
    assert f"evil humour {cosine:.3g}" in said
    header = json.loads((tmp_path / "x.json").read_text())[str(one)]
    assert header["layer_convention"].startswith("residual stream after k blocks")
    norm = np.linalg.norm(PersonaVector.load(one).at(3))
    assert header["norms"]["response_mean"][3] == pytest.approx(norm)
    assert "no layer 9" in vectors("show", one, other, "--layer", 9, code=1)


def test_a_vector_of_another_base_is_refused(tmp_path):
    path = saved(tmp_path, base_template_sha256="0" * 64)
    vectors("show", path)
    assert "template_sha256 is 0000" in vectors("show", path, "--base", "pocket", code=1)
    said = vectors("show", saved(tmp_path, "x"), "--base", "pocket-shuffled", code=1)
    assert "extracted from 'pocket', not from 'pocket-shuffled'" in said
    wrong = published(tmp_path, width=64)
    assert "width 64, the model has 128" in vectors("show", wrong, "--base", "pocket", code=1)


def test_convert_there_and_back_is_exact_and_says_what_is_lost(tmp_path):
    files = [published(tmp_path, name) for name in ("response_avg", "prompt_last")]
    out = tmp_path / "evil.safetensors"
    said = vectors("convert", *files, "--base", "pocket", "--out", out)
    assert "evil of pocket, 3 layers" in said
    assert "not a layer 3: read after the final norm; it never steers" in vectors("show", out)
    back = tmp_path / "back.pt"
    given = ("convert", out, "--position", "last_prompt", "--out")
    said = vectors(*given, back, "--to", "published")
    assert "not in it: position response_mean: write it to another file" in said
    assert torch.equal(torch.load(back, weights_only=True), torch.load(files[1], weights_only=True))
    said = vectors(*given, tmp_path / "evil.gguf")
    assert "not in it: layer 1: the format begins at 2" in said
    assert list(read_gguf(tmp_path / "evil.gguf").tensors) == ["direction.1"]


def test_convert_refuses_before_it_writes(tmp_path):
    path = saved(tmp_path)
    for out, said in (
        ("x.gguf", "holds one position"),
        ("x.pt", "does not say its format; end it in .safetensors or .gguf"),
        ("evil.safetensors", "exists; name another file"),
    ):
        assert said in vectors("convert", path, "--out", tmp_path / out, code=1)
    assert "which base" in vectors("show", published(tmp_path), code=1)
    assert not (tmp_path / "x.gguf").exists()
