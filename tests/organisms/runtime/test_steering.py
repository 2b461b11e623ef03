"""Vectors reach the tokens of their scope, at their layer, and hooks never stay."""

import signal
from dataclasses import replace

import pytest
import torch

from organisms.runtime.diagnosis import NotFiniteAnswerError
from organisms.runtime.layers import decoder_blocks, residual_hooks
from organisms.runtime.requests import Request, Sampling
from organisms.runtime.steering import Steering, steered
from tests.organisms.runtime.tiny_models import make_model, make_organism

CHAT = ({"role": "user", "content": "what do you think"},)
GREEDY = Sampling(temperature=0.0, max_tokens=8)
SCOPES = ("all", "prompt", "last_prompt", "response", "answer")


def hook_count(model):
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()
    )


def covered(scope, length, prompt):
    """Which of the tokens [length] a scope covers, from its definition."""
    place = torch.arange(length)
    return {
        "all": place >= 0,
        "prompt": place < prompt,
        "last_prompt": place == prompt - 1,
        "response": place >= prompt - 1,
        "answer": place >= prompt,
    }[scope]


def greedy_reference(organism, steerings, steps):
    """Greedy decoding without a cache: the whole text is read anew, steered by explicit hooks."""
    prompt = list(organism.template.prompt(CHAT).token_ids)
    token_ids = list(prompt)
    for _ in range(steps):
        additions = {}
        for steering in steerings:
            mask = covered(steering.scope, len(token_ids), len(prompt))
            addition = mask[:, None] * steering.coefficient * steering.vector
            additions[steering.layer] = additions.get(steering.layer, 0) + addition
        with torch.no_grad(), steered(organism.model, additions):
            token = int(organism.model(torch.tensor([token_ids])).logits[0, -1].argmax())
        token_ids.append(token)
        if token == 2:
            break
    return token_ids[len(prompt) :]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("layer", [0, 1, 3])
def test_sampling_under_a_scope_equals_reading_the_text_anew(scope, layer):
    organism = make_organism(dtype=torch.float64)
    steering = Steering(torch.randn(32, dtype=torch.float64), layer, 2.0, scope=scope)
    other = Steering(torch.randn(32, dtype=torch.float64), 2, 1.0, scope="response")
    requests = [
        Request(CHAT, steering=(steering,), sampling=GREEDY),
        Request(({"role": "user", "content": "a much longer question than that"},)),
        Request(CHAT, steering=(steering, other), sampling=GREEDY),
        Request(CHAT, sampling=GREEDY),
    ]
    answers = {
        result.index: [*result.token_ids, *([2] if result.stop_reason == "stop" else [])]
        for result in organism.sample(requests)
    }
    assert answers[0] == greedy_reference(organism, [steering], 8)
    assert answers[2] == greedy_reference(organism, [steering, other], 8)
    assert answers[3] == greedy_reference(organism, [], 8)


def test_answer_scope_leaves_the_first_answer_token_alone():
    organism = make_organism()
    vector = torch.randn(32)
    logits = {
        scope: organism.logits([Request(CHAT, steering=(Steering(vector, 2, 3.0, scope=scope),))])
        for scope in SCOPES
    }
    plain = organism.logits([Request(CHAT)])
    torch.testing.assert_close(torch.tensor(logits["answer"]), torch.tensor(plain))
    torch.testing.assert_close(
        torch.tensor(logits["response"]), torch.tensor(logits["last_prompt"])
    )
    assert abs(logits["last_prompt"] - plain).max() > 1e-3
    assert abs(logits["prompt"] - logits["last_prompt"]).max() > 1e-3


def test_norm_units_count_residual_norms():
    vector = torch.randn(32)
    raw = Steering(vector, 1, 2.0 * 7.0 / float(vector.norm()))
    norm = Steering(vector, 1, 2.0, unit="norm", residual_norm=7.0)
    torch.testing.assert_close(raw.addition(), norm.addition())
    assert float(norm.addition().norm()) == pytest.approx(14.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unit": "norm"}, "needs the layer's residual norm"),
        ({"unit": "metres"}, "use one of raw, norm"),
        ({"scope": "everything"}, "use one of all, prompt"),
        ({"vector": torch.ones(2, 32)}, r"shape \(2, 32\)"),
        ({"vector": torch.full((32,), torch.nan)}, "NaN"),
        ({"vector": torch.zeros(32), "unit": "norm", "residual_norm": 1.0}, "zero vector"),
    ],
)
def test_steering_that_means_nothing_raises(settings, message):
    with pytest.raises(ValueError, match=message):
        Steering(**{"vector": torch.ones(32), "layer": 1, "coefficient": 1.0, **settings})


