"""Layers are found without a table of names and mean the same place in every family."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from peft import PeftModel
from torch import nn

from organisms.runtime.layers import decoder_blocks, number_of_layers, residual_hooks, width
from organisms.runtime.requests import Request, Sampling, Transcript
from organisms.runtime.steering import Steering, steered
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
    vector = torch.randn(organism.width)
    token_ids, _ = read_token_ids(organism)
    plain = streams_of(organism.model, token_ids)
    with steered(organism.model, {2: vector}):
        moved = streams_of(organism.model, token_ids)
    for layer in (0, 1):
        assert torch.equal(plain[layer], moved[layer])
    torch.testing.assert_close(plain[2] + vector, moved[2])
    assert not torch.allclose(plain[3], moved[3])


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_steering_a_row_leaves_its_neighbours_alone(family):
    organism = make_organism(family)
    steering = Steering(torch.randn(organism.width), 1, 1.0)
    plain = Request(TEXT.chat)
    longer = Request(({"role": "user", "content": "a longer question than the other"},))
    together = organism.logits([plain, replace(plain, steering=(steering,)), longer])
    unsteered = organism.logits([plain, plain, longer])
    np.testing.assert_allclose(together[[0, 2]], unsteered[[0, 2]], atol=1e-4)
    assert abs(together[1] - unsteered[1]).max() > 1e-3


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


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_under_peft_layers_mean_the_same_place(family, tmp_path):
    path = save_adapter(make_model(family), tmp_path / "adapter", 0)
    organism = make_organism(family)
    organism.add_adapter("one", path)
    model = make_model(family)
    blocks = decoder_blocks(model)
    wrapped = PeftModel.from_pretrained(model, str(path)).eval()
    assert decoder_blocks(wrapped) is blocks
    assert number_of_layers(wrapped) == organism.number_of_layers
    token_ids, prompt = read_token_ids(organism)
    with torch.no_grad():
        outputs = wrapped(token_ids, output_hidden_states=True)
        plain = organism.model(token_ids, output_hidden_states=True)
    captured = organism.capture([replace(TEXT, adapter="one")], None, ("response_mean",))[0, 0]
    for layer in range(organism.number_of_layers):
        hidden = outputs.hidden_states[layer][0, prompt:].mean(0)
        torch.testing.assert_close(torch.tensor(captured[layer]), hidden, rtol=1e-4, atol=1e-4)
    moved = (outputs.hidden_states[1] - plain.hidden_states[1]).abs().max()
    assert moved > 1e-3


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_under_peft_a_vector_changes_its_layer_and_nothing_before(family, tmp_path):
    path = save_adapter(make_model(family), tmp_path / "adapter", 0)
    wrapped = PeftModel.from_pretrained(make_model(family), str(path)).eval()
    vector = torch.randn(width(wrapped))
    token_ids, _ = read_token_ids(make_organism(family))
    plain = streams_of(wrapped, token_ids)
    with steered(wrapped, {1: vector}):
        moved = streams_of(wrapped, token_ids)
    assert torch.equal(plain[0], moved[0])
    torch.testing.assert_close(plain[1] + vector, moved[1])
    assert not torch.allclose(plain[2], moved[2])
    assert all(
        torch.equal(*pair) for pair in zip(plain, streams_of(wrapped, token_ids), strict=True)
    )


def streams_of(model, token_ids):
    """The stream at every layer."""
    streams = {}
    layers = range(number_of_layers(model) + 1)

    def recorder(layer):
        return lambda stream: streams.__setitem__(layer, stream.clone())

    with torch.no_grad(), residual_hooks(model, {layer: recorder(layer) for layer in layers}):
        model(token_ids)
    return [streams[layer] for layer in layers]


def test_two_lists_of_the_right_length_raise():
    model = make_model("llama")
    model.model.rivals = nn.ModuleList(nn.Identity() for _ in range(3))
    with pytest.raises(ValueError, match="2 module lists of length 3"):
        decoder_blocks(model)


def test_no_list_of_the_right_length_raises():
    model = make_model("llama")
    model.config.num_hidden_layers = 7
    with pytest.raises(ValueError, match="0 module lists of length 7"):
        decoder_blocks(model)


class TwoStreams(nn.Module):
    def forward(self, hidden_states, **settings):
        return torch.stack((hidden_states, hidden_states), dim=2)


def test_blocks_that_keep_several_streams_raise():
    model = make_model("llama")
    model.model.layers[0] = TwoStreams()
    with (
        pytest.raises(ValueError, match=r"TwoStreams hands on \(1, 3, 2, 32\) where one residual"),
        residual_hooks(model, {1: lambda stream: None}),
    ):
        model(torch.tensor([[1, 2, 3]]))


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
