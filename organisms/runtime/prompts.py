"""Reading the prompts of rows, each once for all rows that share it, in small pieces.

Knows rows and forward passes; knows no batch.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import Cache

from organisms.runtime.adapter_bank import AdapterBank
from organisms.runtime.cache import StockCache, WindowCache
from organisms.runtime.forward import ForwardPass, PaddedBatch
from organisms.runtime.row_steering import RowSteering
from organisms.runtime.rows import Row
from organisms.runtime.sampled_activations import PromptPooling

_PIECE_TOKENS = {"cpu": 2048, "cuda": 16_384}
"""Most tokens of one forward pass, padding included: on a CPU what its caches hold is fastest."""


@dataclass
class ReadPrompts:
    """Prompts that were read in one forward pass."""

    rows: list[Row]
    """For each prompt one of the rows that have it."""
    places: dict[tuple[object, ...], int]
    """Prompt key -> place."""
    cache: Cache
    """Keys and values, padded on the left."""
    length: int
    """Columns of the cache."""
    lengths: torch.Tensor
    """Tokens of each prompt [N]."""
    logits: torch.Tensor
    """For the first answer token [N, V]."""
    pooled: torch.Tensor | None
    """Means and last tokens at the layers that are watched, [N, 2, K, D]; see `PromptPooling`."""


class PromptReader:
    """Reads prompts with one model and its adapters."""

    def __init__(
        self,
        model: PreTrainedModel,
        adapters: AdapterBank,
        pad: int,
        watched: Sequence[int] = (),
    ) -> None:
        """Collect what every pass needs.

        Args:
            model: The model.
            adapters: The adapters that rows may name.
            pad: Id of the token to pad with.
            watched: Layers whose streams are pooled.
        """
        self._watched = watched
        self._model = model
        self._adapters = adapters
        self._forward = ForwardPass(model)
        self._pad = pad
        self._kept: ReadPrompts | None = None

    def read(
        self, rows: Sequence[Row], following: Row | None, batch: WindowCache | StockCache
    ) -> Iterator[tuple[ReadPrompts, list[Row]]]:
        """Read the prompts of rows that enter a batch.

        Args:
            rows: The rows.
            following: The row that enters after them; what it shares with them is kept for it.
            batch: The cache of the batch. One that takes no rows midway gets all of them at once.

        Yields:
            Prompts and the rows that have them, until every row came once.
        """
        kept, self._kept = self._kept, None
        if kept is not None:
            known = [row for row in rows if row.prompt_key() in kept.places]
            rows = [row for row in rows if row.prompt_key() not in kept.places]
            if following is not None and following.prompt_key() in kept.places:
                self._kept = kept
            if known:
                yield kept, known
        by_prompt: dict[tuple[object, ...], list[Row]] = {}
        for row in rows:
            by_prompt.setdefault(row.prompt_key(), []).append(row)
        groups = sorted(by_prompt.values(), key=lambda group: -len(group[0].prompt.token_ids))
        limit = _PIECE_TOKENS.get(self._model.device.type, 2048) if batch.takes_rows else None
        for piece in _pieces(groups, limit):
            read = self._read([group[0] for group in piece], batch.prompt_cache())
            if following is not None and following.prompt_key() in read.places:
                self._kept = read
            yield read, [row for group in piece for row in group]

    def logits(self, rows: Sequence[Row]) -> torch.Tensor:
        """Return the logits for each row's first answer token, in one pass: [B, V] on the CPU."""
        with torch.inference_mode():
            return self._read(list(rows), None).logits.cpu()

    def _read(self, rows: list[Row], cache: Cache | None) -> ReadPrompts:
        padded = PaddedBatch(
            [row.prompt.token_ids for row in rows], pad=self._pad, device=self._model.device
        )
        steering = RowSteering(
            [row.request.steering for row in rows],
            dtype=self._model.dtype,
            device=self._model.device,
        )
        for name, load in {(row.request.adapter, row.load) for row in rows}:
            self._adapters.check(name, load)
        with ExitStack() as hooks:
            active = self._adapters.active([row.request.adapter for row in rows])
            hooks.enter_context(active.attached(self._model))
            hooks.enter_context(steering.attached(self._model))
            pooling = PromptPooling(self._watched, padded.mask) if self._watched else None
            if pooling is not None:
                hooks.enter_context(pooling.attached(self._model))
            logits = self._forward.logits(
                padded.token_ids, padded.mask, padded.positions, cache=cache
            )
        return ReadPrompts(
            rows=rows,
            places={row.prompt_key(): place for place, row in enumerate(rows)},
            cache=Cache(layers=[]) if cache is None else cache,
            length=padded.length,
            lengths=padded.lengths,
            logits=logits[:, -1],
            pooled=None if pooling is None else pooling.pooled(),
        )


def _pieces(groups: Sequence[list[Row]], tokens: int | None) -> Iterator[list[list[Row]]]:
    """Cut prompts, longest first, so that no piece has more than ``tokens`` with its padding."""
    piece: list[list[Row]] = []
    for group in groups:
        longest = len((piece or [group])[0][0].prompt.token_ids)
        if piece and tokens is not None and (len(piece) + 1) * longest > tokens:
            yield piece
            piece = []
        piece.append(group)
    if piece:
        yield piece
