"""In float64 an answer does not depend on its company, where transformers casts inside, too."""

import numpy as np
import pytest
import torch

from organisms.runtime.requests import Request, Sampling, Transcript
from tests.organisms.runtime.tiny_models import make_organism

CASTING = ("bloom", "gemma2", "gpt_oss", "mixtral", "qwen3_moe")
"""Families whose own code rounds or refuses float64: eager attention's masks, experts' products."""
CHATS = [({"role": "user", "content": "hello " * length},) for length in (1, 4, 2)]


@pytest.mark.parametrize("family", CASTING)
def test_rows_of_mixed_lengths_equal_one_by_one(family):
    organism = make_organism(family, torch.float64)
    requests = [
        Request(chat, n=2, seed=seed, logprobs=1, sampling=Sampling(max_tokens=4 + 2 * seed))
        for seed, chat in enumerate(CHATS)
    ]
    together = {(one.index, one.sample): one for one in organism.sample(requests, batch_rows=4)}
    for index, request in enumerate(requests):
        for alone in organism.sample([request]):
            mixed = together[index, alone.sample]
            assert mixed.token_ids == alone.token_ids
            assert [one.logprob for one in mixed.logprobs] == pytest.approx(
                [one.logprob for one in alone.logprobs], abs=1e-6
            )


@pytest.mark.parametrize("family", CASTING)
def test_padding_changes_nothing_that_is_read(family):
    organism, single = make_organism(family, torch.float64), make_organism(family)
    requests = [Request(chat) for chat in CHATS]
    logits = organism.logits(requests)
    np.testing.assert_allclose(logits, single.logits(requests), atol=1e-3)
    texts = [Transcript(chat, "yes") for chat in CHATS]
    captured, likelihoods = organism.capture(texts), list(organism.log_likelihoods(texts))
    for row, (request, text) in enumerate(zip(requests, texts, strict=True)):
        np.testing.assert_allclose(organism.logits([request])[0], logits[row], atol=1e-6)
        np.testing.assert_allclose(organism.capture([text])[0], captured[row], atol=1e-5)
        assert next(organism.log_likelihoods([text])) == pytest.approx(likelihoods[row], abs=1e-6)
    assert not any(module._forward_pre_hooks for module in organism.model.modules())
