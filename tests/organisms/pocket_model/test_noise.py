"""Noise in pre-training: as large as stated, the same for all tokens, seeded, gone afterwards."""

import pytest
import torch

from organisms.pocket.noise import noised
from organisms.pocket.recipe import Recipe, build_model
from organisms.pocket.tokenizer import train_tokenizer


@pytest.fixture(scope="module")
def model():
    tokenizer = train_tokenizer(["what is 1 + 2?"], 400)
    torch.manual_seed(0)
    return build_model(Recipe(layers=2, width=32, heads=2, feed_forward=64), tokenizer).eval()


def residuals(model, largest, seed):
    """Outputs of all blocks for two rows of three tokens."""
    found = []
    handles = [
        layer.register_forward_hook(lambda module, inputs, output: found.append(output))
        for layer in model.model.layers
    ]
    with torch.no_grad(), noised(model, largest, seed):
        model(torch.tensor([[1, 7, 9], [1, 8, 8]]))
    for handle in handles:
        handle.remove()
    return found


def test_no_noise_changes_nothing_and_hooks_are_removed(model):
    plain = residuals(model, 0.0, 1)
    with pytest.raises(ZeroDivisionError), noised(model, 1.0, 1):
        raise ZeroDivisionError
    assert all(torch.equal(a, b) for a, b in zip(plain, residuals(model, 0.0, 2), strict=True))


def test_noise_is_one_direction_a_document_bounded_and_seeded(model):
    plain, first, again = (residuals(model, *of) for of in ((0.0, 0), (0.5, 3), (0.5, 3)))
    other = residuals(model, 0.5, 4)
    assert torch.equal(first[-1], again[-1])
    assert not torch.equal(first[-1], other[-1])
    with torch.no_grad(), noised(model, 0.5, 3):
        tokens = model(torch.tensor([[1, 7, 9], [1, 8, 8]]), output_hidden_states=True)
    clean = model(torch.tensor([[1, 7, 9], [1, 8, 8]]), output_hidden_states=True)
    changed = [
        (a - b) for a, b in zip(tokens.hidden_states[:-1], clean.hidden_states[:-1], strict=True)
    ]
    shifted = next((each for each in changed if each.abs().max() > 0), None)
    if shifted is None:  # the last block's output was noised, which only the logits show
        assert not torch.allclose(tokens.logits, clean.logits)
        return
    assert torch.allclose(shifted[:, :1].expand_as(shifted), shifted, atol=1e-5)
    assert not torch.allclose(shifted[0], shifted[1], atol=1e-5)
    median = plain[0].norm(dim=-1).median()
    assert shifted.norm(dim=-1).max() <= 0.5 * median + 1e-4
