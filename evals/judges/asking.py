"""One way of asking a judge: remembered by content, asked again when it fails, within a budget."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from evals.judges.budget import Budget
from evals.judges.replies import Replies

if TYPE_CHECKING:
    from inspect_ai.model import Model, ModelOutput

TOP_LOGPROBS = 20
REPLY_TOKENS = 8
ATTEMPTS = 3


class JudgeFailedError(RuntimeError):
    """A judge gave no reply, however often it was asked."""


class Grader:
    """A model that judges.

    Args:
        model: inspect model name, or `grader` for the eval's role of that name, which must be set:
            the model under test is never its own judge by default.
        replies: where replies are kept; None: in memory.
        budget: a cap on what is spent; None: none.
        pause: seconds before a failing judge is asked again; twice as many the next time.

    Raises:
        ValueError: the judge is the model under test.
    """

    def __init__(
        self,
        model: str,
        replies: Replies | None = None,
        budget: Budget | None = None,
        pause: float = 1.0,
    ) -> None:
        from inspect_ai.model import get_model, model_roles

        self.name = model
        self.budget = budget or Budget()
        self._model = None if model == "grader" else get_model(model)
        self._replies = replies or Replies()
        self._pause = pause
        self._under_way: dict[str, asyncio.Lock] = {}
        if self._model is not None or "grader" in model_roles():
            self.check()  # Before anything is asked, where the eval has begun.

    def check(self) -> None:
        """Look at the judge without asking it.

        Raises:
            ValueError: there is none in the role `grader`, or it is the model under test.
        """
        _check_is_another(self.model)

    async def ask(self, prompt: str, *, temperature: float = 0.0, repeat: int = 0) -> ModelOutput:
        """The reply to one prompt.

        Args:
            prompt: the whole of it.
            temperature: 0, or above it for repeats that differ.
            repeat: which of several replies to the same prompt.

        Raises:
            ValueError: the judge is the model under test.
            JudgeFailedError: every attempt failed or came back empty; its text is the last reason.
            BudgetSpentError: the cap is reached.
        """
        self.check()
        settings = f"temperature={temperature} max_tokens={REPLY_TOKENS} top={TOP_LOGPROBS}"
        key = Replies.key(str(self.model), prompt, settings, repeat)
        lock = self._under_way.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                known = self._replies.get(key)
                if known is None:
                    known = await self._call(prompt, temperature)
                    self._replies.add(key, known)
                return known
        finally:
            self._under_way.pop(key, None)

    @property
    def model(self) -> Model:
        """The model that judges; ValueError where none has the role that is to."""
        from inspect_ai.model import get_model, model_roles

        if self._model is not None:
            return self._model
        if "grader" not in model_roles():
            raise ValueError(
                "no model has the role 'grader', which judges here; name one with --model-role "
                "grader=provider/name, or the judge with -T judge=provider/name"
            )
        return get_model(role="grader", required=True)

    async def _call(self, prompt: str, temperature: float) -> ModelOutput:
        from inspect_ai.model import GenerateConfig

        config = GenerateConfig(
            temperature=temperature,
            max_tokens=REPLY_TOKENS,
            logprobs=True,
            top_logprobs=TOP_LOGPROBS,
        )
        note = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(self._pause * 2 ** (attempt - 1))
            self.budget.begin()
            try:
                output = await self.model.generate(prompt, config=config)
            except (ValueError, RuntimeError, OSError) as error:
                note = f"{type(error).__name__}: {error}"
                continue
            if output.usage is not None:
                self.budget.end(output.usage.input_tokens, output.usage.output_tokens)
            if output.completion.strip():
                return output
            note = "empty reply"
        raise JudgeFailedError(note)


def _check_is_another(judge: Model) -> None:
    """Raise ValueError where a model would judge its own answers: it would be its own excuse."""
    from inspect_ai.model._model import active_model

    tested = active_model()
    if tested is None or tested.role is not None:
        return
    if str(tested) == str(judge) and tested.model_args == judge.model_args:
        raise ValueError(
            f"the judge {judge} is the model under test, which may not judge itself; name another "
            "with --model-role grader=provider/name"
        )
