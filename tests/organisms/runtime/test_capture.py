"""Pooled activations, norms and divergences equal what one computes by hand, text by text."""

import math

import numpy as np
import pytest
import torch

from organisms.runtime import likelihood
from organisms.runtime import texts as texts_module
from organisms.runtime.layers import decoder_blocks
from organisms.runtime.requests import Request, Transcript
from tests.organisms.runtime.tiny_models import make_organism

LAYERS = [0, 2, 3]
POSITIONS = ("response_mean", "prompt_mean", "last_prompt")


def transcripts():
    return [
        Transcript(
            ({"role": "user", "content": "question " * (1 + number % 3)},),
            None if number == 4 else "answer" * (1 + number % 4),
            adapter=(None, "first.step-5", "second")[number % 3],
            system="be kind" if number % 2 else "none",
        )
        for number in range(9)
    ]


def streams_by_hand(organism, transcript):
    """The residual stream at every layer of one text, read alone: [L + 1, T, D], and its split."""
    prompt = organism.template.prompt(transcript.chat, transcript.system).token_ids
    answer = () if transcript.answer is None else organism.template.answer(transcript.answer)
    blocks = decoder_blocks(organism.model)
    seen = []
    hooks = [
        blocks[0].register_forward_pre_hook(lambda module, args: seen.append(args[0])),
        *(
            block.register_forward_hook(lambda module, args, output: seen.append(output))
            for block in blocks
        ),
    ]
    with torch.no_grad(), organism._bank.active([transcript.adapter]).attached(organism.model):
        organism.model(torch.tensor([[*prompt, *answer]]))
    for hook in hooks:
        hook.remove()
    return torch.stack(seen)[:, 0], len(prompt)


def test_capture_equals_hand_computed_means(adapted):
    captured = adapted.capture(transcripts(), LAYERS, POSITIONS, batch_size=4)
    assert captured.shape == (9, 3, 3, 32)
    assert captured.dtype == np.float32
    for row, transcript in enumerate(transcripts()):
        streams, prompt = streams_by_hand(adapted, transcript)
        for place, layer in enumerate(LAYERS):
            by_hand = [
                streams[layer, prompt:].mean(0),
                streams[layer, :prompt].mean(0),
                streams[layer, prompt - 1],
            ]
            np.testing.assert_allclose(
                captured[row, :, place], torch.stack(by_hand).numpy(), atol=2e-4
            )


def test_response_mean_is_nan_exactly_where_there_is_no_answer(adapted):
    captured = adapted.capture(transcripts(), [1], POSITIONS)
    assert np.isnan(captured[4, 0]).all()
    assert not np.isnan(captured[4, 1:]).any()
    assert not np.isnan(np.delete(captured, 4, axis=0)).any()


def test_order_and_batching_change_nothing(adapted):
    texts = transcripts()
    expected = adapted.capture(texts, None)
    order = [5, 2, 8, 0, 1, 4, 3, 7, 6]
    for batch_size in (1, 3, 64):
        found = adapted.capture([texts[row] for row in order], None, batch_size=batch_size)
        np.testing.assert_allclose(found, expected[order], atol=1e-4)


