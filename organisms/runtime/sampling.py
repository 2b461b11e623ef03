"""Answers to many requests from one model: rows wait, run in a batch, and become results.

Rows of a batch may differ in everything that a request says. Which rows run together follows from
the list of requests alone.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from organisms.runtime.adapter_bank import AdapterBank
from organisms.runtime.admission import WaitingRows
from organisms.runtime.answers import Answers
from organisms.runtime.chat import ChatTemplate
from organisms.runtime.decoding import RunningBatch
from organisms.runtime.diagnosis import NotFiniteAnswerError, first_layer_not_finite
from organisms.runtime.drawing import NotFiniteError
from organisms.runtime.prompts import PromptReader
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
        waiting = WaitingRows(rows, self._adapters.runs_alone)
        return self._run(waiting, batch_rows, batch_tokens, progress)

    def next_token_logits(self, requests: Sequence[Request]) -> torch.Tensor:
        """Return each request's logits for its first answer token, one batch: [N, V] on the CPU."""
        rows = [row for row in self._rows(requests) if row.sample == 0]
        return PromptReader(self._model, self._adapters, self._pad).logits(rows)

    def _rows(self, requests: Sequence[Request]) -> list[Row]:
        return make_rows(requests, self._model, self._template, self._adapters)

    def _run(
        self,
        waiting: WaitingRows,
        batch_rows: int,
        batch_tokens: int,
        progress: Callable[[int, int], None] | None,
    ) -> Iterator[Result]:
        done, total = 0, len(waiting)
        prompts = PromptReader(self._model, self._adapters, self._pad)
        batch = RunningBatch(self._model, self._adapters, self._answers, self._is_end)
        while waiting or batch.rows:
            with torch.inference_mode():
                self._admit(waiting, prompts, batch, batch_rows, batch_tokens)
                try:
                    finished = batch.run()
                except NotFiniteError as error:
                    raise self._name_rows(error, batch.rows) from error
            yield from self._answers.results(finished)
            done += len(finished)
            if progress is not None:
                progress(done, total)

    def _admit(
        self,
        waiting: WaitingRows,
        prompts: PromptReader,
        batch: RunningBatch,
        batch_rows: int,
        batch_tokens: int,
    ) -> None:
        """Let waiting rows enter the batch where there is room for enough of them."""
        if not waiting or (batch.rows and not batch.cache.takes_rows):
            return
        columns = waiting.columns(batch.rows, batch.cache.columns)
        most_rows = max(1, min(batch_rows, batch_tokens // columns))
        in_all = min(most_rows, len(batch.rows) + len(waiting))
        entering = waiting.enter(batch.rows, columns, most_rows)
        for read, rows in prompts.read(entering, waiting.first, batch.cache):
            batch.admit(read, rows, most_rows=in_all, columns=columns)

    def _name_rows(self, error: NotFiniteError, rows: Sequence[Row]) -> NotFiniteAnswerError:
        """Return an error that names the requests of a failed batch and the first bad layer."""
        bad = [rows[number] for number in error.rows]
        layer = first_layer_not_finite(
            self._model,
            self._adapters.active([bad[0].request.adapter]),
            bad[0],
        )
        return NotFiniteAnswerError(sorted({row.index for row in bad}), bad[0].request, layer)
