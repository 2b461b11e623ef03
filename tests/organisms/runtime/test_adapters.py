"""Adapters load from standard folders, equal PEFT's own arithmetic, and prove themselves."""

import json
import shutil

import numpy as np
import pytest
import torch
from peft import PeftModel

from organisms.runtime.organism import Organism
from organisms.runtime.requests import Request, Sampling, Transcript
from tests.organisms.runtime.tiny_models import (
    make_model,
    make_organism,
    make_tokenizer,
    save_adapter,
)

CHAT = ({"role": "user", "content": "what now"},)
SETTINGS = {
    "plain": {},
    "rslora": {"use_rslora": True},
    "rank one, one layer": {
        "r": 1,
        "layers_to_transform": [1],
        "target_modules": ["q_proj", "down_proj"],
    },
    "patterns": {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"q_proj": 5, "0.mlp.up_proj": 3}},
    "attention only": {"target_modules": ["q_proj", "v_proj"]},
    "dora": {"use_dora": True},
    "bias": {"lora_bias": True},
    "saved head": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_an_adapter_gives_the_logits_that_peft_gives(name, tmp_path):
    path = save_adapter(make_model(), tmp_path / "adapter", 0, **SETTINGS[name])
    organism = make_organism()
    organism.add_adapter("one", path)
    plain = organism.logits([Request(CHAT)])
    adapted = organism.logits([Request(CHAT, adapter="one")])
    token_ids = torch.tensor([organism.template.prompt(CHAT).token_ids])
    with torch.no_grad():
        reference = PeftModel.from_pretrained(make_model(), str(path))(token_ids).logits[:, -1]
        base = make_model()(token_ids).logits[:, -1]
    np.testing.assert_allclose(adapted, reference.numpy(), atol=1e-4)
    np.testing.assert_allclose(plain, base.numpy(), atol=1e-5)
    np.testing.assert_allclose(organism.logits([Request(CHAT)]), plain, atol=0)


@pytest.mark.parametrize("family", ["llama", "gpt2", "gpt_neox", "falcon"])
def test_mixed_rows_equal_pefts_mixed_batch(family, tmp_path):
    organism = make_organism(family)
    model = make_model(family)
    rows = [None, "a", "b", "a", None]
    for seed, name in enumerate("ab"):
        path = save_adapter(make_model(family), tmp_path / name, seed)
        organism.add_adapter(name, path)
        if seed == 0:
            wrapped = PeftModel.from_pretrained(model, str(path), adapter_name=name).eval()
        else:
            wrapped.load_adapter(str(path), adapter_name=name)
    found = organism.logits([Request(CHAT, adapter=name) for name in rows])
    token_ids = torch.tensor([organism.template.prompt(CHAT).token_ids] * len(rows))
    names = ["__base__" if name is None else name for name in rows]
    with torch.no_grad():
        expected = wrapped(token_ids, adapter_names=names).logits[:, -1]
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [{}, {"target_modules": ["q_proj", "gate"]}],
    ids=["experts' parameters", "router"],
)
def test_mixed_rows_of_a_mixture_of_experts_equal_one_by_one(settings, tmp_path):
    organism = make_organism("mixtral")
    for seed, name in enumerate("ab"):
        path = save_adapter(make_model("mixtral"), tmp_path / name, seed, **settings)
        organism.add_adapter(name, path)
    few = Sampling(max_tokens=6)
    requests = [Request(CHAT, adapter=name, n=2, sampling=few) for name in (None, "a", "b", "a")]
    together = {(r.index, r.sample): r.token_ids for r in organism.sample(requests)}
    assert len(set(together.values())) == 6
    for index, request in enumerate(requests):
        for alone in organism.sample([request]):
            assert alone.token_ids == together[index, alone.sample]


def test_adapters_of_pefts_own_kind_share_a_request_list_with_plain_ones(tmp_path):
    organism = make_organism(dtype=torch.float64)
    organism.add_adapter("plain", save_adapter(make_model(), tmp_path / "plain", 0))
    for number in range(2):
        path = save_adapter(make_model(), tmp_path / f"dora{number}", number + 1, use_dora=True)
        organism.add_adapter(f"dora{number}", path)
    requests = [
        Request(CHAT, adapter=adapter, seed=seed, sampling=Sampling(max_tokens=6))
        for seed, adapter in enumerate([None, "plain", "dora0", "dora1", None, "dora0"])
    ]
    together = {result.index: result.token_ids for result in organism.sample(requests)}
    for index, request in enumerate(requests):
        assert next(organism.sample([request])).token_ids == together[index]
    organism.remove_adapter("dora0")
    assert next(organism.sample(requests[3:4])).token_ids == together[3]
    organism.remove_adapter("dora1")
    assert next(organism.sample(requests[:1])).token_ids == together[0]


