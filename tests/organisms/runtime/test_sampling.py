"""Answers depend on their request alone: not on company, order, padding or batch size."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import zip_longest
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies

from organisms.runtime import admission
from organisms.runtime.cache import SLACK
from organisms.runtime.requests import Request, Sampling, Transcript
from organisms.runtime.steering import Steering
from tests.organisms.runtime.tiny_models import make_organism, make_tokenizer

VECTOR = torch.linspace(-1, 1, 32, dtype=torch.float64)
ADAPTERS = (None, "first.step-5", "second")


def chat(text):
    return ({"role": "user", "content": text},)


def mixed_requests():
    return [
        Request(
            chat("hello " * (1 + number % 5)),
            adapter=ADAPTERS[number % 3],
            steering=(Steering(VECTOR, 1 + number % 3, 0.7, scope="response"),)
            if number % 4 == 1
            else (),
            seed=number,
            sampling=Sampling(
                temperature=(0.0, 0.7, 1.0)[number % 3],
                top_p=0.8 if number % 5 == 2 else 1.0,
                max_tokens=4 + number,
            ),
            n=1 + number % 2,
            logprobs=2 if number % 7 == 3 else 0,
        )
        for number in range(12)
    ]


def answers(organism, requests, **limits):
    return {(result.index, result.sample): result for result in organism.sample(requests, **limits)}


@pytest.fixture(scope="module")
def exact(adapter_folders):
    organism = make_organism(dtype=torch.float64)
    for name, path in adapter_folders.items():
        organism.add_adapter(name, path)
    return organism


def test_mixed_batch_equals_one_by_one(exact):
    requests = mixed_requests()
    together = answers(exact, requests)
    for index, request in enumerate(requests):
        for (_, sample), alone in answers(exact, [request]).items():
            mixed = together[index, sample]
            assert mixed.token_ids == alone.token_ids
            assert mixed.stop_reason == alone.stop_reason
            assert mixed.prefix_hash == alone.prefix_hash
            if mixed.logprobs is not None:
                assert [entry.logprob for entry in mixed.logprobs] == pytest.approx(
                    [entry.logprob for entry in alone.logprobs], abs=1e-5
                )


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=strategies.permutations(range(12)),
    rows=strategies.integers(1, 18),
    widening=strategies.sampled_from([0, 24, 1000]),
)
def test_order_and_batch_size_change_no_answer(exact, order, rows, widening):
    requests = mixed_requests()
    expected = answers(exact, requests)
    with patch.dict(admission.WIDENING, cpu=widening):
        found = answers(exact, [requests[index] for index in order], batch_rows=rows)
    for place, index in enumerate(order):
        for sample in range(requests[index].n):
            assert found[place, sample].token_ids == expected[index, sample].token_ids


def test_logits_agree_across_company_in_single_precision(adapted):
    requests = mixed_requests()
    together = adapted.logits(requests)
    for index, request in enumerate(requests):
        assert abs(adapted.logits([request])[0] - together[index]).max() < 1e-4


def widths_of_passes(organism, requests, **limits):
    """The answers, and for each forward pass how many rows it had and whether it read prompts."""
    passes = []
    hook = organism.model.register_forward_pre_hook(
        lambda module, args, kwargs: passes.append(
            (len(kwargs["input_ids"]), kwargs["input_ids"].shape[1] > 1)
        ),
        with_kwargs=True,
    )
    found = answers(organism, requests, **limits)
    hook.remove()
    return found, passes


def test_rows_enter_a_running_batch_and_change_no_answer(exact, adapted, monkeypatch):
    monkeypatch.setattr(admission, "WIDENING", {})
    requests = [replace(request, logprobs=5) for request in mixed_requests()]
    for organism, tolerance in ((exact, 1e-5), (adapted, 1e-4)):
        found, passes = widths_of_passes(organism, requests, batch_rows=6)
        entered = [
            place
            for place in range(1, len(passes) - 1)
            if passes[place][1] and not passes[place - 1][1] and not passes[place + 1][1]
        ]
        assert any(1 < passes[place + 1][0] > passes[place][0] for place in entered)
        assert max(rows for rows, _ in passes) <= 6
        for (index, sample), result in found.items():
            alone = answers(organism, [replace(requests[index], n=sample + 1)])[0, sample]
            assert result.token_ids == alone.token_ids
            for entry, lonely in zip(result.logprobs, alone.logprobs, strict=True):
                assert entry.logprob == pytest.approx(lonely.logprob, abs=tolerance)


def test_a_prompt_is_read_once_for_all_its_samples(organism):
    request = Request(chat("hello"), n=9, sampling=Sampling(max_tokens=5))
    _, passes = widths_of_passes(organism, [request, Request(chat("bye"))], batch_rows=3)
    assert sum(rows for rows, reads in passes if reads) == 2


def test_a_batch_holds_no_more_tokens_than_allowed(exact):
    requests = mixed_requests()
    expected = answers(exact, requests)
    needed = max(
        len(exact.template.prompt(one.chat).token_ids) + one.sampling.max_tokens for one in requests
    )
    found, passes = widths_of_passes(exact, requests, batch_tokens=4 * (needed + SLACK))
    assert max(rows for rows, reads in passes if not reads) >= 4
    assert max(rows for rows, reads in passes if not reads) * 20 < 4 * (needed + SLACK)
    assert {key: one.token_ids for key, one in found.items()} == {
        key: one.token_ids for key, one in expected.items()
    }


OUT_OF_MEMORY = (
    torch.OutOfMemoryError("CUDA out of memory"),
    MemoryError(),
    RuntimeError(
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to 64 bytes"
    ),
)


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
@pytest.mark.parametrize("every", [2, 5, 9])
def test_running_out_of_memory_halves_the_batch_and_loses_nothing(exact, error, every):
    requests = mixed_requests()
    expected = answers(exact, requests)
    sizes = []

    def fail(module, args, kwargs):
        sizes.append(len(kwargs["input_ids"]))
        if len(sizes) in (every, 2 * every) and sizes[-1] > 1:
            raise error

    seen = []
    hook = exact.model.register_forward_pre_hook(fail, with_kwargs=True)
    found = list(exact.sample(requests, progress=lambda *counts: seen.append(counts)))
    hook.remove()
    assert max(sizes[every:]) <= max(sizes[:every]) // 2 + 1
    assert len(found) == len(expected) == seen[-1][0]
    for result in found:
        other = expected[result.index, result.sample]
        assert (result.token_ids, result.stop_reason) == (other.token_ids, other.stop_reason)
        assert (result.logprobs is None) == (other.logprobs is None)
        assert len(result.logprobs or ()) == len(other.logprobs or ())


def test_an_answer_that_does_not_fit_into_memory_raises(organism):
    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    hook = organism.model.register_forward_pre_hook(fail)
    request = Request(chat("hello"), n=9, sampling=Sampling(max_tokens=9))
    with pytest.raises(MemoryError, match=r"one answer of 18 tokens .* does not fit .*max_tokens"):
        list(organism.sample([request], batch_tokens=1000))
    hook.remove()


def test_other_errors_are_not_taken_for_a_want_of_memory(organism):
    def fail(*_):
        raise RuntimeError("shapes do not match")

    hook = organism.model.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(organism.sample([Request(chat("hello"), n=9)]))
    hook.remove()


def test_every_answer_comes_once_and_batches_repeat(adapted):
    requests = mixed_requests()
    first = list(adapted.sample(requests, batch_rows=5))
    second = list(adapted.sample(requests, batch_rows=5))
    assert first == second
    assert sorted((result.index, result.sample) for result in first) == [
        (index, sample) for index, request in enumerate(requests) for sample in range(request.n)
    ]


def test_samples_and_seeds_differ_and_a_seed_repeats(organism):
    request = Request(chat("hi"), seed=3, n=3)
    other = Request(chat("hi"), seed=4)
    found = answers(organism, [request, other, request])
    texts = {found[0, 0].token_ids, found[0, 1].token_ids, found[0, 2].token_ids}
    assert len(texts | {found[1, 0].token_ids}) == 4
    assert found[0, 2].token_ids == found[2, 2].token_ids


def test_the_length_limit_cuts_but_does_not_change_an_answer(exact):
    short, long = (
        answers(exact, [Request(chat("hi"), seed=1, sampling=Sampling(max_tokens=tokens))])[0, 0]
        for tokens in (3, 40)
    )
    assert short.stop_reason == "max_tokens"
    assert short.output_tokens == len(short.token_ids) == 3
    assert long.token_ids[:3] == short.token_ids


def test_an_end_token_is_counted_and_kept_out_of_the_answer(exact):
    found = answers(exact, [Request(chat("hi"), n=40, sampling=Sampling(max_tokens=100))])
    stopped = [result for result in found.values() if result.stop_reason == "stop"]
    assert stopped
    for result in found.values():
        assert 2 not in result.token_ids
        ended = result.stop_reason == "stop"
        assert result.output_tokens == len(result.token_ids) + ended
        assert ended or result.output_tokens == 100


def test_prompt_tokens_are_the_rendered_prompts(organism):
    request = Request(chat("abc"), system="be")
    result = answers(organism, [request])[0, 0]
    tokenizer = make_tokenizer()
    text = "<|bos|><|system|>be<|end|><|user|>abc<|end|><|assistant|>"
    assert result.prompt_tokens == len(tokenizer.encode(text, add_special_tokens=False))


def test_a_stop_string_ends_the_answer_and_is_cut(exact):
    request = Request(chat("hi"), seed=5, sampling=Sampling(max_tokens=60))
    free = answers(exact, [request])[0, 0]
    stop = next(letter for letter in free.text[1:] if letter.isascii())
    stopping = Request(chat("hi"), seed=5, sampling=Sampling(max_tokens=60, stop=("@@@", stop)))
    result = answers(exact, [stopping, request])[0, 0]
    assert result.text == free.text[: free.text.index(stop)]
    assert result.stop_reason == "stop"
    assert result.token_ids == free.token_ids[: len(result.token_ids)]
    assert result.output_tokens == len(result.token_ids)


def test_logprobs_are_those_of_the_model_for_the_tokens_drawn(exact):
    request = Request(
        chat("hi"), seed=2, logprobs=3, sampling=Sampling(temperature=0.5, max_tokens=6)
    )
    result = answers(exact, [request])[0, 0]
    prompt = exact.template.prompt(request.chat).token_ids
    drawn = [entry.token_id for entry in result.logprobs]
    assert drawn[: len(result.token_ids)] == list(result.token_ids)
    with torch.no_grad():
        logits = exact.model(torch.tensor([[*prompt, *drawn]])).logits[0]
    expected = logits[len(prompt) - 1 : -1].log_softmax(-1)
    for entry, row in zip(result.logprobs, expected, strict=True):
        assert entry.logprob == pytest.approx(float(row[entry.token_id]), abs=1e-5)
        assert [token for token, _, _ in entry.top] == row.topk(3).indices.tolist()


def test_draws_follow_the_models_probabilities(organism):
    count = 4000
    request = Request(chat("hi"), n=count, sampling=Sampling(max_tokens=1))
    drawn = torch.zeros(organism.model.config.vocab_size)
    for result in organism.sample([request]):
        drawn[result.token_ids[0] if result.token_ids else 2] += 1
    expected = torch.tensor(organism.logits([request])[0]).softmax(-1)
    error = (drawn / count - expected).abs() / (expected * (1 - expected) / count).sqrt()
    assert error[expected > 0.002].max() < 5


def test_top_p_draws_from_the_nucleus_only(organism):
    request = Request(chat("hi"), n=300, sampling=Sampling(top_p=0.3, max_tokens=1))
    probabilities, order = (
        torch.tensor(organism.logits([request])[0]).softmax(-1).sort(descending=True)
    )
    size = int((probabilities.cumsum(-1) < 0.3).sum()) + 1
    drawn = {(*result.token_ids, 2)[0] for result in organism.sample([request])}
    assert drawn <= set(order[:size].tolist())
    assert len(drawn) > 1 or size == 1


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(chat("hi"), adapter="third"), "request 0: adapter 'third' is not loaded"),
        (Request(()), "request 0: the chat is empty"),
        (Request(chat("x" * 300)), "do not fit the context of 256"),
    ],
)
def test_requests_that_do_not_resolve_raise_before_any_work(organism, request_, message):
    with pytest.raises(ValueError, match=message):
        organism.sample([request_, Request(chat("hi"))])


def test_progress_counts_every_answer(organism):
    seen = []
    list(
        organism.sample(
            [Request(chat("hi"), n=5)],
            batch_rows=2,
            progress=lambda done, total: seen.append((done, total)),
        )
    )
    assert [total for _, total in seen] == [5] * len(seen)
    assert sorted({done for done, _ in seen}) == [done for done, _ in seen]
    assert seen[-1] == (5, 5)


def test_no_requests_give_no_answers(organism):
    assert list(organism.sample([])) == []


def test_threads_that_share_an_organism_get_the_answers_of_one(exact):
    requests = mixed_requests()
    texts = [Transcript(chat("hi " * (1 + number)), "yes") for number in range(4)]
    expected = {key: one.token_ids for key, one in answers(exact, requests).items()}
    captured = exact.capture(texts)

    def ask(number):
        read = [exact.capture(texts) for _ in range(3)]
        found = answers(exact, requests, batch_rows=3 + number)
        return {key: one.token_ids for key, one in found.items()}, read

    with ThreadPoolExecutor(3) as pool:
        for found, read in pool.map(ask, range(3)):
            assert found == expected
            for one in read:
                np.testing.assert_allclose(one, captured, atol=1e-5)


def test_iterators_that_take_turns_change_no_answer(exact):
    requests = mixed_requests()
    texts = [Transcript(chat("hi"), "yes", adapter="second")]
    expected = {key: one.token_ids for key, one in answers(exact, requests).items()}
    captured = exact.capture(texts)
    found = [{}, {}]
    for pair in zip_longest(*(exact.sample(requests, batch_rows=rows) for rows in (3, 5))):
        np.testing.assert_array_equal(exact.capture(texts), captured)
        for place, result in enumerate(pair):
            found[place][result.index, result.sample] = result.token_ids
    assert found == [expected, expected]


@pytest.mark.parametrize("passes", [1, 2, 5, 11])
def test_an_interrupted_pass_leaves_nothing_behind(exact, passes):
    requests = mixed_requests()
    expected = {key: one.token_ids for key, one in answers(exact, requests).items()}
    seen = []

    def interrupt(*_):
        seen.append(1)
        if len(seen) == passes:
            raise KeyboardInterrupt

    hook = exact.model.model.layers[1].register_forward_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        list(exact.sample(requests, batch_rows=5))
    hook.remove()
    assert not any(
        module._forward_hooks or module._forward_pre_hooks for module in exact.model.modules()
    )
    assert {key: one.token_ids for key, one in answers(exact, requests).items()} == expected
