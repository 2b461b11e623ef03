"""Noise on the residual stream in pre-training: one random direction a document, at one layer.

A model that has met large shifts of all its tokens keeps its sentences under steering at all of
them.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import Olmo2ForCausalLM


@contextmanager
def noised(model: Olmo2ForCausalLM, largest: float, seed: int) -> Iterator[None]:
    """Add noise to every forward pass inside; with `largest` 0 nothing is touched.

    Args:
        model: The model in training.
        largest: Largest norm, in median token norms of the layer; each document's is uniform in
            [0, largest].
        seed: Of the layer, the directions and their norms; the pass is a function of it.
    """
    if largest == 0:
        yield
        return
    generator = torch.Generator().manual_seed(seed)
    layer = int(torch.randint(len(model.model.layers), (1,), generator=generator))

    def shift(module: torch.nn.Module, inputs: tuple[object, ...], output: torch.Tensor) -> object:
        rows, _, width = output.shape
        direction_B_D = torch.randn(rows, width, generator=generator)
        direction_B_D /= direction_B_D.norm(dim=-1, keepdim=True)
        strength_B_1 = largest * torch.rand(rows, 1, generator=generator)
        median = output.detach().norm(dim=-1).median()
        added_B_D = (direction_B_D * strength_B_1).to(output) * median
        return output + added_B_D[:, None]

    handle = model.model.layers[layer].register_forward_hook(shift)
    try:
        yield
    finally:
        handle.remove()
