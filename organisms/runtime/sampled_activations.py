"""Residuals of what is being sampled, pooled as it is drawn: no text is read a second time.

Knows streams and rows of tensors; knows no requests.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from organisms.runtime.layers import ResidualFunction, residual_hooks


class PromptPooling:
    """Pools the streams of one pass over prompts."""

    def __init__(self, layers: Sequence[int], mask: torch.Tensor) -> None:
        """Get ready.

        Args:
            layers: The K layers, each once.
            mask: Tokens of the prompts, padded on the left: bool [N, T].
        """
        self._layers = layers
        self._weights = (mask.float() / mask.sum(-1, keepdim=True))[:, None]
        self._pooled: dict[int, torch.Tensor] = {}

    @contextmanager
    def attached(self, model: nn.Module) -> Iterator[None]:
        """Pool within the block."""
        with residual_hooks(model, {layer: self._function(layer) for layer in self._layers}):
            yield

    def pooled(self) -> torch.Tensor:
        """Return the mean over each prompt and its last token: float32 [N, 2, K, D]."""
        return torch.stack([self._pooled[layer] for layer in self._layers], dim=2)

    def _function(self, layer: int) -> ResidualFunction:
        def pool(stream: torch.Tensor) -> None:
            exact = stream.float()
            self._pooled[layer] = torch.cat((torch.bmm(self._weights, exact), exact[:, -1:]), dim=1)

        return pool


class AnswerPooling:
    """Pools the streams of the rows of a batch, prompts and answers."""

    def __init__(self, layers: Sequence[int], width: int, device: torch.device) -> None:
        """Begin without rows.

        Args:
            layers: The K layers, each once.
            width: D.
            device: Where the sums are.
        """
        self._layers = layers
        self._prompts = torch.zeros((0, 2, len(layers), width), device=device)
        self._sums = torch.zeros((0, len(layers), width), device=device)
        self._counts = torch.zeros(0, device=device)
        self.counted = torch.zeros(0, dtype=torch.bool, device=device)
        """Rows whose next token counts [B]."""

    def append(self, prompts: torch.Tensor) -> None:
        """Add rows, given what was pooled of their prompts [E, 2, K, D]."""
        self._prompts = torch.cat((self._prompts, prompts))
        self._sums = torch.cat((self._sums, torch.zeros_like(prompts[:, 0])))
        self._counts = torch.cat((self._counts, self._counts.new_zeros(len(prompts))))

    def select(self, rows: torch.Tensor) -> None:
        """Keep some of the rows, given as indices [B'], in that order."""
        self._prompts, self._sums = self._prompts[rows], self._sums[rows]
        self._counts = self._counts[rows]

    @contextmanager
    def attached(self, model: nn.Module) -> Iterator[None]:
        """Add up the streams of generated tokens within the block."""
        functions = {layer: self._function(place) for place, layer in enumerate(self._layers)}
        with residual_hooks(model, functions):
            yield

    def count(self) -> None:
        """Note that a token has been read."""
        self._counts += self.counted

    def pooled(self, row: int, layers: Sequence[int], positions: Sequence[str]) -> torch.Tensor:
        """Return what one row asked for: float32 [P, K', D], NaN where it drew no answer token."""
        answer = self._sums[row] / torch.where(self._counts[row] > 0, self._counts[row], torch.nan)
        by_position = {
            "response_mean": answer,
            "prompt_mean": self._prompts[row, 0],
            "last_prompt": self._prompts[row, 1],
        }
        chosen = [self._layers.index(layer) for layer in layers]
        return torch.stack([by_position[position][chosen] for position in positions])

    def _function(self, place: int) -> ResidualFunction:
        def add(stream: torch.Tensor) -> None:
            # Not a product with the mask: rows that ended may hold anything.
            self._sums[:, place] += torch.where(self.counted[:, None], stream[:, 0].float(), 0.0)

        return add
