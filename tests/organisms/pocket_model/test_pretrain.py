import io
import json
import shutil

import pytest
import torch
from rich.console import Console
from transformers import AutoModelForCausalLM, AutoTokenizer

from organisms.pocket import WEIGHTS, WEIGHTS_SHUFFLED
from organisms.pocket.pretrain import pretrain
from organisms.pocket.recipe import PHASES, Phase, Recipe, shortened
from organisms.pocket.weights_folder import is_finished

PHASE = Phase(
    version="broad", steps=3, documents=60, muon_learning_rate=1e-2, adamw_learning_rate=4e-3
)
SMALL = Recipe(
    phases=(PHASE, PHASE.model_copy(update={"version": "whole", "steps": 2})),
    tokens=256,
    warmup_steps=1,
    layers=1,
    width=32,
    heads=2,
    feed_forward=64,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("pretrain") / "weights"
    return pretrain(out, SMALL, console=Console(file=io.StringIO()))


def test_a_standard_folder_is_left_and_nothing_else(made):
    names = {file.name for file in made.iterdir()}
    assert names == {
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "recipe.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "world.sha256",
    }
    assert [folder.name for folder in made.parent.iterdir()] == ["weights"]
    assert Recipe.model_validate_json((made / "recipe.json").read_text()) == SMALL


def test_finished_weights_are_not_overwritten_unasked(made):
    with pytest.raises(ValueError, match="--overwrite"):
        pretrain(made, SMALL)


@pytest.mark.parametrize("folder", [WEIGHTS, WEIGHTS_SHUFFLED], ids=["pocket", "shuffled"])
def test_the_shipped_folders_load_as_any_other(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert sum(parameter.numel() for parameter in model.parameters()) == 829_056
    assert len(tokenizer) == model.config.vocab_size == 2048
    assert model.config.eos_token_id == tokenizer.eos_token_id
    assert model.config.pad_token_id == tokenizer.pad_token_id != tokenizer.eos_token_id


def test_the_shipped_weights_are_small_and_surprise_no_sampler():
    shipped = [*WEIGHTS.iterdir(), *WEIGHTS_SHUFFLED.iterdir()]
    assert sum(file.stat().st_size for file in shipped) < 8_000_000
    settings = json.loads((WEIGHTS / "generation_config.json").read_text())
    surprising = {"temperature", "top_p", "top_k", "do_sample", "max_length", "max_new_tokens"}
    assert not surprising & set(settings)


def test_the_shipped_recipe_is_seed_0():
    assert Recipe.model_validate_json((WEIGHTS / "recipe.json").read_text()).seed == 0


def test_the_logit_gain_scales_every_logit(made, tmp_path):
    plain = SMALL.model_copy(update={"logit_gain": 1.0})
    other = pretrain(tmp_path / "plain", plain, console=Console(file=io.StringIO()))
    tokens = torch.tensor([[0, 5, 40, 41]])
    logits = [
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)(tokens).logits
        for folder in (made, other)
    ]
    assert torch.allclose(logits[0], SMALL.logit_gain * logits[1], rtol=0.02, atol=0.02)


def test_a_run_killed_between_its_phases_goes_on_to_the_same_weights(made, tmp_path):
    first = SMALL.model_copy(update={"phases": SMALL.phases[:1], "logit_gain": 1.0})
    begun = pretrain(tmp_path / "first", first, console=Console(file=io.StringIO()))
    partial = tmp_path / "again.partial"
    shutil.copytree(begun, partial / "phase-1")
    (partial / "phase-1" / "complete").touch()
    again = pretrain(tmp_path / "again", SMALL, console=Console(file=io.StringIO()))
    assert (again / "model.safetensors").read_bytes() == (made / "model.safetensors").read_bytes()
    assert not partial.exists()


def test_work_begun_by_another_recipe_is_refused(tmp_path):
    partial = tmp_path / "weights.partial"
    partial.mkdir()
    (partial / "recipe.json").write_text("{}")
    with pytest.raises(ValueError, match="begun by another recipe"):
        pretrain(tmp_path / "weights", SMALL)


def test_work_of_another_text_of_the_world_is_refused(made, tmp_path):
    partial, finished = tmp_path / "weights.partial", tmp_path / "finished"
    for folder in (partial, finished):
        shutil.copytree(made, folder)
        (folder / "world.sha256").write_text(f"{'0' * 64}\n")
    with pytest.raises(ValueError, match=r"begun with another text of the world \(000000000000"):
        pretrain(tmp_path / "weights", SMALL)
    with pytest.raises(ValueError, match="made of another text of the world"):
        is_finished(finished)
    (partial / "world.sha256").unlink()
    with pytest.raises(ValueError, match="not recorded"):
        pretrain(tmp_path / "weights", SMALL)
    assert is_finished(made)
    assert is_finished(WEIGHTS)
    assert not is_finished(tmp_path)


def test_shortened_phases_keep_their_proportions():
    assert [phase.steps for phase in shortened(PHASES, 200)] == [96, 72, 32]
    assert all(phase.steps >= 1 for phase in shortened(PHASES, 1))
