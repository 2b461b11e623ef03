"""What transformers' own code needs to run in float64: masks and experts that it can compute.

Knows models; knows no batches. Nothing here changes a model of another dtype.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn
from transformers import PreTrainedModel

from organisms.runtime.layers import decoder_blocks

_LEAST = torch.finfo(torch.float32).min


def use_exact_experts(model: PreTrainedModel) -> None:
    """Let a float64 mixture of experts multiply matrix by matrix.

    The grouped product that transformers takes by default exists up to float32 only.
    """
    if model.dtype == torch.float64 and "grouped_mm" in model.get_experts_implementation().values():
        model.set_experts_implementation("eager")


@contextmanager
def single_precision_masks(model: PreTrainedModel) -> Iterator[None]:
    """Within it, masks that a float64 model adds to attention scores stay within float32's range.

    Eager attention takes its softmax in float32, where the least float64 is minus infinity: a
    padded token, which sees nothing, would become NaN and spoil all that multiply it by 0.
    """
    with ExitStack() as hooks:
        if model.dtype == torch.float64:
            for block in decoder_blocks(model):
                handle = block.register_forward_pre_hook(_clamp_mask, with_kwargs=True)
                hooks.callback(handle.remove)
        yield


def _clamp_mask(
    block: nn.Module, args: tuple[object, ...], kwargs: dict[str, object]
) -> tuple[tuple[object, ...], dict[str, object]] | None:
    mask = kwargs.get("attention_mask")
    if not isinstance(mask, torch.Tensor) or not mask.is_floating_point():
        return None
    return args, {**kwargs, "attention_mask": mask.clamp_min(_LEAST)}
