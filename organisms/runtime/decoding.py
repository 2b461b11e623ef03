"""The decoding loop: one batch of rows, drawn token by token with a key-value cache.

Rows may differ in prompt, adapter, steering and every sampling setting. Prompts that several rows
share are read once; rows leave the batch when their answer ends. Knows no requests' order.
"""

from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
import torch
from transformers import PreTrainedModel

from organisms.runtime.adapter_bank import AdapterBank
from organisms.runtime.answers import Answers
from organisms.runtime.cache import make_cache
from organisms.runtime.diagnosis import NotFiniteAnswerError, first_layer_not_finite
from organisms.runtime.drawing import Drawing, NotFiniteError, uniform_stream
from organisms.runtime.forward import ForwardPass, PaddedBatch
from organisms.runtime.row_steering import RowSteering
from organisms.runtime.rows import Row

# Rows that ended are carried along until this share of a batch has, since leaving copies the cache.
_LEAVING_SHARE = 0.2


class Decoder:
    """Draws the answers of batches of rows from one model and its adapters."""

    def __init__(
        self,
        model: PreTrainedModel,
        adapters: AdapterBank,
        answers: Answers,
        *,
        ends: frozenset[int],
        pad: int,
    ) -> None:
        """Collect what every batch needs.

        Args:
            model: The model.
            adapters: The adapters that rows may name.
            answers: What looks for stop strings and notes log probabilities.
            ends: Ids of the tokens that end an answer.
            pad: Id of the token to pad with.
        """
        self._model = model
        self._adapters = adapters
        self._answers = answers
        self._forward = ForwardPass(model)
        self._is_end = torch.zeros(
            model.get_output_embeddings().weight.shape[0], dtype=torch.bool, device=model.device
        )
        self._is_end[list(ends)] = True
        self._pad = pad

    def first_logits(self, rows: Sequence[Row]) -> torch.Tensor:
        """Return each row's logits for its first answer token, one batch: [B, V] on the CPU."""
        adapters = self._adapters.active([row.request.adapter for row in rows])
        steering = self._steering(rows)
        batch = self._pad_prompts(rows, room=0)
        with torch.inference_mode(), ExitStack() as hooks:
            hooks.enter_context(adapters.attached(self._model))
            hooks.enter_context(steering.attached(self._model))
            logits = self._forward.logits(batch.token_ids, batch.mask, batch.positions)
        return logits[:, -1].cpu()

    def decode(self, rows: list[Row]) -> None:
        """Draw the whole answer of every row of one batch, into the rows.

        Raises:
            NotFiniteAnswerError: Logits are NaN or infinite.
        """
        try:
            with torch.inference_mode():
                self._decode(rows)
        except NotFiniteError as error:
            raise self._name_rows(error, rows) from error

    def _decode(self, rows: list[Row]) -> None:
        device = self._model.device
        firsts: dict[tuple[object, ...], int] = {}
        distinct: list[Row] = []
        shares: list[int] = []
        for row in rows:
            key = row.prompt_key()
            if key not in firsts:
                firsts[key] = len(distinct)
                distinct.append(row)
            shares.append(firsts[key])
        steps = max(row.request.sampling.max_tokens for row in rows)
        room = torch.tensor([row.request.sampling.max_tokens for row in rows], device=device)
        drawing = self._drawing(rows, steps)
        adapters = self._adapters.active([row.request.adapter for row in distinct])
        steering = self._steering(distinct)
        prompts = self._pad_prompts(distinct, room=steps)
        cache = make_cache(self._model.config, steps)
        watched = [row for row in rows if row.request.sampling.stop or row.request.logprobs]
        # Token ids of the whole batch [B, steps] and, for what still runs, its rows in it [B'].
        drawn = torch.zeros((len(rows), steps), dtype=torch.long, device=device)
        running = torch.arange(len(rows), device=device)
        ended = torch.zeros(len(rows), dtype=torch.bool, device=device)
        counts = torch.zeros(len(rows), dtype=torch.long, device=device)
        with ExitStack() as hooks:
            hooks.enter_context(adapters.attached(self._model))
            hooks.enter_context(steering.attached(self._model))
            logits = self._forward.logits(
                prompts.token_ids,
                prompts.mask[:, : prompts.length],
                prompts.positions,
                cache=cache,
            )[:, -1]
            share = torch.tensor(shares, device=device)
            mask, lengths = prompts.mask, prompts.lengths
            if len(distinct) < len(rows):
                logits, mask, lengths = logits[share], mask[share], lengths[share]
                cache.batch_select_indices(share)
                adapters.select(share)
                steering.select(share)
            steering.generating = True
            for step in range(steps):
                try:
                    tokens = drawing.draw(logits, step)
                except NotFiniteError as error:
                    error.rows = running[error.rows].tolist()
                    for number in error.rows:
                        rows[number].token_ids = drawn[number, :step].tolist()
                    raise
                drawn[running, step] = tokens
                counts[running] += ~ended
                stopped = self._is_end[tokens]
                if watched:
                    stopped = stopped | self._watch(rows, running, ended, tokens, logits)
                ended = ended | stopped | (room == step + 1)
                left = _rows_left(ended)
                if len(left) == 0:
                    break
                if len(left) <= (1 - _LEAVING_SHARE) * len(ended):
                    drawing.select(left)
                    cache.batch_select_indices(left)
                    adapters.select(left)
                    steering.select(left)
                    running, tokens, room = running[left], tokens[left], room[left]
                    mask, lengths, ended = mask[left], lengths[left], ended[left]
                logits = self._forward.logits(
                    tokens[:, None],
                    mask[:, : prompts.length + step + 1],
                    lengths[:, None] + step,
                    cache=cache,
                )[:, -1]
        self._fill(rows, drawn.tolist(), counts.tolist())

    def _name_rows(self, error: NotFiniteError, rows: Sequence[Row]) -> NotFiniteAnswerError:
        """Return an error that names the requests of a failed batch and the first bad layer."""
        bad = [rows[number] for number in error.rows]
        layer = first_layer_not_finite(
            self._model,
            self._forward,
            self._adapters.active([bad[0].request.adapter]),
            self._steering(bad[:1]),
            bad[0].prompt.token_ids,
            bad[0].token_ids,
        )
        return NotFiniteAnswerError(sorted({row.index for row in bad}), bad[0].request, layer)

    def _fill(self, rows: list[Row], drawn: list[list[int]], counts: list[int]) -> None:
        is_end = self._is_end.tolist()
        for row, token_ids, count in zip(rows, drawn, counts, strict=True):
            row.token_ids = token_ids[:count]
            row.ended_by_token = is_end[row.token_ids[-1]]
            if row.ended_by_token:
                row.token_ids.pop()

    def _watch(
        self,
        rows: list[Row],
        running: torch.Tensor,
        ended: torch.Tensor,
        tokens: torch.Tensor,
        logits: torch.Tensor,
    ) -> torch.Tensor:
        """Look at what was drawn in the rows that ask for it: stopped [B']."""
        stopped = torch.zeros_like(ended)
        places, over, token_ids = running.tolist(), ended.tolist(), tokens.tolist()
        for place, (number, done, token) in enumerate(zip(places, over, token_ids, strict=True)):
            if not done:
                stopped[place] = self._answers.watch(rows[number], token, logits[place])
        return stopped

    def _steering(self, rows: Sequence[Row]) -> RowSteering:
        return RowSteering(
            [row.request.steering for row in rows],
            dtype=self._model.dtype,
            device=self._model.device,
        )

    def _pad_prompts(self, rows: Sequence[Row], room: int) -> PaddedBatch:
        return PaddedBatch(
            [row.prompt.token_ids for row in rows],
            pad=self._pad,
            device=self._model.device,
            room=room,
        )

    def _drawing(self, rows: Sequence[Row], steps: int) -> Drawing:
        device = self._model.device
        uniforms = np.stack([uniform_stream(row.request.seed, row.sample, steps) for row in rows])
        settings = [row.request.sampling for row in rows]
        return Drawing(
            torch.from_numpy(uniforms).to(device),
            torch.tensor([setting.temperature for setting in settings], device=device),
            torch.tensor([setting.top_p for setting in settings], device=device),
        )


def _rows_left(ended: torch.Tensor) -> torch.Tensor:
    """Return the rows that have not ended [B'], the last ones moved into the places of those gone.

    Few rows change their place that way, and only those have to be copied.
    """
    alive = ~ended
    left = alive.nonzero()[:, 0]
    count = len(left)
    order = torch.arange(count, device=ended.device)
    order[ended[:count]] = left[left >= count]
    return order
