"""Where NaN or infinity comes from: the layer, found by reading a failed answer again.

Sampling checks logits only, which costs next to nothing; the layers are looked at once it failed.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack

import torch
from transformers import DynamicCache, PreTrainedModel

from organisms.runtime.adapter_bank import ActiveAdapters
from organisms.runtime.forward import ForwardPass
from organisms.runtime.layers import number_of_layers, residual_hooks
from organisms.runtime.requests import Request
from organisms.runtime.row_steering import RowSteering
from organisms.runtime.rows import Row


class NotFiniteAnswerError(ValueError):
    """Answers that could not be drawn, because their logits are NaN or infinite."""

    def __init__(self, requests: Sequence[int], request: Request, layer: int | None) -> None:
        """Name what failed.

        Args:
            requests: Places of the failed requests in the list that was sampled.
            request: The first of them.
            layer: The first layer whose stream is not finite; ``None`` if all of them are.
        """
        self.where = (
            "the residual stream is finite at every layer, so the language-model head makes them"
            if layer is None
            else f"the residual stream is not finite from layer {layer} on"
        )
        super().__init__(
            f"logits of requests {list(requests[:8])} are NaN or infinite (adapter "
            f"{request.adapter!r}, {len(request.steering)} steerings): {self.where}; lower the "
            "steering coefficient, check the adapter, or use another dtype"
        )
        self.requests = tuple(requests)
        self.layer = layer


def first_layer_not_finite(
    model: PreTrainedModel, adapters: ActiveAdapters, row: Row
) -> int | None:
    """Read one answer as it was drawn, token by token, and return the first bad layer.

    Args:
        model: The model.
        adapters: The row's adapter.
        row: The row, with the tokens drawn before the logits failed.

    Returns:
        A layer from 0 to L; ``None`` where the stream is finite throughout.
    """
    forward = ForwardPass(model)
    steering = RowSteering([row.request.steering], dtype=model.dtype, device=model.device)
    bad: list[int] = []

    def look(layer: int) -> Callable[[torch.Tensor], None]:
        def note(stream: torch.Tensor) -> None:
            if not bool(stream.isfinite().all()):
                bad.append(layer)

        return note

    cache = DynamicCache(config=model.config)
    with torch.inference_mode(), ExitStack() as hooks:
        hooks.enter_context(adapters.attached(model))
        hooks.enter_context(steering.attached(model))
        layers = range(number_of_layers(model) + 1)
        hooks.enter_context(residual_hooks(model, {layer: look(layer) for layer in layers}))
        start = 0
        for piece in (list(row.prompt.token_ids), *([token] for token in row.token_ids)):
            end = start + len(piece)
            forward.logits(
                torch.tensor([piece], device=model.device),
                torch.ones((1, end), dtype=torch.bool, device=model.device),
                torch.arange(start, end, device=model.device)[None],
                cache=cache,
            )
            if bad:
                return min(bad)
            start, steering.generating = end, True
    return None
