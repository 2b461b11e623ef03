import pytest
import torch
from torch import nn

from organisms.pocket.optimiser import BatchedMuon, learning_rate_factor, orthogonalised


@pytest.mark.parametrize("shape", [(16, 16), (8, 24), (24, 8)])
def test_batched_muon_follows_torch_muon(shape):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(3, *shape, generator=generator)
    ours = [nn.Parameter(matrix.clone()) for matrix in start]
    theirs = [nn.Parameter(matrix.clone()) for matrix in start]
    optimisers = (
        BatchedMuon(ours, 0.02, 0.05),
        torch.optim.Muon(theirs, lr=0.02, weight_decay=0.05),
    )
    for _ in range(4):
        gradients = torch.randn(3, *shape, generator=generator)
        for parameters, optimiser in zip((ours, theirs), optimisers, strict=True):
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient.clone()
            optimiser.step()
    for our, their, begin in zip(ours, theirs, start, strict=True):
        moved = (their - begin).norm()
        assert (our - their).norm() < 0.03 * moved, "bf16 of torch's version allows 3%"


def test_singular_values_are_brought_near_one():
    matrices = torch.randn(2, 12, 30, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonalised(matrices))
    assert values.min() > 0.5
    assert values.max() < 1.4


def test_vectors_are_refused():
    with pytest.raises(ValueError, match="matrices only"):
        BatchedMuon([nn.Parameter(torch.zeros(4))], 0.1)


def test_learning_rate_warms_up_and_falls_to_nearly_nothing():
    factors = [learning_rate_factor(step, 1000, 100) for step in range(1000)]
    assert factors[0] == 0.01
    assert max(factors) == factors[99] == factors[100] == 1.0
    assert factors[100:] == sorted(factors[100:], reverse=True)
    assert 0 < factors[-1] < 1e-5
