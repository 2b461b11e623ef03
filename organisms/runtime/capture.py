"""Reading texts and keeping what the residual stream held: pooled activations and norms.

Pooling happens on the device in the hooks, for the layers asked and no others; the language-model
head is not run and the pass ends at the deepest layer needed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from organisms.runtime.adapter_bank import AdapterBank
from organisms.runtime.checks import check_layers
from organisms.runtime.forward import ForwardPass, PaddedBatch
from organisms.runtime.layers import (
    ResidualFunction,
    check_layer,
    number_of_layers,
    residual_hooks,
    width,
)
from organisms.runtime.requests import Transcript, check_positions
from organisms.runtime.texts import Text, TextBatches


class _DeepEnoughError(Exception):
    """Ends a forward pass: no deeper layer was asked for."""


class ActivationReader:
    """Reads the residual stream of transcripts with one model and its adapters."""

    def __init__(self, model: PreTrainedModel, adapters: AdapterBank, batches: TextBatches) -> None:
        """Collect what every batch needs."""
        self._model = model
        self._adapters = adapters
        self._batches = batches
        self._forward = ForwardPass(model)

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
        texts = self._batches.render(transcripts, first)
        pooled = np.full(
            (len(texts), len(positions), len(chosen), width(self._model)), np.nan, np.float32
        )

        def read(rows: list[int], batch: PaddedBatch) -> None:
            chosen_texts = [texts[row] for row in rows]
            weights = _pooling_weights(chosen_texts, positions, batch.length)
            weights = weights.to(self._model.device)
            by_layer: dict[int, torch.Tensor] = {}
            self._read(
                chosen_texts, batch, {layer: _pool(weights, by_layer, layer) for layer in chosen}
            )
            stacked = torch.stack([by_layer[layer] for layer in chosen], dim=2)
            _check_finite(stacked, [first + row for row in rows], chosen)
            pooled[rows] = stacked.cpu().numpy()

        self._batches.run(texts, batch_size, read)
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
        windows = self._batches.windows(transcripts, batch_size)
        # Copies, or whoever keeps one row keeps the window.
        return (
            row.copy()
            for first, window in windows
            for row in self.capture(window, chosen, positions, batch_size, first)
        )

    def residual_norms(
        self, transcripts: Sequence[Transcript], layers: Sequence[int] | None, batch_size: int
    ) -> dict[str, npt.NDArray[np.float64]]:
        """Return median token norms per layer; see :meth:`Organism.residual_norms`."""
        chosen = self._layers(layers)
        texts = self._batches.render(transcripts)
        collected: dict[str, list[list[torch.Tensor]]] = {
            name: [[] for _ in chosen] for name in ("response", "prompt", "last_prompt")
        }

        def read(rows: list[int], batch: PaddedBatch) -> None:
            chosen_texts = [texts[row] for row in rows]
            spans = _spans(chosen_texts, batch.length)
            kept = spans["prompt"] | spans["response"]
            norms: dict[int, torch.Tensor] = {}
            self._read(chosen_texts, batch, {layer: _norm(norms, layer) for layer in chosen})
            found = [norms[layer].cpu() for layer in chosen]
            for layer, of_tokens in zip(chosen, found, strict=True):
                _check_norms(of_tokens.where(kept, 0.0), rows, layer)
            for name, span in spans.items():
                for place, of_tokens in enumerate(found):
                    collected[name][place].append(of_tokens[span])

        self._batches.run(texts, batch_size, read)
        return {
            name: np.array([_median(torch.cat([torch.empty(0), *parts])) for parts in by_layer])
            for name, by_layer in collected.items()
        }

    def _layers(self, layers: Sequence[int] | None) -> list[int]:
        deepest = number_of_layers(self._model)
        if layers is None:
            return list(range(deepest + 1))
        check_layers(layers)
        for layer in layers:
            check_layer(layer, deepest)
        return list(layers)

    def _read(
        self,
        texts: Sequence[Text],
        batch: PaddedBatch,
        functions: Mapping[int, ResidualFunction],
    ) -> None:
        """Run one batch as deep as the deepest function's layer."""
        with self._adapters.lock, torch.inference_mode(), ExitStack() as hooks:
            adapters = self._adapters.active([text.adapter for text in texts])
            hooks.enter_context(adapters.attached(self._model))
            hooks.enter_context(residual_hooks(self._model, functions))
            hooks.enter_context(residual_hooks(self._model, {max(functions): _stop}))
            try:
                self._forward.decoder(batch.token_ids, batch.mask, batch.positions)
            except _DeepEnoughError:
                return


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


def _spans(texts: Sequence[Text], length: int) -> dict[str, torch.Tensor]:
    """Return which columns of a left-padded batch each kind of token takes: bool [B, T] each."""
    columns = torch.arange(length)[None, :]
    starts = torch.tensor([length - len(text.token_ids) for text in texts])[:, None]
    answers = torch.tensor([length - text.answer_tokens for text in texts])[:, None]
    return {
        "response": columns >= answers,
        "prompt": (columns >= starts) & (columns < answers),
        "last_prompt": columns == answers - 1,
    }


def _pooling_weights(texts: Sequence[Text], positions: Sequence[str], length: int) -> torch.Tensor:
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
