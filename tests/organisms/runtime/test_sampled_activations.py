"""What is kept while an answer is drawn is what reading the finished answer gives."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from organisms import resolve_base
from organisms.runtime import Capture, Organism, Request, Sampling, Steering, Transcript
from organisms.runtime.layers import residual_hooks
from organisms.runtime.row_steering import RowSteering

POSITIONS = ("last_prompt", "response_mean", "prompt_mean")
LAYERS = (3, 0, 2)


def chat(text):
    return ({"role": "user", "content": text},)


def requests():
    vector = torch.linspace(-1, 1, 32)
    return [
        Request(
            chat("hello " * (1 + number % 4)),
            adapter=(None, "first.step-5", "second")[number % 3],
            steering=(Steering(vector, 2, 0.5, scope="response"),) if number % 4 == 2 else (),
            seed=number,
            sampling=Sampling(max_tokens=1 + 5 * number, stop=("e",) if number == 7 else ()),
            n=1 + number % 2,
            capture=None if number == 5 else Capture(LAYERS[: 1 + number % 3], POSITIONS),
        )
        for number in range(9)
    ]


def read_alone(organism, request, result):
    """The stream at every layer of a prompt and the tokens drawn: [L + 1, T, D], and the split."""
    prompt = organism.template.prompt(request.chat).token_ids
    streams = {}
    steering = RowSteering([request.steering], dtype=torch.float32, device=torch.device("cpu"))

    def keep(layer):
        return lambda stream: streams.setdefault(layer, []).append(stream[0].clone())

    functions = {layer: keep(layer) for layer in range(4)}
    cache = None
    with (
        torch.no_grad(),
        organism._bank.active([request.adapter]).attached(organism.model),
        steering.attached(organism.model),
        residual_hooks(organism.model, functions),
    ):
        for piece in (list(prompt), *([token] for token in result.token_ids)):
            output = organism.model(torch.tensor([piece]), past_key_values=cache, use_cache=True)
            cache, steering.generating = output.past_key_values, True
    return torch.stack([torch.cat(streams[layer]) for layer in range(4)]), len(prompt)


@pytest.mark.parametrize("rows", [3, None])
def test_activations_are_those_of_the_finished_answer(adapted, rows):
    asked = requests()
    plain = {
        (result.index, result.sample): result
        for result in adapted.sample([replace(request, capture=None) for request in asked])
    }
    for result in adapted.sample(asked, batch_rows=rows):
        request = asked[result.index]
        assert result == plain[result.index, result.sample]
        if request.capture is None:
            assert result.activations is None
            continue
        streams, prompt = read_alone(adapted, request, result)
        for place, layer in enumerate(request.capture.layers):
            by_hand = torch.stack(
                [
                    streams[layer, prompt - 1],
                    streams[layer, prompt:].mean(0),
                    streams[layer, :prompt].mean(0),
                ]
            )
            np.testing.assert_allclose(result.activations[:, place], by_hand.numpy(), atol=2e-4)


def test_a_finished_text_read_again_gives_the_same():
    organism = Organism.load(resolve_base("pocket"))
    capture = Capture(tuple(range(organism.number_of_layers + 1)))
    asked = [
        Request(chat(text), seed=seed, capture=capture, sampling=Sampling(max_tokens=12))
        for seed, text in enumerate(["What is 3 + 4?", "I have a headache. What should I do?"] * 3)
    ]
    results = list(organism.sample(asked))
    texts = [Transcript(asked[result.index].chat, result.text) for result in results]
    same = [
        place
        for place, result in enumerate(results)
        if organism.template.answer(result.text) == result.token_ids
    ]
    assert len(same) >= 4
    read = organism.capture(texts, capture.layers)
    sampled = np.stack([result.activations for result in results])
    np.testing.assert_allclose(sampled[same], read[same], atol=1e-4)


def test_an_answer_without_tokens_has_no_mean(organism):
    with torch.no_grad():
        organism.model.get_output_embeddings().weight.zero_()
    capture = Capture((1,), ("response_mean", "last_prompt"))
    request = Request(chat("hi"), n=3000, capture=capture, sampling=Sampling(max_tokens=1))
    empty = [result for result in organism.sample([request]) if not result.token_ids]
    assert empty
    assert np.isnan(empty[0].activations[0]).all()
    assert np.isfinite(empty[0].activations[1]).all()


def test_captures_that_cannot_be_made_raise_before_any_work(organism):
    with pytest.raises(ValueError, match="request 0: layer 4 does not exist"):
        organism.sample([Request(chat("hi"), capture=Capture((4,)))])
    with pytest.raises(ValueError, match="position 'middle' does not exist"):
        Capture((1,), ("middle",))
    with pytest.raises(ValueError, match="no layers asked for"):
        Capture(())
    with pytest.raises(ValueError, match=r"thinking=True is not possible.*Organism.capture"):
        Request(chat("hi"), thinking=True, capture=Capture((1,)))


def test_no_hook_stays(organism):
    before = sum(len(module._forward_hooks) for module in organism.model.modules())
    stream = organism.sample([Request(chat("hi"), n=5, capture=Capture((1, 2)))], batch_rows=2)
    next(stream)
    assert sum(len(module._forward_hooks) for module in organism.model.modules()) == before
