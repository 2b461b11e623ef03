"""Forward passes over left-padded batches, with or without the language-model head.

Knows token ids and tensors; knows no chats, adapters or steering.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.cache_utils import Cache

from organisms.runtime.double_precision import single_precision_masks, use_exact_experts
from organisms.runtime.layers import decoder_of


class PaddedBatch:
    """Token ids of several texts, aligned at their last token."""

    def __init__(
        self, texts: Sequence[Sequence[int]], *, pad: int, device: torch.device, room: int = 0
    ) -> None:
        """Pad on the left.

        Args:
            texts: Token ids of each row; at least one each.
            pad: Id to fill with; the mask hides it.
            device: Where the tensors go.
            room: Columns for tokens to come, open in the mask from the start.
        """
        self.length = max(len(text) for text in texts)
        self.lengths = torch.tensor([len(text) for text in texts], device=device)
        """Tokens of each row [B]."""
        filled = [[pad] * (self.length - len(text)) + list(text) for text in texts]
        self.token_ids = torch.tensor(filled, device=device)
        """[B, T]."""
        columns = torch.arange(self.length + room, device=device)
        starts = self.length - self.lengths
        self.mask = columns[None, :] >= starts[:, None]
        """[B, T + room], false on padding."""
        self.positions = (columns[None, : self.length] - starts[:, None]).clamp_min(0)
        """[B, T], from 0 at each row's first token."""


class ForwardPass:
    """One model's forward pass, given only the arguments that its family takes."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Look up what the model's forward accepts."""
        use_exact_experts(model)
        self._model = model
        self._decoder = decoder_of(model)
        self._takes = frozenset(inspect.signature(model.forward).parameters)
        self._decoder_takes = frozenset(inspect.signature(self._decoder.forward).parameters)

    def logits(
        self,
        token_ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        *,
        keep: int = 1,
        cache: Cache | None = None,
    ) -> torch.Tensor:
        """Return the logits of the last ``keep`` tokens: [B, keep, V].

        Args:
            token_ids: New tokens [B, T].
            mask: [B, cached + T], true where there is a token.
            positions: [B, T].
            keep: How many last tokens to run the language-model head on.
            cache: Earlier keys and values; grows by T.
        """
        arguments = self._arguments(self._takes, token_ids, mask, positions, cache)
        if "logits_to_keep" in self._takes:
            arguments["logits_to_keep"] = keep
        with single_precision_masks(self._model):
            logits: torch.Tensor = self._model(**arguments).logits
        return logits[:, -keep:]

    def decoder(self, token_ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor) -> None:
        """Run the decoder alone, for what its hooks see."""
        with single_precision_masks(self._model):
            self._decoder(**self._arguments(self._decoder_takes, token_ids, mask, positions, None))

    @staticmethod
    def _arguments(
        takes: frozenset[str],
        token_ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Cache | None,
    ) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "input_ids": token_ids,
            "attention_mask": mask,
            "use_cache": cache is not None,
        }
        if cache is not None:
            arguments["past_key_values"] = cache
        # ALiBi families (Bloom, some Falcons) take positions from the mask instead.
        if "position_ids" in takes:
            arguments["position_ids"] = positions
        return arguments


def context_length(model: nn.Module) -> int | None:
    """Return the most tokens the model's positions reach, or ``None`` where there is no limit."""
    config = getattr(model, "config", None)
    limit = getattr(config.get_text_config(), "max_position_embeddings", None) if config else None
    return limit if isinstance(limit, int) else None
