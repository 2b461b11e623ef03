"""A trained steering vector is an organism: loaded, mixed, watched and removed like an adapter."""

import numpy as np
import pytest
import torch

from organisms.runtime.requests import Request, Sampling, Transcript
from organisms.runtime.steering import Steering
from organisms.runtime.trained_vectors import save_trained_vectors
from tests.organisms.runtime.tiny_models import make_model, make_organism, save_adapter

CHAT = ({"role": "user", "content": "what now"},)
FEW = Sampling(max_tokens=6)


def vectors():
    generator = torch.Generator().manual_seed(0)
    return {layer: torch.randn(32, generator=generator) for layer in (1, 3)}


@pytest.fixture
def turned(tmp_path):
    organism = make_organism(dtype=torch.float64)
    organism.add_adapter("turned", save_trained_vectors(tmp_path / "vectors", vectors(), "tiny"))
    organism.add_adapter("lora", save_adapter(make_model(), tmp_path / "lora", 0))
    return organism


def test_it_is_the_vector_added_to_every_token(turned):
    same = tuple(Steering(vector, layer, 1.0) for layer, vector in vectors().items())
    as_organism, as_steering, base = turned.logits(
        [Request(CHAT, adapter="turned"), Request(CHAT, steering=same), Request(CHAT)]
    )
    np.testing.assert_allclose(as_organism, as_steering, atol=1e-6)
    assert abs(as_organism - base).max() > 1e-3
    assert turned.check_adapter("turned") > 1e-3


def test_rows_under_vectors_matrices_and_the_base_share_a_batch(turned):
    requests = [
        Request(CHAT, adapter=adapter, seed=seed, n=2, sampling=FEW)
        for seed, adapter in enumerate(["turned", None, "lora", "turned"])
    ]
    together = {(r.index, r.sample): r.token_ids for r in turned.sample(requests)}
    for index, request in enumerate(requests):
        for alone in turned.sample([request]):
            assert alone.token_ids == together[index, alone.sample]


def test_it_is_watched_with_what_it_adds(turned):
    base, moved = turned.capture(
        [Transcript(CHAT, "fine"), Transcript(CHAT, "fine", adapter="turned")], [0, 1]
    )
    np.testing.assert_allclose(moved[:, 0], base[:, 0], atol=1e-6)
    added = vectors()[1].numpy()
    np.testing.assert_allclose(moved[:, 1] - base[:, 1], np.tile(added, (3, 1)), atol=1e-4)


def test_it_comes_and_goes_by_name(turned):
    assert turned.adapters == ("lora", "turned")
    turned.remove_adapter("turned")
    assert turned.adapters == ("lora",)
    with pytest.raises(ValueError, match="'turned' is not loaded; loaded are: lora"):
        turned.sample([Request(CHAT, adapter="turned")])


@pytest.mark.parametrize(
    ("made", "base", "message"),
    [
        ({1: torch.ones(16)}, "tiny", r"shape \(16,\) at layer 1, the base has width 32"),
        ({9: torch.ones(32)}, "tiny", "another base: layer 9 does not exist"),
        ({1: torch.ones(32)}, "org/big", "made for base 'org/big', not 'tiny'"),
    ],
)
def test_vectors_of_another_base_raise(tmp_path, made, base, message):
    with pytest.raises(ValueError, match=message):
        make_organism().add_adapter("one", save_trained_vectors(tmp_path, made, base))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({}, "no vector is given"),
        ({1: torch.ones(2, 32)}, r"layer 1 has shape \(2, 32\)"),
        ({1: torch.full((32,), torch.nan)}, "finite"),
    ],
)
def test_vectors_that_mean_nothing_are_not_written(tmp_path, made, message):
    with pytest.raises(ValueError, match=message):
        save_trained_vectors(tmp_path / "vectors", made, "tiny")
    assert not (tmp_path / "vectors").exists()


def test_zero_vectors_change_no_logits(tmp_path):
    organism = make_organism()
    organism.add_adapter("idle", save_trained_vectors(tmp_path, {1: torch.zeros(32)}, "tiny"))
    with pytest.raises(ValueError, match="'idle' changes no logit"):
        organism.check_adapter("idle")
