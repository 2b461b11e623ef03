"""How likely answers are under a model, and how far an adapter's predictions are from the base's.

Exact over the vocabulary; needs logits of answer tokens only.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import isfinite

import numpy as np
import torch
from transformers import PreTrainedModel

from organisms.runtime.adapter_bank import AdapterBank
from organisms.runtime.capture import ActivationReader
from organisms.runtime.checks import check_text
from organisms.runtime.forward import ForwardPass, PaddedBatch
from organisms.runtime.requests import POSITIONS, Transcript
from organisms.runtime.texts import TextBatches

_BATCH_LOGITS = 2**27
"""Most logits of a batch, tokens x vocabulary, that are held at once: 512 MiB in fp32."""


class LikelihoodReader:
    """Reads the predictions of one model and its adapters for given answers."""

    def __init__(
        self,
        model: PreTrainedModel,
        adapters: AdapterBank,
        batches: TextBatches,
        activations: ActivationReader,
    ) -> None:
        """Collect what every batch needs; ``activations`` finds the layer of what is not finite."""
        self._model = model
        self._adapters = adapters
        self._batches = batches
        self._activations = activations
        self._forward = ForwardPass(model)

    def divergence(self, adapter: str, transcripts: Sequence[Transcript], batch_size: int) -> float:
        """Return KL(adapter || base) in nats per answer token; see :meth:`Organism.kl_to_base`."""
        check_text("adapter", adapter)
        self._adapters.check(adapter)
        texts = [replace(text, adapter=adapter) for text in self._batches.render(transcripts)]
        numbers = [number for number, text in enumerate(texts) if text.answer_tokens]
        if not numbers:
            raise ValueError("no transcript has an answer; the divergence is over answer tokens")
        texts = [texts[number] for number in numbers]
        of_texts = np.zeros(len(texts))

        def read(rows: list[int], batch: PaddedBatch) -> None:
            counts = torch.tensor([texts[row].answer_tokens for row in rows])
            longest = int(counts.max())
            own = self._logprobs([adapter] * len(rows), batch, longest)
            base = self._logprobs([None] * len(rows), batch, longest)
            divergence = (own.exp() * (own - base)).sum(-1)
            kept = torch.arange(longest)[None, :] >= longest - counts[:, None]
            by_text = divergence.double().where(kept.to(divergence.device), 0.0).sum(-1)
            if not bool(by_text.isfinite().all()):
                number = numbers[rows[int((~by_text.isfinite()).nonzero()[0])]]
                raise self._not_finite(transcripts[number], number, adapter)
            of_texts[rows] = by_text.cpu().numpy()

        self._batches.run(texts, batch_size, read, self._most_tokens())
        return float(of_texts.sum()) / sum(text.answer_tokens for text in texts)

    def log_likelihoods(
        self, transcripts: Iterable[Transcript], batch_size: int
    ) -> Iterator[float]:
        """Yield mean log-probabilities; see :meth:`Organism.log_likelihoods`."""
        windows = self._batches.windows(transcripts, batch_size)
        return (
            value
            for first, window in windows
            for value in self._log_likelihoods(window, batch_size, first)
        )

    def _log_likelihoods(
        self, transcripts: Sequence[Transcript], batch_size: int, first: int
    ) -> list[float]:
        texts = self._batches.render(transcripts, first)
        answered = [number for number, text in enumerate(texts) if text.answer_tokens]
        found = [float("nan")] * len(texts)
        chosen = [texts[number] for number in answered]

        def read(rows: list[int], batch: PaddedBatch) -> None:
            counts = [chosen[row].answer_tokens for row in rows]
            logprobs = self._logprobs([chosen[row].adapter for row in rows], batch, max(counts))
            answers = batch.token_ids[:, -max(counts) :, None]
            of_tokens = logprobs.gather(-1, answers)[..., 0].double().cpu()
            for row, count, line in zip(rows, counts, of_tokens, strict=True):
                number = answered[row]
                found[number] = float(line[-count:].mean())
                if not isfinite(found[number]):
                    raise self._not_finite(transcripts[number], first + number, chosen[row].adapter)

        self._batches.run(chosen, batch_size, read, self._most_tokens())
        return found

    def _most_tokens(self) -> int:
        vocabulary: int = self._model.get_output_embeddings().weight.shape[0]
        return min(max(1, _BATCH_LOGITS // vocabulary), self._batches.most_tokens)

    def _not_finite(self, transcript: Transcript, number: int, adapter: str | None) -> ValueError:
        """Return an error that names a text whose prediction is not finite, and the layer."""
        for reader in (None, adapter):
            try:
                self._activations.capture(
                    [replace(transcript, adapter=reader)], None, POSITIONS, 1, number
                )
            except ValueError as error:
                return ValueError(f"under adapter {reader!r}, {error}")
        return ValueError(
            f"logits of transcript {number} are NaN or infinite under adapter {adapter!r} or the "
            "base, though the residual stream is finite at every layer; check the language-model "
            "head and the dtype"
        )

    def _logprobs(
        self, adapters: Sequence[str | None], batch: PaddedBatch, answer: int
    ) -> torch.Tensor:
        """Return the log probabilities of the last ``answer`` tokens' predictions [B, A, V]."""
        with (
            self._adapters.lock,
            torch.inference_mode(),
            self._adapters.active(adapters).attached(self._model),
        ):
            logits = self._forward.logits(
                batch.token_ids, batch.mask, batch.positions, keep=answer + 1
            )
        exact = logits if logits.dtype == torch.float64 else logits.float()
        return exact[:, :-1].log_softmax(-1)