def test_a_stream_yields_the_same_rows_in_order_and_reads_a_bounded_window_ahead(adapted):
    texts = transcripts() * 8
    expected = adapted.capture(texts, LAYERS, POSITIONS)
    taken = []
    source = (taken.append(number) or text for number, text in enumerate(texts))
    rows = adapted.capture_stream(source, LAYERS, POSITIONS, batch_size=2)
    assert not taken
    for number, row in enumerate(rows):
        assert len(taken) <= min(32 * (1 + number // 32), len(texts))
        np.testing.assert_allclose(row, expected[number], atol=1e-4)
    assert number + 1 == len(taken) == len(texts)


def test_a_stream_names_the_transcript_that_is_wrong(organism):
    texts = [*transcripts_without_adapters() * 4, Transcript(())]
    with pytest.raises(ValueError, match="transcript 36: the chat is empty"):
        list(organism.capture_stream(iter(texts), [1], batch_size=2))
    with pytest.raises(ValueError, match="layer 9 does not exist"):
        organism.capture_stream(iter(texts), [9])


def test_the_pass_ends_at_the_deepest_layer_needed(organism):
    reached = []
    hook = decoder_blocks(organism.model)[2].register_forward_hook(
        lambda module, args, output: reached.append(True)
    )
    organism.capture(transcripts_without_adapters(), [0, 1])
    assert not reached
    organism.capture(transcripts_without_adapters(), [3])
    assert reached
    hook.remove()


def transcripts_without_adapters():
    return [Transcript(text.chat, text.answer) for text in transcripts()]


def test_capture_runs_no_head_and_keeps_no_graph(organism):
    def fail(module, args):
        raise AssertionError("the language-model head was run")

    hook = organism.model.get_output_embeddings().register_forward_pre_hook(fail)
    organism.capture(transcripts_without_adapters(), None)
    hook.remove()
    assert all(weight.grad is None for weight in organism.model.parameters())


def test_bad_positions_and_layers_raise(organism):
    with pytest.raises(ValueError, match="position 'middle' does not exist; use response_mean"):
        organism.capture(transcripts_without_adapters(), None, ("middle",))
    with pytest.raises(ValueError, match="no positions asked for; give some of response_mean"):
        organism.capture(transcripts_without_adapters(), None, ())
    with pytest.raises(ValueError, match="no layers asked for"):
        organism.capture(transcripts_without_adapters(), [])


def test_batches_without_rows_raise_and_read_nothing_less(organism):
    texts = transcripts_without_adapters()
    for read in (
        lambda: organism.capture(texts, batch_size=0),
        lambda: organism.capture_stream(texts, batch_size=0),
        lambda: list(organism.log_likelihoods(texts, batch_size=0)),
    ):
        with pytest.raises(ValueError, match="batch_size 0 is not allowed; use 1 or more"):
            read()


def test_no_texts_have_no_norm(organism):
    norms = organism.residual_norms([], [1])
    assert all(np.isnan(norms[name]).all() for name in ("response", "prompt", "last_prompt"))


def test_activations_that_are_not_finite_raise():
    organism = make_organism()
    with torch.no_grad():
        organism.model.model.layers[1].mlp.down_proj.weight.fill_(float("nan"))
    assert np.isfinite(organism.capture(transcripts_without_adapters(), [1])[0, 1:]).all()
    with pytest.raises(ValueError, match="at layer 2 hold NaN"):
        organism.capture(transcripts_without_adapters(), [1, 2])


def test_residual_norms_are_medians_over_tokens(adapted):
    norms = adapted.residual_norms(transcripts(), LAYERS, batch_size=4)
    by_hand = {"response": [], "prompt": [], "last_prompt": []}
    for transcript in transcripts():
        streams, prompt = streams_by_hand(adapted, transcript)
        lengths = streams[LAYERS].norm(dim=-1)
        by_hand["response"].append(lengths[:, prompt:])
        by_hand["prompt"].append(lengths[:, :prompt])
        by_hand["last_prompt"].append(lengths[:, prompt - 1 : prompt])
    for name, parts in by_hand.items():
        expected = np.median(torch.cat(parts, dim=1).numpy(), axis=1)
        np.testing.assert_allclose(norms[name], expected, rtol=1e-4)


@pytest.mark.parametrize("logits", [1, likelihood._BATCH_LOGITS])
def test_divergence_equals_the_exact_sum_over_the_vocabulary(adapted, monkeypatch, logits):
    monkeypatch.setattr(likelihood, "_BATCH_LOGITS", logits)
    texts = transcripts()
    total, tokens = 0.0, 0
    for transcript in texts:
        if transcript.answer is None:
            continue
        prompt = adapted.template.prompt(transcript.chat, transcript.system).token_ids
        answer = adapted.template.answer(transcript.answer)
        token_ids = torch.tensor([[*prompt, *answer]])
        logprobs = []
        for adapter in ("second", None):
            with torch.no_grad(), adapted._bank.active([adapter]).attached(adapted.model):
                logits = adapted.model(token_ids).logits[0, len(prompt) - 1 : -1]
            logprobs.append(logits.log_softmax(-1))
        own, base = logprobs
        total += float((own.exp() * (own - base)).sum())
        tokens += len(answer)
    assert adapted.kl_to_base("second", texts, batch_size=3) == pytest.approx(
        total / tokens, rel=1e-4
    )
    assert total / tokens > 0.01


def test_divergence_of_an_adapter_that_changes_nothing_is_zero(organism, tmp_path):
    from tests.organisms.runtime.tiny_models import make_model, save_adapter

    organism.add_adapter("idle", save_adapter(make_model(), tmp_path, 0, init_lora_weights=True))
    assert math.isclose(organism.kl_to_base("idle", transcripts_without_adapters()), 0.0)


def test_divergence_without_answers_raises(adapted):
    with pytest.raises(ValueError, match="no transcript has an answer"):
        adapted.kl_to_base("second", [Transcript(({"role": "user", "content": "hi"},))])


def likelihood_by_hand(organism, transcript):
    """The mean log-probability of one answer's tokens, read alone."""
    prompt = organism.template.prompt(transcript.chat, transcript.system).token_ids
    answer = organism.template.answer(transcript.answer)
    with torch.no_grad(), organism._bank.active([transcript.adapter]).attached(organism.model):
        logits = organism.model(torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
    logprobs = logits.log_softmax(-1)
    return float(logprobs[torch.arange(len(answer)), torch.tensor(answer)].mean())


@pytest.mark.parametrize("logits", [1, likelihood._BATCH_LOGITS])
def test_log_likelihoods_equal_those_of_texts_read_alone(adapted, monkeypatch, logits):
    monkeypatch.setattr(likelihood, "_BATCH_LOGITS", logits)
    monkeypatch.setattr(texts_module, "WINDOW_BATCHES", 2)
    found = list(adapted.log_likelihoods(iter(transcripts()), batch_size=2))
    assert len(found) == 9
    for number, transcript in enumerate(transcripts()):
        if transcript.answer is None:
            assert math.isnan(found[number])
        else:
            assert found[number] == pytest.approx(likelihood_by_hand(adapted, transcript), abs=1e-4)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("model.layers.1.mlp.down_proj", "activations of transcript 3 at layer 2"),
        ("lm_head", "logits of transcript 3 are NaN"),
    ],
)
def test_a_text_whose_likelihood_is_not_finite_is_named_by_its_number(monkeypatch, place, said):
    monkeypatch.setattr(texts_module, "WINDOW_BATCHES", 1)
    organism = make_organism()
    question = ({"role": "user", "content": "x"},)
    texts = [Transcript(question), Transcript(question), Transcript(question)]
    texts.append(Transcript(question, "answer"))
    with torch.no_grad():
        organism.model.get_submodule(place).weight.fill_(float("nan"))
    with pytest.raises(ValueError, match=said):
        list(organism.log_likelihoods(texts, batch_size=2))


@pytest.mark.parametrize("place", ["layers.1.mlp.down_proj", "lm_head"])
def test_norms_logits_and_divergences_that_are_not_finite_raise(place, adapter_folders):
    organism = make_organism()
    organism.add_adapter("second", adapter_folders["second"])
    texts = [Transcript(({"role": "user", "content": "x"},)), *transcripts_without_adapters()[:2]]
    with torch.no_grad():
        module = organism.model.get_submodule(place if place == "lm_head" else f"model.{place}")
        module.weight.fill_(float("nan"))
    if place == "lm_head":
        where, said = "finite at every layer", "transcript [12] are NaN .* finite at every layer"
        assert np.isfinite(organism.residual_norms(texts)["prompt"]).all()
    else:
        where = "not finite from layer 2 on"
        said = "under adapter None, activations of transcript [12] at layer 2"
        with pytest.raises(ValueError, match=r"transcript [012] at layer 2 hold NaN"):
            organism.residual_norms(texts)
    with pytest.raises(ValueError, match=rf"requests \[0, 1\] are NaN .*{where}"):
        organism.logits([Request(text.chat) for text in texts[:2]])
    with pytest.raises(ValueError, match=said):
        organism.kl_to_base("second", texts)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_running_out_of_memory_halves_the_batch_and_loses_nothing(adapted, monkeypatch, error):
    texts = [text for text in transcripts() if text.answer is not None]
    whole = adapted.capture(texts, LAYERS, POSITIONS, batch_size=8)
    sizes = []
    run = adapted.model.model.forward

    def small(input_ids, **arguments):
        sizes.append(len(input_ids))
        if len(input_ids) > 2:
            raise error
        return run(input_ids, **arguments)

    monkeypatch.setattr(adapted.model.model, "forward", small)
    halved = adapted.capture(texts, LAYERS, POSITIONS, batch_size=8)
    np.testing.assert_allclose(halved, whole, rtol=0, atol=1e-5)
    assert max(sizes) > 2
    first_fit = next(place for place, size in enumerate(sizes) if size <= 2)
    assert max(sizes[first_fit:]) <= 2


def test_a_text_that_does_not_fit_alone_says_so_and_leaves_no_hook(adapted, monkeypatch):
    def full(*args, **arguments):
        raise MemoryError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(adapted.model.model, "forward", full)
        with pytest.raises(MemoryError, match=r"one text of \d+ tokens does not fit .*no room"):
            adapted.capture(transcripts(), LAYERS, POSITIONS)
    assert not any(module._forward_hooks for module in adapted.model.modules())


@pytest.mark.parametrize(("width", "tokens"), [(128, 2048), (512, 512), (3584, 256)])
def test_a_batch_on_a_cpu_is_one_that_its_caches_hold(width, tokens):
    assert texts_module.cpu_batch_tokens(width) == tokens


def test_no_batch_read_holds_more_tokens_than_the_device_takes_well(monkeypatch, organism):
    monkeypatch.setattr(texts_module, "CPU_BATCH_NUMBERS", 0)
    monkeypatch.setattr(texts_module, "CPU_BATCH_TOKENS", 40)
    small = make_organism()
    seen = []
    small.model.get_decoder().register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["input_ids"].shape), with_kwargs=True
    )
    found = small.capture(transcripts_without_adapters())
    assert len(seen) > 1
    assert all(rows == 1 or rows * length <= 40 for rows, length in seen)
    np.testing.assert_allclose(found, organism.capture(transcripts_without_adapters()), atol=1e-5)
