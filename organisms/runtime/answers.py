"""From the tokens of rows to results: stop strings, log probabilities, text.

Knows tokenizer and template; knows no model.
"""

from collections.abc import Iterator, Sequence

import torch
from transformers import PreTrainedTokenizerBase

from organisms.runtime.chat import ChatTemplate
from organisms.runtime.requests import Result, TokenLogprob
from organisms.runtime.rows import Row


class Answers:
    """Reads what rows have drawn."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, template: ChatTemplate) -> None:
        """Keep what turns tokens into text."""
        self._tokenizer = tokenizer
        self._template = template

    def watch(self, row: Row, token: int, logits: torch.Tensor) -> bool:
        """Note a drawn token in a row that asks for log probabilities or has stop strings.

        Args:
            row: The row; the tokens of one with stop strings are kept as they come.
            token: What was drawn.
            logits: What it was drawn from, [V].

        Returns:
            Whether a stop string is there now.
        """
        request = row.request
        if request.logprobs:
            row.logprobs.append(self._logprob(logits, token, request.logprobs))
        if not request.sampling.stop:
            return False
        row.token_ids.append(token)
        text = self._text(row.token_ids)
        found = [at for stop in request.sampling.stop if (at := text.find(stop)) >= 0]
        if found:
            row.text = text[: min(found)]
        return bool(found)

    def results(self, rows: Sequence[Row]) -> Iterator[Result]:
        """Yield the results of rows whose answers have ended."""
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
                activations=row.activations,
            )

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
