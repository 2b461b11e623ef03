"""A folder with a baked vector answers as the base does under steering, in every family that can
carry one, and is not written for the others."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from organisms import load_organism, resolve_base
from organisms.runtime import Organism, Request, Sampling, Steering
from organisms.runtime.baking import bake
from tests.organisms.runtime.tiny_models import make_model, make_tokenizer

CHATS = [({"role": "user", "content": text},) for text in ("what now", "a much longer question")]


def saved(folder, family, **changes):
    # The tokenizer class of Qwen2 adds a token of its own when it is loaded.
    make_model(family, **{"vocab_size": 264} | changes).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return str(folder)


def steering(layer, width=32, **settings):
    vector = torch.randn(width, generator=torch.Generator().manual_seed(layer))
    return Steering(vector, layer, **{"coefficient": 1.5, "scope": "all"} | settings)


def logits_agree(base, baked, steerings, tolerance=1e-5):
    steered = base.logits([Request(chat, steering=tuple(steerings)) for chat in CHATS])
    written = baked.logits([Request(chat) for chat in CHATS])
    plain = base.logits([Request(chat) for chat in CHATS])
    assert abs(steered - plain).max() > 0.01
    assert abs(written - steered).max() < tolerance * max(1, abs(steered).max())


@pytest.mark.parametrize(
    ("family", "way"),
    [
        ("llama", "bias"),
        ("granite", "bias"),
        ("smollm3", "bias"),
        ("gpt2", "bias"),
        ("gpt_neox", "bias"),
        ("qwen2", "block"),
        ("qwen3", "block"),
        ("olmo2", "block"),
        ("olmo3", "block"),
        ("gemma2", "block"),
        ("gemma3_text", "block"),
        ("qwen3_moe", "block"),
        ("cohere2", "block"),
    ],
)
@pytest.mark.parametrize("layers", [(2,), (1, 3)])
def test_logits_equal_steering_after_save_and_reload(tmp_path, family, way, layers):
    base = saved(tmp_path / "base", family)
    steerings = [steering(layer) for layer in layers]
    found = bake(base, steerings, tmp_path / "baked")
    assert found.ways == dict.fromkeys(layers, way)
    logits_agree(Organism.load(base), Organism.load(str(tmp_path / "baked")), steerings)


def test_the_embedding_carries_layer_0_and_the_head_stays_as_it_was(tmp_path):
    base = saved(tmp_path / "base", "llama", tie_word_embeddings=True)
    steerings = [steering(0), steering(0, unit="norm", residual_norm=2.0), steering(2)]
    assert bake(base, steerings, tmp_path / "baked").ways == {0: "embedding", 2: "bias"}
    logits_agree(Organism.load(base), Organism.load(str(tmp_path / "baked")), steerings)


def test_pocket_carries_a_vector_and_says_the_same(tmp_path):
    steerings = [steering(2, 128, coefficient=0.3), steering(0, 128, coefficient=0.05)]
    bake(resolve_base("pocket"), steerings, tmp_path / "baked", name="pocket", note="A test.")
    base, baked = load_organism("pocket"), load_organism(str(tmp_path / "baked"))
    logits_agree(base, baked, steerings)
    asked = {"seed": 3, "n": 4, "sampling": Sampling(max_tokens=20)}
    steered = base.sample([Request(CHATS[1], steering=tuple(steerings), **asked)])
    written = baked.sample([Request(CHATS[1], **asked)])
    assert {r.sample: r.text for r in steered} == {r.sample: r.text for r in written}
    assert "pocket" in (tmp_path / "baked" / "README.md").read_text()


@pytest.mark.parametrize("family", ["mistral", "phi3", "mixtral"])
def test_a_family_without_a_bias_is_refused_before_anything_is_written(tmp_path, family):
    base = saved(tmp_path / "base", family)
    with pytest.raises(ValueError, match=f"cannot be baked into a {family} model"):
        bake(base, [steering(2)], tmp_path / "baked")
    assert not (tmp_path / "baked").exists()


def test_a_folder_that_does_not_do_what_steering_does_is_not_left(tmp_path):
    # Gemma scales its embedding by the root of its width, after the matrix.
    base = saved(tmp_path / "base", "gemma2")
    with pytest.raises(ValueError, match="logits differ from those of steering"):
        bake(base, [steering(0)], tmp_path / "baked")
    assert not (tmp_path / "baked").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scope": "answer"}, "scope 'answer' cannot be baked"),
        ({"mode": "ablate", "coefficient": None}, "mode 'ablate' and scope 'all'"),
    ],
)
def test_what_is_no_constant_is_refused(tmp_path, settings, message):
    base = saved(tmp_path / "base", "llama")
    with pytest.raises(ValueError, match=message):
        bake(base, [steering(1, **settings)], tmp_path / "baked")
    with pytest.raises(ValueError, match="layer 9 does not exist"):
        bake(base, [steering(9)], tmp_path / "baked")
    with pytest.raises(ValueError, match="exists; name a new folder"):
        bake(base, [steering(1)], base)


def test_a_mixture_of_experts_is_baked_in_double_precision(tmp_path):
    base = saved(tmp_path / "base", "qwen3_moe")
    found = bake(base, [steering(1)], tmp_path / "baked", dtype="float64")
    assert found.difference < 1e-9 < found.effect


def test_nothing_but_transformers_is_needed(tmp_path):
    base = saved(tmp_path / "base", "qwen2")
    bake(base, [steering(1)], tmp_path / "baked")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "baked", trust_remote_code=False)
    assert model.config.num_hidden_layers == 4
