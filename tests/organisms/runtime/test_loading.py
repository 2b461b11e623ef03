"""Bases load from folders and the hub's cache as safetensors, or say in one line why not."""

import json
import shutil

import huggingface_hub.constants
import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file

from organisms import load_organism
from organisms.runtime.organism import Organism
from organisms.runtime.requests import Request
from tests.organisms.runtime.tiny_models import (
    make_model,
    make_organism,
    make_tokenizer,
    save_adapter,
)

CHAT = ({"role": "user", "content": "what now"},)


@pytest.fixture
def folder(tmp_path):
    """The tiny Olmo2 as a transformers folder."""
    make_model().save_pretrained(tmp_path / "tiny")
    make_tokenizer().save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def put_in_hub_cache(cache, repo, files):
    """Lay out a folder as the hub's client leaves it after a download."""
    stored = cache / f"models--{repo.replace('/', '--')}"
    shutil.copytree(files, stored / "snapshots" / "abc123")
    (stored / "refs").mkdir()
    (stored / "refs" / "main").write_text("abc123")


def edit(file, **changes):
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_the_embedded_base_loads_by_its_name():
    pocket = load_organism("pocket")
    assert (pocket.base, pocket.number_of_layers, pocket.width) == ("pocket", 3, 128)


def test_a_base_and_an_adapter_load_by_hub_id_without_a_network(folder, tmp_path, monkeypatch):
    cache = tmp_path / "hub"
    adapter = save_adapter(make_model(), tmp_path / "adapter", 0)
    edit(adapter / "adapter_config.json", base_model_name_or_path="org/tiny")
    put_in_hub_cache(cache, "org/tiny", folder)
    put_in_hub_cache(cache, "org/turned", adapter)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    organism = Organism.load("org/tiny", {"turned": "org/turned"})
    local = make_organism()
    local.add_adapter("turned", adapter)
    requests = [Request(CHAT), Request(CHAT, adapter="turned")]
    np.testing.assert_allclose(organism.logits(requests), local.logits(requests), atol=1e-5)
    with pytest.raises(ValueError, match="'org/none' cannot be loaded"):
        Organism.load("org/none")
    with pytest.raises(ValueError, match="'org/none' is neither a folder nor a hub id with"):
        organism.add_adapter("none", "org/none")


def test_a_merged_model_answers_as_base_and_adapter_do(folder, tmp_path):
    path = save_adapter(make_model(), tmp_path / "adapter", 0)
    merged = PeftModel.from_pretrained(make_model(), str(path)).merge_and_unload()
    merged.save_pretrained(tmp_path / "merged")
    with pytest.raises(ValueError, match=r"tokenizer of .*merged' cannot .*tokenizer=BASE"):
        Organism.load(str(tmp_path / "merged"))
    organism = Organism.load(str(tmp_path / "merged"), tokenizer=str(folder))
    apart = make_organism()
    apart.add_adapter("one", path)
    np.testing.assert_allclose(
        organism.logits([Request(CHAT)]), apart.logits([Request(CHAT, adapter="one")]), atol=1e-4
    )
    with pytest.raises(ValueError, match=r"is a full model; load it as a base of its own"):
        apart.add_adapter("merged", tmp_path / "merged")


def test_an_adapter_in_place_of_a_base_raises(tmp_path):
    path = save_adapter(make_model(), tmp_path / "adapter", 0)
    with pytest.raises(ValueError, match="it is an adapter; load the base that its"):
        Organism.load(str(path))


def test_pickled_weights_are_not_read(folder):
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match="no safetensors weights, and pickled ones are not read"):
        Organism.load(str(folder))


def test_code_that_comes_with_a_model_is_never_run(folder, tmp_path):
    trace = tmp_path / "trace"
    (folder / "modeling_own.py").write_text(f"open({str(trace)!r}, 'w').write('ran')\n")
    own = {"AutoConfig": "modeling_own.Config", "AutoModelForCausalLM": "modeling_own.Model"}
    edit(folder / "config.json", auto_map=own)
    Organism.load(str(folder))
    edit(folder / "config.json", model_type="own")
    with pytest.raises(ValueError, match="needs code that comes with it, which is never run"):
        Organism.load(str(folder))
    assert not trace.exists()


def test_weights_that_are_missing_raise_and_are_not_made_up(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks 1 weights, 'model.layers.1.mlp.up_proj.weight'"):
        Organism.load(str(folder))


def test_weights_of_another_shape_raise(folder):
    edit(folder / "config.json", intermediate_size=40)
    with pytest.raises(ValueError, match="cannot be loaded"):
        Organism.load(str(folder))


def test_a_base_without_a_chat_template_raises(folder):
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ValueError, match="has no chat template; load a chat model"):
        Organism.load(str(folder))


def test_a_tokenizer_with_more_tokens_than_the_model_raises(folder, tmp_path):
    make_tokenizer(added=[f"<extra{number}>" for number in range(9)]).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"has 271 tokens, base .* embeds 262"):
        Organism.load(str(folder), tokenizer=str(tmp_path))


@pytest.mark.parametrize(
    ("device", "message"),
    [("tpu9", "device 'tpu9' does not exist"), ("cuda:99", r"torch sees \d+ GPUs; use cpu")],
)
def test_a_device_that_is_not_there_raises(folder, device, message):
    with pytest.raises(ValueError, match=message):
        Organism.load(str(folder), device=device)