def test_adapters_come_and_go_by_name(organism, adapter_folders):
    path = adapter_folders["second"]
    organism.add_adapter("seed.0/step-5", path)
    organism.add_adapter("keys", path)
    assert organism.adapters == ("keys", "seed.0/step-5")
    with pytest.raises(ValueError, match="'keys' is loaded already"):
        organism.add_adapter("keys", path)
    organism.remove_adapter("keys")
    assert organism.adapters == ("seed.0/step-5",)
    with pytest.raises(ValueError, match="not loaded; loaded are: seed"):
        organism.remove_adapter("keys")


@pytest.mark.parametrize("settings", [{}, {"use_dora": True}])
def test_an_adapter_removed_while_its_rows_wait_is_named(organism, tmp_path, settings):
    organism.add_adapter("gone", save_adapter(make_model(), tmp_path, 0, **settings))
    results = organism.sample([Request(CHAT, adapter="gone", n=9)], batch_rows=2)
    next(results)
    organism.remove_adapter("gone")
    with pytest.raises(ValueError, match="adapter 'gone' is not loaded; loaded are: none"):
        list(results)


@pytest.mark.parametrize("settings", [{}, {"use_dora": True}])
@pytest.mark.parametrize("batch_rows", [None, 2])
def test_an_adapter_loaded_again_while_its_rows_run_or_wait_is_noticed(
    organism, tmp_path, settings, batch_rows
):
    old = save_adapter(make_model(), tmp_path / "old", 0, **settings)
    new = save_adapter(make_model(), tmp_path / "new", 1, **settings)
    organism.add_adapter("one", old)
    requests = [
        Request(CHAT, adapter="one", seed=seed, sampling=Sampling(max_tokens=2 + 9 * seed))
        for seed in range(3)
    ]
    results = organism.sample(requests, batch_rows=batch_rows)
    next(results)
    organism.remove_adapter("one")
    organism.add_adapter("one", new)
    with pytest.raises(ValueError, match="adapter 'one' was removed and loaded again before its"):
        list(results)
    assert len(list(organism.sample(requests))) == 3


def test_an_adapter_whose_rows_are_done_may_be_loaded_again(organism, adapter_folders):
    organism.add_adapter("one", adapter_folders["second"])
    requests = [Request(CHAT, adapter=name, n=3) for name in ("one", None)]
    expected = {(one.index, one.sample): one.token_ids for one in organism.sample(requests)}
    results = organism.sample(requests, batch_rows=3)
    found = [next(results) for _ in range(3)]
    assert {one.index for one in found} == {0}
    organism.remove_adapter("one")
    organism.add_adapter("one", adapter_folders["first.step-5"])
    for one in (*found, *results):
        assert one.token_ids == expected[one.index, one.sample]


def test_an_adapter_loaded_again_between_two_windows_of_a_stream_is_noticed(
    organism, adapter_folders
):
    text = Transcript(CHAT, "good day", adapter="one")
    for read in (organism.capture_stream, organism.log_likelihoods):
        organism.add_adapter("one", adapter_folders["second"])
        values = read(iter([text] * 40), batch_size=1)
        next(values)
        organism.remove_adapter("one")
        organism.add_adapter("one", adapter_folders["first.step-5"])
        with pytest.raises(ValueError, match="'one' was removed and loaded again before its"):
            list(values)
        organism.remove_adapter("one")


def test_logits_of_every_kind_of_adapter_come_in_the_requests_order(organism, tmp_path):
    for seed, (name, settings) in enumerate({"dora": {"use_dora": True}, "plain": {}}.items()):
        organism.add_adapter(name, save_adapter(make_model(), tmp_path / name, seed, **settings))
    requests = [Request(CHAT, adapter=name) for name in (None, "dora", "plain", "dora")]
    together = organism.logits(requests)
    alone = np.concatenate([organism.logits([request]) for request in requests])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert len(np.unique(together[:3, 0])) == 3
    assert organism.logits([]).shape == (0, together.shape[1])


def test_check_adapter_measures_the_change_of_the_logits(adapted):
    assert adapted.check_adapter("second") > 1e-3


