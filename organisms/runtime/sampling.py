"""Answers to many requests from one model, batch by batch.

Which rows run together is planned from the list of requests alone; :mod:`decoding` draws a batch.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from organisms.runtime.adapter_bank import AdapterBank
from organisms.runtime.answers import Answers
from organisms.runtime.batching import Place, plan_batches
from organisms.runtime.chat import ChatTemplate
from organisms.runtime.decoding import Decoder
from organisms.runtime.requests import Request, Result
from organisms.runtime.rows import Row, make_rows
from organisms.runtime.special_tokens import end_token_ids, pad_token_id


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
        self._template = template
        self._adapters = adapters
        self._answers = Answers(tokenizer, template)
        ends = end_token_ids(model, tokenizer)
        self._decoder = Decoder(
            model, adapters, self._answers, ends=ends, pad=pad_token_id(tokenizer, ends)
        )

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
        return self._decoder.first_logits([row for row in self._rows(requests) if row.sample == 0])

    def _rows(self, requests: Sequence[Request]) -> list[Row]:
        return make_rows(requests, self._model, self._template, self._adapters)

    def _run(
        self,
        rows: Sequence[Row],
        batches: Sequence[Sequence[int]],
        progress: Callable[[int, int], None] | None,
    ) -> Iterator[Result]:
        done = 0
        for batch in batches:
            chosen = [rows[index] for index in batch]
            self._decoder.decode(chosen)
            yield from self._answers.results(chosen)
            done += len(chosen)
            if progress is not None:
                progress(done, len(rows))
