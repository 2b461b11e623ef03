"""Layers are found without a table of names and mean the same place in every family."""

import pytest
import torch
from torch import nn

from organisms.runtime.layers import decoder_blocks, residual_hooks
from organisms.runtime.requests import Request, Sampling, Transcript
from organisms.runtime.steering import Steering
from tests.organisms.runtime.tiny_models import FAMILIES, make_model, make_organism, save_adapter

TEXT = Transcript(({"role": "user", "content": "hi there"},), "good day")


def read_token_ids(organism):
    prompt = organism.template.prompt(TEXT.chat).token_ids
    return torch.tensor([[*prompt, *organism.template.answer(TEXT.answer)]]), len(prompt)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_capture_equals_hidden_states_below_the_last_layer(family):
    organism = make_organism(family)
    token_ids, prompt = read_token_ids(organism)
    with torch.no_grad():
        outputs = organism.model(token_ids, output_hidden_states=True)
    captured = organism.capture([TEXT], None, ("response_mean", "last_prompt"))[0]
    for layer in range(organism.number_of_layers):
        hidden = outputs.hidden_states[layer][0]
        torch.testing.assert_close(
            torch.tensor(captured[0, layer]), hidden[prompt:].mean(0), rtol=1e-4, atol=1e-4
        )
        torch.testing.assert_close(
            torch.tensor(captured[1, layer]), hidden[prompt - 1], rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_last_layer_is_before_the_final_norm(family):
    organism = make_organism(family)
    token_ids, prompt = read_token_ids(organism)
    seen = []
    hook = decoder_blocks(organism.model)[-1].register_forward_hook(
        lambda module, args, output: seen.append(output[0] if isinstance(output, tuple) else output)
    )
    with torch.no_grad():
        organism.model(token_ids)
    hook.remove()
    last = organism.number_of_layers
    captured = organism.capture([TEXT], [last], ("last_prompt",))[0, 0, 0]
    torch.testing.assert_close(torch.tensor(captured), seen[0][0, prompt - 1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_vector_at_layer_k_changes_layer_k_and_nothing_before(family):
    organism = make_organism(family)
    layers = range(organism.number_of_layers + 1)
    vector = torch.randn(organism.width)
    streams = {}

    def recorder(kind, layer):
        return lambda stream: streams.__setitem__((kind, layer), stream.clone())

    token_ids, _ = read_token_ids(organism)
    with torch.no_grad():
        with residual_hooks(organism.model, {layer: recorder("plain", layer) for layer in layers}):
            organism.model(token_ids)
        with (
            residual_hooks(organism.model, {2: lambda stream: stream + vector}),
            residual_hooks(organism.model, {layer: recorder("steered", layer) for layer in layers}),
        ):
            organism.model(token_ids)
    for layer in (0, 1):
        assert torch.equal(streams["plain", layer], streams["steered", layer])
    torch.testing.assert_close(streams["plain", 2] + vector, streams["steered", 2])
    assert not torch.allclose(streams["plain", 3], streams["steered", 3])


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_greedy_decoding_with_the_cache_equals_generate(family):
    organism = make_organism(family)
    chats = [({"role": "user", "content": text},) for text in ("a", "what is this", "tell me")]
    greedy = Sampling(temperature=0.0, max_tokens=12)
    for result in organism.sample([Request(chat, sampling=greedy) for chat in chats]):
        prompt = organism.template.prompt(chats[result.index]).token_ids
        generated = organism.model.generate(
            torch.tensor([prompt]), do_sample=False, max_new_tokens=12, pad_token_id=0
        )[0, len(prompt) :].tolist()
        kept = generated[: generated.index(2)] if 2 in generated else generated
        assert list(result.token_ids) == kept


def test_layers_under_peft_are_those_of_the_base(tmp_path):
    from peft import PeftModel

    model = make_model("llama")
    blocks = decoder_blocks(model)
    wrapped = PeftModel.from_pretrained(
        model, str(save_adapter(make_model("llama"), tmp_path / "adapter", 0))
    )
    assert decoder_blocks(wrapped) is blocks


def test_two_lists_of_the_right_length_raise():
    model = make_model("llama")
    model.model.rivals = nn.ModuleList(nn.Identity() for _ in range(3))
    with pytest.raises(ValueError, match="2 module lists of length 3"):
        decoder_blocks(model)


def test_a_list_inside_a_block_is_no_rival():
    model = make_model("llama")
    model.model.layers[0].experts = nn.ModuleList(nn.Identity() for _ in range(3))
    assert decoder_blocks(model) is model.model.layers


@pytest.mark.parametrize("layer", [-1, 4, 99])
def test_a_layer_out_of_range_raises(layer):
    organism = make_organism()
    with pytest.raises(ValueError, match=r"layers 0 \(embedding\) to 3"):
        organism.capture([TEXT], [layer])
    with pytest.raises(ValueError, match=r"request 0: layer"):
        organism.sample([Request(TEXT.chat, steering=(Steering(torch.ones(32), layer, 1.0),))])
