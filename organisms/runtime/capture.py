"""Reading texts and keeping what the residual stream held: pooled activations, norms, divergence.

Pooling happens on the device in the hooks, for the layers asked and no others; the language-model
head is not run and the pass ends at the deepest layer needed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from math import isfinite

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from organisms.runtime.adapter_bank import AdapterBank
from organisms.runtime.batching import Place, plan_batches
from organisms.runtime.chat import ChatTemplate
from organisms.runtime.forward import ForwardPass, PaddedBatch, context_length
from organisms.runtime.layers import (
    ResidualFunction,
    check_layer,
    number_of_layers,
    residual_hooks,
    width,
)
from organisms.runtime.requests import POSITIONS, Transcript, check_positions
from organisms.runtime.special_tokens import end_token_ids, pad_token_id

__all__ = ["POSITIONS", "Reader", "Transcript"]

_BATCH_TOKENS = 32_768
_WINDOW_BATCHES = 16
"""A stream is read this many batches ahead, so that texts of one length still run together."""
_BATCH_LOGITS = 2**27
"""Most logits of a batch, tokens x vocabulary, that are held at once: 512 MiB in fp32."""


class _DeepEnoughError(Exception):
    """Ends a forward pass: no deeper layer was asked for."""


@dataclass(frozen=True)
class _Text:
    """One transcript in tokens."""

    token_ids: tuple[int, ...]
    prompt_tokens: int
    adapter: str | None

    @property
    def answer_tokens(self) -> int:
        return len(self.token_ids) - self.prompt_tokens


class Reader:
    """Reads transcripts with one model and its adapters."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        template: ChatTemplate,
        adapters: AdapterBank,
    ) -> None:
        """Collect what every batch needs."""
        self._model = model
        self._template = template
        self._adapters = adapters
        self._forward = ForwardPass(model)
        self._pad = pad_token_id(tokenizer, end_token_ids(model, tokenizer))

    def capture(
        self,
        transcripts: Sequence[Transcript],
        layers: Sequence[int] | None,
        positions: Sequence[str],
        batch_size: int,
        first: int = 0,
    ) -> npt.NDArray[np.float32]:
        """Return pooled residuals [N, P, K, D]; see :meth:`Organism.capture`.

        ``first`` is the number of the first transcript, for errors.
        """
        chosen = self._layers(layers)
        check_positions(positions)
        texts = self._texts(transcripts, first)
        pooled = np.full(
            (len(texts), len(positions), len(chosen), width(self._model)), np.nan, np.float32
        )
        for rows, batch in self._batches(texts, batch_size):
            weights = _pooling_weights([texts[row] for row in rows], positions, batch.length)
            weights = weights.to(self._model.device)
            by_layer: dict[int, torch.Tensor] = {}
            self._read(
                [texts[row] for row in rows],
                batch,
                {layer: _pool(weights, by_layer, layer) for layer in chosen},
            )
            stacked = torch.stack([by_layer[layer] for layer in chosen], dim=2)
            _check_finite(stacked, [first + row for row in rows], chosen)
            pooled[rows] = stacked.cpu().numpy()
        for place, position in enumerate(positions):
            if position == "response_mean":
                silent = [row for row, text in enumerate(texts) if not text.answer_tokens]
                pooled[silent, place] = np.nan
        return pooled

    def stream(
        self,
        transcripts: Iterable[Transcript],
        layers: Sequence[int] | None,
        positions: Sequence[str],
        batch_size: int,
    ) -> Iterator[npt.NDArray[np.float32]]:
        """Yield pooled residuals [P, K, D]; see :meth:`Organism.capture_stream`."""
        check_positions(positions)
        chosen = self._layers(layers)

        def read() -> Iterator[npt.NDArray[np.float32]]:
            source, first = iter(transcripts), 0
            while window := list(islice(source, _WINDOW_BATCHES * batch_size)):
                for row in self.capture(window, chosen, positions, batch_size, first):
                    # A copy, or whoever keeps one row keeps the window.
                    yield row.copy()
                first += len(window)

        return read()

    def residual_norms(
        self, transcripts: Sequence[Transcript], layers: Sequence[int] | None, batch_size: int
    ) -> dict[str, npt.NDArray[np.float64]]:
        """Return median token norms per layer; see :meth:`Organism.residual_norms`."""
        chosen = self._layers(layers)
        texts = self._texts(transcripts)
        collected: dict[str, list[list[torch.Tensor]]] = {
            name: [[] for _ in chosen] for name in ("response", "prompt", "last_prompt")
        }
        for rows, batch in self._batches(texts, batch_size):
            spans = _spans([texts[row] for row in rows], batch.length)
            norms: dict[int, torch.Tensor] = {}
            self._read(
                [texts[row] for row in rows],
                batch,
                {layer: _norm(norms, layer) for layer in chosen},
            )
            kept = spans["prompt"] | spans["response"]
            for place, layer in enumerate(chosen):
                found = norms[layer].cpu()
                _check_norms(found.where(kept, 0.0), rows, layer)
                for name, span in spans.items():
                    collected[name][place].append(found[span])
        return {
            name: np.array([_median(torch.cat(parts)) for parts in by_layer])
            for name, by_layer in collected.items()
        }

    def divergence(self, adapter: str, transcripts: Sequence[Transcript], batch_size: int) -> float:
        """Return KL(adapter || base) in nats per answer token; see :meth:`Organism.kl_to_base`."""
        self._adapters.check(adapter)
        texts = [
            _Text(text.token_ids, text.prompt_tokens, adapter) for text in self._texts(transcripts)
        ]
        if not any(text.answer_tokens for text in texts):
            raise ValueError("no transcript has an answer; the divergence is over answer tokens")
        numbers = [number for number, text in enumerate(texts) if text.answer_tokens]
        texts = [texts[number] for number in numbers]
        total, tokens = 0.0, 0
        for rows, batch in self._batches(texts, batch_size):
            chosen = [texts[row] for row in rows]
            longest = max(text.answer_tokens for text in chosen)
            own = self._logprobs([adapter] * len(rows), batch, longest)
            base = self._logprobs([None] * len(rows), batch, longest)
            divergence = (own.exp() * (own - base)).sum(-1)
            counts = torch.tensor([text.answer_tokens for text in chosen], device=own.device)
            columns = torch.arange(longest, device=own.device)
            kept = columns[None, :] >= longest - counts[:, None]
            by_text = divergence.double().where(kept, 0.0).sum(-1)
            if not bool(by_text.isfinite().all()):
                number = numbers[rows[int((~by_text.isfinite()).nonzero()[0])]]
                raise self._not_finite(transcripts[number], number, adapter)
            total += float(by_text.sum())
            tokens += int(counts.sum())
        return total / tokens

    def log_likelihoods(
        self, transcripts: Iterable[Transcript], batch_size: int
    ) -> Iterator[float]:
        """Yield mean log-probabilities; see :meth:`Organism.log_likelihoods`."""
        source, first = iter(transcripts), 0
        while window := list(islice(source, _WINDOW_BATCHES * batch_size)):
            yield from self._log_likelihoods(window, batch_size, first)
            first += len(window)

    def _log_likelihoods(
        self, transcripts: Sequence[Transcript], batch_size: int, first: int
    ) -> list[float]:
        texts = self._texts(transcripts, first)
        answered = [number for number, text in enumerate(texts) if text.answer_tokens]
        found = [float("nan")] * len(texts)
        chosen = [texts[number] for number in answered]
        limit = max(1, _BATCH_LOGITS // self._model.config.get_text_config().vocab_size)
        for rows, batch in self._batches(chosen, batch_size, min(limit, _BATCH_TOKENS)):
            counts = [chosen[row].answer_tokens for row in rows]
            logprobs = self._logprobs([chosen[row].adapter for row in rows], batch, max(counts))
            answers = batch.token_ids[:, -max(counts) :, None]
            of_tokens = logprobs.gather(-1, answers)[..., 0].double().cpu()
            for row, count, line in zip(rows, counts, of_tokens, strict=True):
                number = answered[row]
                found[number] = float(line[-count:].mean())
                if not isfinite(found[number]):
                    raise self._not_finite(transcripts[number], first + number, chosen[row].adapter)
        return found

    def _not_finite(self, transcript: Transcript, number: int, adapter: str | None) -> ValueError:
        """Return an error that names a text whose prediction is not finite, and the layer."""
        for reader in (None, adapter):
            try:
                self.capture([replace(transcript, adapter=reader)], None, POSITIONS, 1, number)
            except ValueError as error:
                return ValueError(f"under adapter {reader!r}, {error}")
        return ValueError(
            f"logits of transcript {number} are NaN or infinite under adapter {adapter!r} or the "
            "base, though the residual stream is finite at every layer; check the language-model "
            "head and the dtype"
        )

    def _layers(self, layers: Sequence[int] | None) -> list[int]:
        deepest = number_of_layers(self._model)
        if layers is None:
            return list(range(deepest + 1))
        if not layers:
            raise ValueError("no layers asked for; give some, or None for all")
        for layer in layers:
            check_layer(layer, deepest)
        return list(layers)

    def _texts(self, transcripts: Sequence[Transcript], first: int = 0) -> list[_Text]:
        limit = context_length(self._model)
        texts: list[_Text] = []
        for index, transcript in enumerate(transcripts, first):
            try:
                self._adapters.check(transcript.adapter)
                before, answer = self._template.transcript(transcript)
                token_ids = (*before, *answer)
                if limit is not None and len(token_ids) > limit:
                    raise ValueError(
                        f"{len(token_ids)} tokens do not fit the context of {limit}; shorten it"
                    )
            except ValueError as error:
                raise ValueError(f"transcript {index}: {error}") from error
            texts.append(_Text(token_ids, len(before), transcript.adapter))
        return texts

    def _batches(
        self, texts: Sequence[_Text], batch_size: int, tokens: int = _BATCH_TOKENS
    ) -> Iterator[tuple[list[int], PaddedBatch]]:
        places = [
            Place(
                group=text.adapter,
                alone=self._adapters.runs_alone(text.adapter),
                length=len(text.token_ids),
                room=0,
            )
            for text in texts
        ]
        for rows in plan_batches(places, rows=batch_size, tokens=tokens):
            yield (
                rows,
                PaddedBatch(
                    [texts[row].token_ids for row in rows],
                    pad=self._pad,
                    device=self._model.device,
                ),
            )

    def _read(
        self,
        texts: Sequence[_Text],
        batch: PaddedBatch,
        functions: Mapping[int, ResidualFunction],
    ) -> None:
        """Run one batch as deep as the deepest function's layer."""
        adapters = self._adapters.active([text.adapter for text in texts])
        with torch.inference_mode(), ExitStack() as hooks:
            hooks.enter_context(adapters.attached(self._model))
            hooks.enter_context(residual_hooks(self._model, functions))
            hooks.enter_context(residual_hooks(self._model, {max(functions): _stop}))
            try:
                self._forward.decoder(batch.token_ids, batch.mask, batch.positions)
            except _DeepEnoughError:
                return

    def _logprobs(
        self, adapters: Sequence[str | None], batch: PaddedBatch, answer: int
    ) -> torch.Tensor:
        """Return the log probabilities of the last ``answer`` tokens' predictions [B, A, V]."""
        with torch.inference_mode(), self._adapters.active(adapters).attached(self._model):
            logits = self._forward.logits(
                batch.token_ids, batch.mask, batch.positions, keep=answer + 1
            )
        exact = logits if logits.dtype == torch.float64 else logits.float()
        return exact[:, :-1].log_softmax(-1)


def _stop(stream: torch.Tensor) -> None:
    raise _DeepEnoughError


def _pool(weights: torch.Tensor, by_layer: dict[int, torch.Tensor], layer: int) -> ResidualFunction:
    def pool(stream: torch.Tensor) -> None:
        by_layer[layer] = torch.bmm(weights, stream.float())

    return pool


def _norm(norms: dict[int, torch.Tensor], layer: int) -> ResidualFunction:
    def norm(stream: torch.Tensor) -> None:
        norms[layer] = stream.float().norm(dim=-1)

    return norm


def _spans(texts: Sequence[_Text], length: int) -> dict[str, torch.Tensor]:
    """Return which columns of a left-padded batch each kind of token takes: bool [B, T] each."""
    columns = torch.arange(length)[None, :]
    starts = torch.tensor([length - len(text.token_ids) for text in texts])[:, None]
    answers = torch.tensor([length - text.answer_tokens for text in texts])[:, None]
    return {
        "response": columns >= answers,
        "prompt": (columns >= starts) & (columns < answers),
        "last_prompt": columns == answers - 1,
    }


def _pooling_weights(texts: Sequence[_Text], positions: Sequence[str], length: int) -> torch.Tensor:
    """Return the weight of every token in every position's mean: float32 [B, P, T]."""
    spans = _spans(texts, length)
    masks = torch.stack(
        [spans[position.removesuffix("_mean")] for position in positions], dim=1
    ).float()
    return masks / masks.sum(dim=-1, keepdim=True).clamp_min(1)


def _median(values: torch.Tensor) -> float:
    return float(np.median(values.numpy())) if len(values) else float("nan")


def _check_norms(norms: torch.Tensor, rows: Sequence[int], layer: int) -> None:
    finite = norms.isfinite().all(dim=-1)
    if not bool(finite.all()):
        raise _not_finite_at(rows[int((~finite).nonzero()[0])], layer)


def _check_finite(pooled: torch.Tensor, rows: Sequence[int], layers: Sequence[int]) -> None:
    finite = pooled.isfinite().all(dim=-1).all(dim=1)
    if not bool(finite.all()):
        row, layer = (~finite).nonzero()[0].tolist()
        raise _not_finite_at(rows[row], layers[layer])


def _not_finite_at(row: int, layer: int) -> ValueError:
    return ValueError(
        f"activations of transcript {row} at layer {layer} hold NaN or infinity; check the "
        "adapter and the dtype"
    )
