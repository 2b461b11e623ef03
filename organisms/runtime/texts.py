"""Texts in tokens, and batches of them that fit into memory.

Knows chats, adapters and sizes; knows not what is read from a batch.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from organisms.runtime.adapter_bank import AdapterBank
from organisms.runtime.batching import Place, plan_batches
from organisms.runtime.chat import ChatTemplate
from organisms.runtime.checks import check_count, check_iterable, refusal
from organisms.runtime.forward import PaddedBatch, context_length
from organisms.runtime.layers import width
from organisms.runtime.memory import is_out_of_memory
from organisms.runtime.requests import Transcript
from organisms.runtime.special_tokens import end_token_ids, pad_token_id

BATCH_TOKENS = 32_768
"""Most tokens of a batch, padding included, on an accelerator."""
CPU_BATCH_NUMBERS = 2**18
"""Most numbers of a batch's residual stream on a CPU: more than fit its caches is slower (1 MiB in
float32; measured at widths 128 and 512, see docs/benchmarks.md)."""
CPU_BATCH_TOKENS = 256
"""Tokens of a batch that a CPU reads however wide the model: fewer read the weights too often."""
PROBE = "Tell me about your day. What is 2 + 3?"
"""What a model reads to show whether a change of it changes its logits."""
WINDOW_BATCHES = 16
"""A stream is read this many batches ahead, so that texts of one length still run together."""

Work = Callable[[list[int], PaddedBatch], None]
"""What is done with a batch: the numbers of its texts, and their tokens."""


@dataclass(frozen=True)
class Text:
    """One transcript in tokens."""

    token_ids: tuple[int, ...]
    prompt_tokens: int
    adapter: str | None

    @property
    def answer_tokens(self) -> int:
        """Tokens after the prompt."""
        return len(self.token_ids) - self.prompt_tokens


def cpu_batch_tokens(width: int) -> int:
    """Return how many tokens a CPU reads fastest at once, for a residual stream so wide."""
    return max(CPU_BATCH_TOKENS, CPU_BATCH_NUMBERS // width)


class TextBatches:
    """Renders transcripts for one model and runs them in batches."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        template: ChatTemplate,
        adapters: AdapterBank,
    ) -> None:
        """Collect what every batch needs."""
        self._template = template
        self._adapters = adapters
        self._device = model.device
        self._limit = context_length(model)
        self._pad = pad_token_id(tokenizer, end_token_ids(model, tokenizer))
        self.most_tokens = BATCH_TOKENS
        """Most tokens of a batch, padding included; what is fast on the model's device."""
        if model.device.type == "cpu":
            self.most_tokens = cpu_batch_tokens(width(model))

    def windows(
        self, transcripts: Iterable[Transcript], rows: int
    ) -> Iterator[tuple[int, list[Transcript]]]:
        """Cut a stream of transcripts into windows of `WINDOW_BATCHES` batches.

        Args:
            transcripts: Any iterable.
            rows: Most texts in a batch.

        Returns:
            An iterator of (number of the first transcript, transcripts).

        Raises:
            ValueError: When this is called: the transcripts cannot be gone through, or ``rows`` is
                below 1. Later: an adapter that was loaded then was removed or loaded again.
        """
        check_iterable("transcripts", transcripts, Transcript)
        check_count("batch_size", rows)
        loads = {name: self._adapters.load_of(name) for name in self._adapters.names}

        def read() -> Iterator[tuple[int, list[Transcript]]]:
            source, first = iter(transcripts), 0
            while window := list(islice(source, WINDOW_BATCHES * rows)):
                named = {one.adapter for one in window if isinstance(one, Transcript)}
                for name in loads.keys() & named:
                    self._adapters.check(name, loads[name])
                yield first, window
                first += len(window)

        return read()

    def render(self, transcripts: Sequence[Transcript], first: int = 0) -> list[Text]:
        """Return transcripts in tokens.

        Args:
            transcripts: Chats with or without answers.
            first: The number of the first one, for errors.

        Raises:
            ValueError: A transcript cannot be rendered, is too long, or its adapter is not loaded;
                or what is given is no transcript.
        """
        check_iterable("transcripts", transcripts, Transcript)
        texts: list[Text] = []
        with self._adapters.lock:
            for index, transcript in enumerate(transcripts, first):
                if not isinstance(transcript, Transcript):
                    raise refusal(f"transcript {index}:", transcript, "Transcript(chat, answer)")
                try:
                    self._adapters.check(transcript.adapter)
                    before, answer = self._template.transcript(transcript)
                    token_ids = (*before, *answer)
                    if self._limit is not None and len(token_ids) > self._limit:
                        raise ValueError(
                            f"{len(token_ids)} tokens do not fit the context of {self._limit}; "
                            "shorten it"
                        )
                except ValueError as error:
                    raise ValueError(f"transcript {index}: {error}") from error
                texts.append(Text(token_ids, len(before), transcript.adapter))
        return texts

    def run(self, texts: Sequence[Text], rows: int, work: Work, tokens: int | None = None) -> None:
        """Do ``work`` on batches until every text was in one.

        A batch that does not fit into memory is halved and done again, and no later one is larger;
        so work keeps nothing before it has all of its batch.

        Args:
            texts: What to read.
            rows: Most texts in a batch.
            work: What is done with each batch.
            tokens: Most tokens in a batch, padding included; ``most_tokens`` by default.

        Raises:
            ValueError: ``rows`` is below 1.
            MemoryError: One text alone does not fit.
        """
        check_count("batch_size", rows)
        tokens = self.most_tokens if tokens is None else tokens
        waiting = plan_batches(self._places(texts), rows=rows, tokens=tokens)[::-1]
        while waiting:
            chosen = waiting.pop()
            size = len(chosen) * max(len(texts[row].token_ids) for row in chosen)
            if len(chosen) > 1 and size > tokens:
                waiting += [chosen[len(chosen) // 2 :], chosen[: len(chosen) // 2]]
                continue
            failure = ""
            try:
                work(chosen, self._padded([texts[row] for row in chosen]))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                failure = str(error) or type(error).__name__
            # Not in the handler: the error holds on to the tensors that must go first.
            if failure:
                if len(chosen) == 1:
                    raise MemoryError(
                        f"one text of {size} tokens does not fit into memory ({failure}); shorten "
                        "it, or use another dtype or device"
                    )
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()
                tokens = size // 2
                waiting.append(chosen)

    def _padded(self, texts: Sequence[Text]) -> PaddedBatch:
        return PaddedBatch([text.token_ids for text in texts], pad=self._pad, device=self._device)

    def _places(self, texts: Sequence[Text]) -> list[Place]:
        return [
            Place(
                group=text.adapter,
                alone=self._adapters.runs_alone(text.adapter),
                length=len(text.token_ids),
                room=0,
            )
            for text in texts
        ]