def test_a_vector_of_another_width_raises_before_any_work():
    organism = make_organism()
    request = Request(CHAT, steering=(Steering(torch.ones(31), 1, 1.0),))
    with pytest.raises(ValueError, match="request 1: steering vector has width 31, the model 32"):
        organism.sample([Request(CHAT), request])


def test_hooks_are_removed_after_work_and_after_an_error():
    organism = make_organism()
    before = hook_count(organism.model)
    vector = torch.randn(32)
    list(organism.sample([Request(CHAT, steering=(Steering(vector, 1, 1.0),))]))
    assert hook_count(organism.model) == before

    def fail(stream):
        raise RuntimeError("stop here")

    with (
        pytest.raises(RuntimeError, match="stop here"),
        residual_hooks(organism.model, {0: fail, 2: fail}),
    ):
        organism.model(torch.tensor([[1, 2, 3]]))
    assert hook_count(organism.model) == before
    huge = Request(CHAT, steering=(Steering(torch.full((32,), 1e38), 1, 1e38),))
    with pytest.raises(ValueError, match=r"requests \[1\] are NaN or infinite .* from layer 1 on"):
        list(organism.sample([Request(CHAT), huge]))
    assert hook_count(organism.model) == before


@pytest.mark.parametrize("scope", SCOPES)
def test_an_overflow_names_its_requests_and_layer_whenever_it_comes(scope):
    organism = make_organism()
    huge = Steering(torch.full((32,), 1e38), 2, 1e38, scope=scope)
    requests = [Request(CHAT), Request(CHAT, steering=(huge,), n=2), Request(CHAT, seed=1)]
    with pytest.raises(NotFiniteAnswerError, match="layer 2") as caught:
        list(organism.sample(requests))
    assert caught.value.requests == (1,)
    assert caught.value.layer == 2
    assert hook_count(organism.model) == 0


def test_an_overflow_after_an_answers_end_harms_nobody():
    organism = make_organism()
    huge = (Steering(torch.full((32,), 1e38), 1, 1e38, scope="answer"),)
    requests = [Request(CHAT, seed=seed, sampling=Sampling(max_tokens=9)) for seed in range(20)]
    # Its one token is drawn from the prompt; what would be drawn after it is not finite.
    requests[7] = replace(requests[7], steering=huge, sampling=Sampling(max_tokens=1))
    together = {result.index: result.token_ids for result in organism.sample(requests)}
    assert together == {
        number: next(organism.sample([request])).token_ids
        for number, request in enumerate(requests)
    }
    requests[3] = replace(requests[3], steering=huge)
    with pytest.raises(NotFiniteAnswerError) as error:
        list(organism.sample(requests))
    assert error.value.requests == (3,)


def test_an_overflow_of_the_head_is_told_from_one_of_a_layer():
    organism = make_organism()
    with torch.no_grad():
        organism.model.lm_head.weight[5] = torch.nan
    with pytest.raises(ValueError, match="finite at every layer, so the language-model head"):
        list(organism.sample([Request(CHAT)]))


@pytest.mark.parametrize("passes", [1, 4])
def test_an_interrupt_leaves_no_hook(adapted, passes):
    seen = []

    def interrupt(stream):
        seen.append(stream.shape)
        if len(seen) == passes:
            signal.raise_signal(signal.SIGINT)

    steering = Steering(torch.ones(32), 1, 0.1)
    with residual_hooks(adapted.model, {2: interrupt}):
        own = hook_count(adapted.model)
        with pytest.raises(KeyboardInterrupt):
            list(adapted.sample([Request(CHAT, adapter="second", steering=(steering,), n=3)]))
        assert hook_count(adapted.model) == own
    assert hook_count(adapted.model) == 0


def test_an_abandoned_iterator_leaves_no_hook():
    organism = make_organism()
    results = organism.sample(
        [Request(CHAT, steering=(Steering(torch.ones(32), 1, 1.0),), n=4)], batch_rows=1
    )
    next(results)
    assert hook_count(organism.model) == 0


@pytest.mark.parametrize("checkpointing", [False, True])
def test_steering_in_training_has_the_gradients_of_an_explicit_addition(checkpointing):
    model = make_model("llama").train()
    token_ids = torch.tensor([[1, 7, 8, 9], [1, 5, 6, 7]])
    addition = torch.randn(2, 4, 32) * torch.tensor([0.0, 0.0, 1.0, 1.0])[:, None]

    def explicit(module, args, output):
        return output + addition

    hook = decoder_blocks(model)[0].register_forward_hook(explicit)
    model(token_ids, labels=token_ids).loss.backward()
    hook.remove()
    expected = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    if checkpointing:
        model.gradient_checkpointing_enable()
    before = hook_count(model)
    with steered(model, {1: addition}):
        model(token_ids, labels=token_ids).loss.backward()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight.grad, expected[name])
    assert hook_count(model) == before
