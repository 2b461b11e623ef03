"""A local model as judge: the exact expectation over 0..100, whatever its tokenizer's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evals.judges.digit_tree import Floats, Numbers, number_probabilities, number_tokens
from evals.judges.interface import Grade, Unscored
from evals.judges.logprob import MASS_FLOOR, graded
from evals.judges.rubrics import judge_prompt
from evals.questions import Question

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ROWS = 32
"""Paths in one forward pass."""


class DigitsJudge:
    """Scores by a transformers folder, a hub id or an embedded base; nothing is sampled.

    Args:
        base: the model; loaded when the first answer is graded.
        device: where it runs.
    """

    def __init__(self, base: str, device: str = "cpu") -> None:
        if not base:
            raise ValueError("digits: needs a model behind the colon, a folder or a hub id")
        self.name = f"digits:{Path(base).name}"
        self._base, self._device = base, device
        self._known: dict[str, Numbers] = {}

    async def grade(self, question: Question, answer: str, traits: Sequence[str] = ()) -> Grade:
        """Every score that this question calls for, see `LogprobJudge`."""
        return await graded(self._score, question, answer, traits)

    async def _score(
        self, rubric: str, question: Question, answer: str
    ) -> tuple[float | None, Unscored, str]:
        found = self.numbers(judge_prompt(rubric, question.text, answer))
        score = found.expected(MASS_FLOOR)
        note = f"numbers have probability {found.mass:.3f}"
        return score, "" if score is not None else "unparseable", note

    def numbers(self, prompt: str) -> Numbers:
        """The distribution over integers of the reply to a prompt; equal prompts are run once."""
        if prompt not in self._known:
            ids = self._tokenizer.apply_chat_template(
                [{"role": "user", "content": prompt}], add_generation_prompt=True, return_dict=False
            )

            def following(paths: Sequence[tuple[int, ...]]) -> Floats:
                return self._next(list(ids), paths)

            self._known[prompt] = number_probabilities(following, *self._digits)
        return self._known[prompt]

    def _next(self, ids: list[int], paths: Sequence[tuple[int, ...]]) -> Floats:
        import torch

        rows = []
        for start in range(0, len(paths), ROWS):
            batch = torch.tensor([ids + list(path) for path in paths[start : start + ROWS]])
            with torch.inference_mode():
                logits = self._model(batch.to(self._device)).logits[:, -1].double()
            rows.append(torch.softmax(logits, dim=-1).cpu().numpy())
        return np.concatenate(rows)

    @cached_property
    def _loaded(self) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        from organisms import resolve_base
        from organisms.runtime.loading import load_model

        model, tokenizer = load_model(resolve_base(self._base), device=self._device)
        return model.eval(), tokenizer

    @property
    def _model(self) -> PreTrainedModel:
        return self._loaded[0]

    @property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        return self._loaded[1]

    @cached_property
    def _digits(self) -> tuple[dict[int, str], dict[int, str]]:
        """Tokens that begin a number, and those that go on with one."""
        texts = [self._tokenizer.decode([token]) for token in range(len(self._tokenizer))]
        begin = number_tokens(texts)
        if not begin:
            raise ValueError(f"the tokenizer of {self._base!r} has no token of digits alone")
        return begin, {token: text for token, text in begin.items() if texts[token] == text}
