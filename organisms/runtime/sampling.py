"""Answers to many requests from one model: rows wait, run in a batch, and become results.

Rows of a batch may differ in everything that a request says. Which rows run together follows from
the list of requests alone.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from organisms.runtime.adapter_bank import AdapterBank
from organisms.runtime.admission import WaitingRows
from organisms.runtime.answers import Answers
from organisms.runtime.chat import ChatTemplate
from organisms.runtime.checks import check_count, refusal
from organisms.runtime.decoding import RunningBatch
from organisms.runtime.diagnosis import NotFiniteAnswerError, first_layer_not_finite
from organisms.runtime.drawing import NotFiniteError
from organisms.runtime.memory import TokenBudget, budget_of, is_out_of_memory, token_bytes
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
        self._token_bytes: int | None = None
        self._pad = pad_token_id(tokenizer, ends)

    def sample(
        self,
        requests: Sequence[Request],
        *,
        batch_rows: int | None = None,
        batch_tokens: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[Result]:
        """Check all requests, then return an iterator over their answers as they end.

        Raises:
            ValueError: Before any work: a limit is below 1; a request names an adapter that is
                not loaded, a layer or width that does not exist, a chat that cannot be rendered
                or is too long. During it: logits are not finite, or an adapter was removed.
        """
        for name, limit in (("batch_rows", batch_rows), ("batch_tokens", batch_tokens)):
            if limit is not None:
                check_count(name, limit, also=", or None")
        if progress is not None and not callable(progress):
            raise refusal("progress", progress, "a function of (done, total), or None")
        rows = self._rows(requests)
        waiting = WaitingRows(rows, self._adapters.runs_alone, self._model.device.type)
        return self._run(waiting, batch_rows, batch_tokens, progress)

    def next_token_logits(self, requests: Sequence[Request]) -> torch.Tensor:
        """Return each request's logits for its first answer token, [N, V] on the CPU."""
        rows = [row for row in self._rows(requests) if row.sample == 0]
        reader = PromptReader(self._model, self._adapters, self._pad)
        logits = torch.zeros((len(rows), len(self._is_end)), dtype=self._model.dtype)
        for places in self._together(rows):
            with self._adapters.lock:
                logits[places] = reader.logits([rows[place] for place in places])
        # Minus infinity is a token that never comes.
        bad = (logits.isnan() | logits.isposinf()).any(-1).nonzero()[:, 0].tolist()
        if bad:
            raise self._name_rows(NotFiniteError(bad), rows)
        return logits

    def _together(self, rows: Sequence[Row]) -> Iterable[list[int]]:
        """Return places of rows that may share a batch; every place once."""
        groups: dict[str | None, list[int]] = {}
        for place, row in enumerate(rows):
            adapter = row.request.adapter
            key = adapter if self._adapters.runs_alone(adapter) else None
            groups.setdefault(key, []).append(place)
        return groups.values()

    def _rows(self, requests: Sequence[Request]) -> list[Row]:
        with self._adapters.lock:
            return make_rows(requests, self._model, self._template, self._adapters)

    def _run(
        self,
        waiting: WaitingRows,
        batch_rows: int | None,
        batch_tokens: int | None,
        progress: Callable[[int, int], None] | None,
    ) -> Iterator[Result]:
        done, total = 0, len(waiting)
        budget = self._budget() if batch_tokens is None else TokenBudget(batch_tokens)
        watched = waiting.watched_layers()
        batch, prompts = self._begin(watched)
        while waiting or batch.rows:
            failure = ""
            try:
                with self._adapters.lock, torch.inference_mode():
                    self._admit(waiting, prompts, batch, batch_rows, budget)
                    finished = batch.run()
            except NotFiniteError as error:
                raise self._name_rows(error, batch.rows) from error
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                failure = str(error) or type(error).__name__
            # Not in the handler: the error holds on to the tensors that must go first.
            if failure:
                columns = batch.cache.columns
                del batch, prompts
                _halve(budget, waiting.take_back(), columns, failure)
                batch, prompts = self._begin(watched)
                continue
            for row, result in zip(finished, self._answers.results(finished), strict=True):
                row.finished = True
                yield result
            done += len(finished)
            if progress is not None:
                progress(done, total)

    def _budget(self) -> TokenBudget:
        if self._token_bytes is None:
            with self._adapters.lock:
                self._token_bytes = token_bytes(self._model)
        return budget_of(self._model, self._token_bytes)

    def _begin(self, watched: Sequence[int]) -> tuple[RunningBatch, PromptReader]:
        return (
            RunningBatch(self._model, self._adapters, self._answers, self._is_end, watched),
            PromptReader(self._model, self._adapters, self._pad, watched),
        )

    @staticmethod
    def _admit(
        waiting: WaitingRows,
        prompts: PromptReader,
        batch: RunningBatch,
        batch_rows: int | None,
        budget: TokenBudget,
    ) -> None:
        """Let waiting rows enter the batch where there is room for enough of them."""
        if not waiting or (batch.rows and not batch.cache.takes_rows):
            return
        columns = waiting.columns(batch.rows, batch.cache.columns)
        most_rows = min(budget.rows(columns), batch_rows or len(batch.rows) + len(waiting))
        in_all = min(most_rows, len(batch.rows) + len(waiting))
        window = batch.cache.end - batch.cache.start
        entering = waiting.enter(batch.rows, columns, most_rows, window)
        if not entering:
            return
        for read, rows in prompts.read(entering, waiting.first, batch.cache):
            batch.admit(read, rows, most_rows=in_all, columns=columns)

    def _name_rows(self, error: NotFiniteError, rows: Sequence[Row]) -> NotFiniteAnswerError:
        """Return an error that names the requests of a failed batch and the first bad layer."""
        bad = [rows[number] for number in error.rows]
        with self._adapters.lock:
            active = self._adapters.active([bad[0].request.adapter])
            layer = first_layer_not_finite(self._model, active, bad[0])
        return NotFiniteAnswerError(sorted({row.index for row in bad}), bad[0].request, layer)


def _halve(budget: TokenBudget, rows: Sequence[Row], columns: int, failure: str) -> None:
    """Make batches smaller after memory ran out.

    Args:
        budget: What changes.
        rows: The rows that did not fit.
        columns: Columns of their cache, 0 where there was none yet.
        failure: What the allocator said.

    Raises:
        MemoryError: There was one row only.
    """
    needed = max(row.needed for row in rows)
    if len(rows) == 1:
        raise MemoryError(
            f"one answer of {needed} tokens (prompt and max_tokens) does not fit into memory "
            f"({failure}); shorten the chat, lower max_tokens, or use another dtype or device"
        )
    budget.halve(len(rows), columns or needed)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