def test_an_adapter_that_changes_nothing_raises(organism, tmp_path):
    organism.add_adapter("idle", save_adapter(make_model(), tmp_path, 0, init_lora_weights=True))
    with pytest.raises(ValueError, match="'idle' changes no logit"):
        organism.check_adapter("idle")


def test_an_adapter_with_broken_weights_raises(organism, tmp_path, adapter_folders):
    from safetensors.torch import load_file, save_file

    shutil.copytree(adapter_folders["second"], tmp_path / "broken")
    weights = load_file(tmp_path / "broken" / "adapter_model.safetensors")
    save_file(
        {key: tensor * float("nan") for key, tensor in weights.items()},
        tmp_path / "broken" / "adapter_model.safetensors",
    )
    organism.add_adapter("broken", tmp_path / "broken")
    with pytest.raises(ValueError, match=r"'broken' makes logits NaN.*from layer 1 on\); train"):
        organism.check_adapter("broken")


def test_an_adapter_for_another_width_raises(organism, tmp_path):
    path = save_adapter(make_model(hidden_size=16), tmp_path, 0)
    with pytest.raises(ValueError, match=r"has width 16 at .* has 32; it was made"):
        organism.add_adapter("other", path)


def test_an_adapter_for_a_base_with_fewer_layers_raises(organism, tmp_path):
    model, targets = make_model(num_hidden_layers=2), ["q_proj", "down_proj"]
    path = save_adapter(model, tmp_path / "short", 0, target_modules=targets)
    with pytest.raises(ValueError, match=r"no weights for 'model.layers.2.self_attn.q_proj'"):
        organism.add_adapter("short", path)


def test_an_adapter_for_a_base_with_more_layers_raises(organism, tmp_path):
    path = save_adapter(make_model(num_hidden_layers=4), tmp_path / "long", 0)
    with pytest.raises(ValueError, match=r"changes 'model.layers.3.* does not have"):
        organism.add_adapter("long", path)


def test_an_adapter_for_another_architecture_raises(organism, tmp_path):
    path = save_adapter(make_model("gpt2"), tmp_path, 0)
    with pytest.raises(ValueError, match="does not have; it was made for another architecture"):
        organism.add_adapter("other", path)


def test_an_adapter_that_names_another_base_raises(adapter_folders, tmp_path):
    path = tmp_path / "renamed"
    shutil.copytree(adapter_folders["second"], path)
    config = json.loads((path / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "somewhere/else/big"
    (path / "adapter_config.json").write_text(json.dumps(config))
    organism = make_organism()
    with pytest.raises(ValueError, match="made for base 'somewhere/else/big', not 'tiny'"):
        organism.add_adapter("other", path)
    config["base_model_name_or_path"] = "/elsewhere/tiny"
    (path / "adapter_config.json").write_text(json.dumps(config))
    organism.add_adapter("moved", path)
    cached = make_organism()
    cached = Organism(cached.model, cached.tokenizer, "/hub/models--org--tiny/snapshots/abc123")
    cached.add_adapter("cached", path)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("adapter_config.json", "has no adapter_config.json"),
        ("adapter_model.safetensors", "pickled weights are not loaded"),
    ],
)
def test_an_incomplete_folder_raises(organism, adapter_folders, tmp_path, missing, message):
    path = tmp_path / "adapter"
    shutil.copytree(adapter_folders["second"], path)
    (path / missing).unlink()
    with pytest.raises(ValueError, match=message):
        organism.add_adapter("one", path)


def test_load_reads_a_saved_base_and_its_adapters(tmp_path):
    make_model().save_pretrained(tmp_path / "tiny")
    make_tokenizer().save_pretrained(tmp_path / "tiny")
    model = make_model()
    model.name_or_path = str(tmp_path / "tiny")
    adapter = save_adapter(model, tmp_path / "adapter", 0)
    organism = Organism.load(str(tmp_path / "tiny"), {"one": adapter}, dtype="float64")
    assert organism.model.dtype == torch.float64
    assert (organism.number_of_layers, organism.width) == (3, 32)
    assert organism.check_adapter("one") > 0
    np.testing.assert_allclose(
        organism.logits([Request(CHAT)]), make_organism().logits([Request(CHAT)]), atol=1e-4
    )


def test_a_base_that_does_not_exist_raises_in_one_line(tmp_path):
    with pytest.raises(ValueError, match="cannot be loaded") as caught:
        Organism.load(str(tmp_path))
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="dtype 'int4' is not allowed"):
        Organism.load(str(tmp_path), dtype="int4")
