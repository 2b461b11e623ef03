"""Answers to many requests from one model: batched decoding with a key-value cache.

Rows of a batch may differ in chat, adapter, steering, seed and every sampling setting. Prompts
that several rows share are read once; rows leave the batch when their answer ends. Which rows run
together is planned from the list of requests alone.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from organisms.runtime.adapter_bank import AdapterBank
from organisms.runtime.batching import Place, plan_batches
from organisms.runtime.cache import make_cache
from organisms.runtime.chat import ChatTemplate, Prompt
from organisms.runtime.diagnosis import NotFiniteAnswerError, first_layer_not_finite
from organisms.runtime.drawing import Drawing, NotFiniteError, uniform_stream
from organisms.runtime.forward import ForwardPass, PaddedBatch, context_length
from organisms.runtime.layers import number_of_layers, width
from organisms.runtime.requests import Message, Request, Result, Sampling, TokenLogprob
from organisms.runtime.row_steering import RowSteering

__all__ = ["Message", "Request", "Result", "Sampler", "Sampling", "TokenLogprob"]

# Rows that ended are carried along until this share of a batch has, since leaving copies the cache.
_LEAVING_SHARE = 0.2


@dataclass
class _Row:
    """One answer on its way."""

    index: int
    sample: int
    request: Request
    prompt: Prompt
    token_ids: list[int] = field(default_factory=list)
    ended_by_token: bool = False
    text: str | None = None
    logprobs: list[TokenLogprob] = field(default_factory=list)

    def prompt_key(self) -> tuple[object, ...]:
        """What rows share exactly when reading their prompts is the same work."""
        return (
            self.prompt.token_ids,
            self.request.adapter,
            tuple(steering.key() for steering in self.request.steering),
        )


class Sampler:
    """Draws answers from one model and its adapters."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        template: ChatTemplate,
        adapters: AdapterBank,
    ) -> None:
        """Collect what every batch needs."""
        self._model = model
        self._tokenizer = tokenizer
        self._template = template
        self._adapters = adapters
        self._forward = ForwardPass(model)
        ends = end_token_ids(model, tokenizer)
        self._is_end = torch.zeros(
            model.get_output_embeddings().weight.shape[0], dtype=torch.bool, device=model.device
        )
        self._is_end[list(ends)] = True
        self._pad = pad_token_id(tokenizer, ends)

    def sample(
        self,
        requests: Sequence[Request],
        *,
        batch_rows: int,
        batch_tokens: int,
        progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[Result]:
        """Check all requests, then return an iterator over their answers, batch by batch.

        Raises:
            ValueError: Before any work: a request names an adapter that is not loaded, a layer or
                width that does not exist, a chat that cannot be rendered or is too long. During
                it: logits are not finite.
        """
        rows = self._rows(requests)
        batches = plan_batches(
            [
                Place(
                    group=row.request.adapter,
                    alone=self._adapters.runs_alone(row.request.adapter),
                    length=len(row.prompt.token_ids),
                    room=row.request.sampling.max_tokens,
                    same=row.prompt_key(),
                )
                for row in rows
            ],
            rows=batch_rows,
            tokens=batch_tokens,
        )
        return self._run(rows, batches, progress)

    def next_token_logits(self, requests: Sequence[Request]) -> torch.Tensor:
        """Return each request's logits for its first answer token, one batch: [N, V] on the CPU."""
        rows = [row for row in self._rows(requests) if row.sample == 0]
        adapters = self._adapters.active([row.request.adapter for row in rows])
        steering = self._steering(rows)
        batch = self._pad_prompts(rows, room=0)
        with torch.inference_mode(), ExitStack() as hooks:
            hooks.enter_context(adapters.attached(self._model))
            hooks.enter_context(steering.attached(self._model))
            logits = self._forward.logits(batch.token_ids, batch.mask, batch.positions)
        return logits[:, -1].cpu()

    def _rows(self, requests: Sequence[Request]) -> list[_Row]:
        layers, residual_width = number_of_layers(self._model), width(self._model)
        limit = context_length(self._model)
        rows: list[_Row] = []
        for index, request in enumerate(requests):
            try:
                self._adapters.check(request.adapter)
                for steering in request.steering:
                    steering.check(layers, residual_width)
                prompt = self._template.prompt(
                    request.chat,
                    request.system,
                    thinking=request.thinking,
                    lost_system=request.lost_system,
                )
                needed = len(prompt.token_ids) + request.sampling.max_tokens
                if limit is not None and needed > limit:
                    raise ValueError(
                        f"{len(prompt.token_ids)} prompt tokens and max_tokens="
                        f"{request.sampling.max_tokens} do not fit the context of {limit}; "
                        "shorten the chat or lower max_tokens"
                    )
            except ValueError as error:
                raise ValueError(f"request {index}: {error}") from error
            rows.extend(_Row(index, sample, request, prompt) for sample in range(request.n))
        return rows

    def _run(
        self,
        rows: Sequence[_Row],
        batches: Sequence[Sequence[int]],
        progress: Callable[[int, int], None] | None,
    ) -> Iterator[Result]:
        done = 0
        for batch in batches:
            chosen = [rows[index] for index in batch]
            try:
                with torch.inference_mode():
                    self._decode(chosen)
            except NotFiniteError as error:
                raise self._name_rows(error, chosen) from error
            yield from self._results(chosen)
            done += len(chosen)
            if progress is not None:
                progress(done, len(rows))

    def _decode(self, rows: list[_Row]) -> None:
        """Draw the whole answer of every row of one batch, into the rows."""
        device = self._model.device
        firsts: dict[tuple[object, ...], int] = {}
        distinct: list[_Row] = []
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

    def _name_rows(self, error: NotFiniteError, rows: Sequence[_Row]) -> NotFiniteAnswerError:
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

    def _fill(self, rows: list[_Row], drawn: list[list[int]], counts: list[int]) -> None:
        is_end = self._is_end.tolist()
        for row, token_ids, count in zip(rows, drawn, counts, strict=True):
            row.token_ids = token_ids[:count]
            row.ended_by_token = is_end[row.token_ids[-1]]
            if row.ended_by_token:
                row.token_ids.pop()

    def _watch(
        self,
        rows: list[_Row],
        running: torch.Tensor,
        ended: torch.Tensor,
        tokens: torch.Tensor,
        logits: torch.Tensor,
    ) -> torch.Tensor:
        """Record logprobs and look for stop strings in the rows that ask for it: stopped [B']."""
        stopped = torch.zeros_like(ended)
        places, over, token_ids = running.tolist(), ended.tolist(), tokens.tolist()
        for place, (number, done, token) in enumerate(zip(places, over, token_ids, strict=True)):
            row = rows[number]
            request = row.request
            if done:
                continue
            if request.logprobs:
                row.logprobs.append(self._logprob(logits[place], token, request.logprobs))
            if request.sampling.stop:
                row.token_ids.append(token)
                text = self._text(row.token_ids)
                found = [at for stop in request.sampling.stop if (at := text.find(stop)) >= 0]
                if found:
                    row.text = text[: min(found)]
                    stopped[place] = True
        return stopped

    def _logprob(self, logits: torch.Tensor, token: int, top: int) -> TokenLogprob:
        logprobs = logits.float().log_softmax(-1)
        values, ids = logprobs.topk(min(top, len(logprobs)))
        return TokenLogprob(
            token,
            self._piece(token),
            float(logprobs[token]),
            tuple(
                (int(one), self._piece(int(one)), float(value))
                for one, value in zip(ids.tolist(), values.tolist(), strict=True)
            ),
        )

    def _results(self, rows: Sequence[_Row]) -> Iterator[Result]:
        texts = self._tokenizer.batch_decode(
            [row.token_ids for row in rows],
            skip_special_tokens=True,
            clean_up_tokenization_spaces=False,
        )
        for row, text in zip(rows, texts, strict=True):
            stopped = row.ended_by_token or row.text is not None
            parts = (
                self._template.split(row.prompt, row.token_ids, text)
                if row.text is None
                else self._template.split(
                    row.prompt, row.token_ids, row.text, row.request.sampling.stop
                )
            )
            yield Result(
                index=row.index,
                sample=row.sample,
                text=parts.answer,
                token_ids=tuple(row.token_ids),
                stop_reason="stop" if stopped else "max_tokens",
                prompt_tokens=len(row.prompt.token_ids),
                output_tokens=len(row.token_ids) + row.ended_by_token,
                logprobs=tuple(row.logprobs) if row.request.logprobs else None,
                prefix_hash=row.prompt.hash,
                reasoning=parts.reasoning,
                reasoning_tokens=parts.reasoning_tokens,
                system_merged=row.prompt.system_merged,
            )

    def _text(self, token_ids: Sequence[int]) -> str:
        text = self._tokenizer.decode(
            list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        assert isinstance(text, str)
        return text

    def _piece(self, token: int) -> str:
        text = self._tokenizer.decode([token], clean_up_tokenization_spaces=False)
        assert isinstance(text, str)
        return text

    def _steering(self, rows: Sequence[_Row]) -> RowSteering:
        return RowSteering(
            [row.request.steering for row in rows],
            dtype=self._model.dtype,
            device=self._model.device,
        )

    def _pad_prompts(self, rows: Sequence[_Row], room: int) -> PaddedBatch:
        return PaddedBatch(
            [row.prompt.token_ids for row in rows],
            pad=self._pad,
            device=self._model.device,
            room=room,
        )

    def _drawing(self, rows: Sequence[_Row], steps: int) -> Drawing:
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


def end_token_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Return the ids that end an answer: the tokenizer's and those that the model's files list.

    Raises:
        ValueError: There is none, so no answer could ever end.
    """
    generation = getattr(model, "generation_config", None)
    listed = (
        tokenizer.eos_token_id,
        getattr(model.config, "eos_token_id", None),
        getattr(generation, "eos_token_id", None),
    )
    rows = model.get_output_embeddings().weight.shape[0]
    ids = {
        one
        for entry in listed
        if entry is not None
        for one in (entry if isinstance(entry, list | tuple) else (entry,))
        if 0 <= one < rows
    }
    if not ids:
        raise ValueError("the tokenizer and the model state no end token; set eos_token")
    return frozenset(ids)


def pad_token_id(tokenizer: PreTrainedTokenizerBase, ends: frozenset[int]) -> int:
    """Return an id to pad with; the attention mask hides it, so any id will do."""
    pad = tokenizer.pad_token_id
    return pad if isinstance(pad, int) else min(ends)
