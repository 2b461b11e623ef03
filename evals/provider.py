"""The inspect model provider `organism/...`: `--model organism/pocket -M adapter=FOLDER`.

Samples that wait at the same time are answered in one batch, whatever their model's adapter,
steering or system prompt: all models of one base share the process's engine.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import anyio
import anyio.lowlevel
import anyio.to_thread
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    Logprob,
    Logprobs,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    TopLogprob,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from evals.conditions import Condition, SteeringConfig
from evals.engines import Engine, check_steering, shared_engine
from evals.logs import content_of
from organisms.runtime import Request, Result, Sampling, TokenLogprob

QUIET_SECONDS = 0.02
"""A batch starts when nothing has joined it for this long."""
DEFAULT_MAX_TOKENS = 512
CONNECTIONS = 256


class OrganismAPI(ModelAPI):
    """A base model under one condition, as inspect sees it.

    The model's name carries a hash of the whole condition, because inspect's cache key does not
    include model arguments.

    Args:
        model_name: base: embedded name, folder or hub id.
        base_url: not used.
        api_key: not used.
        config: inspect's generation config.
        adapter: PEFT adapter folder.
        steering: list of `SteeringConfig` fields, or the same as JSON text.
        system: `none`, `default` or a text, for samples that bring no system message.
        thinking: whether the model reasons before it answers.
        lost_system: `raise` or `merge`, for a system text that the chat template cannot take.
        dtype: number format of the weights.
        device: where the model runs.

    Raises:
        ValueError: when the base, the adapter or the steering does not resolve.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - the signature inspect calls
        adapter: str | None = None,
        steering: str | list[dict[str, Any]] | None = None,
        system: str = "none",
        thinking: bool = False,
        lost_system: Literal["raise", "merge"] = "raise",
        dtype: str = "float32",
        device: str = "cpu",
    ) -> None:
        entries = json.loads(steering) if isinstance(steering, str) else steering or []
        self.condition = Condition(
            key=model_name,
            adapter=adapter,
            steering=tuple(SteeringConfig.model_validate(entry) for entry in entries),
            system=system,
            thinking=thinking,
            lost_system=lost_system,
        )
        self.condition.check()
        if config.max_connections is None and config.adaptive_connections is None:
            # Else inspect starts at 20 samples in flight and feels its way up, as for an API;
            # there is no other place where a provider may say that it takes more.
            config.max_connections = CONNECTIONS
        super().__init__(f"{model_name}@{self.condition.digest()}", base_url, api_key, [], config)
        self.base = model_name
        self.engine = shared_engine(model_name, dtype, device)
        check_steering(self.engine, self.condition)
        self._steering = self.condition.runtime_steering()
        self._adapter = self.engine.adapter(adapter) if adapter is not None else None
        self._unseeded: Counter[str] = Counter()

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Answer one chat, together with whatever else is waiting."""
        if tools:
            raise ValueError("organism models call no tools; run this task without tools")
        results = await _queue(self.engine).answer(self._request(input, config))
        first = results[0]
        output_tokens = sum(result.output_tokens for result in results)
        return ModelOutput(
            model=self.model_name,
            choices=[self._choice(result) for result in results],
            metadata={"prefix_hash": first.prefix_hash, "system_merged": first.system_merged},
            usage=ModelUsage(
                input_tokens=first.prompt_tokens,
                output_tokens=output_tokens,
                total_tokens=first.prompt_tokens + output_tokens,
                reasoning_tokens=sum(result.reasoning_tokens for result in results) or None,
            ),
        )

    def max_tokens(self) -> int | None:
        """Length limit where a task states none."""
        return DEFAULT_MAX_TOKENS

    def max_connections(self) -> int:
        """Samples in flight: many, since they wait for one batch."""
        return CONNECTIONS

    def connection_key(self) -> str:
        """All conditions of a base share its engine."""
        return f"organism/{self.base}"

    async def count_text_tokens(self, text: str) -> int:
        """Tokens of a text by the model's own tokenizer; nothing is downloaded."""
        return len(self.engine.organism.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _request(self, input: list[ChatMessage], config: GenerateConfig) -> Request:
        for message in input:
            if message.role == "tool":
                raise ValueError("organism models take no tool messages")
        chat = tuple({"role": str(message.role), "content": message.text} for message in input)
        if config.seed is None:
            # Equal prompts without a seed still differ, and the n-th of them is always the same.
            content = json.dumps(chat)
            seed = _hashed(f"{self.model_name}:{content}:{self._unseeded[content]}")
            self._unseeded[content] += 1
        else:
            seed = config.seed
        return Request(
            chat=chat,
            adapter=self._adapter,
            steering=self._steering,
            seed=seed,
            sampling=Sampling(
                temperature=1.0 if config.temperature is None else config.temperature,
                top_p=1.0 if config.top_p is None else config.top_p,
                max_tokens=config.max_tokens or DEFAULT_MAX_TOKENS,
                stop=tuple(config.stop_seqs or ()),
            ),
            n=config.num_choices or 1,
            system=self.condition.system,
            thinking=self.condition.thinking,
            lost_system=self.condition.lost_system,
            logprobs=(config.top_logprobs or 1) if config.logprobs else 0,
        )

    def _choice(self, result: Result) -> ChatCompletionChoice:
        logprobs = None
        if result.logprobs is not None:
            logprobs = Logprobs(content=[_logprob(token) for token in result.logprobs])
        return ChatCompletionChoice(
            message=ChatMessageAssistant(
                content=content_of(result), source="generate", model=self.model_name
            ),
            stop_reason=result.stop_reason,
            logprobs=logprobs,
        )


@dataclass
class _Waiting:
    request: Request
    done: anyio.Event = field(default_factory=anyio.Event)
    results: list[Result] | None = None
    error: BaseException | None = None


class _BatchQueue:
    """Requests of one event loop to one engine; the first that waits collects and runs the batch.

    A batch is sorted by content, so that it depends on what is in it, not on who came first.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: list[_Waiting] = []
        self._running = anyio.Lock()

    async def answer(self, request: Request) -> list[Result]:
        """The request's answers, in order of their sample."""
        mine = _Waiting(request)
        self._waiting.append(mine)
        if len(self._waiting) == 1:
            await self._lead()
        await mine.done.wait()
        if mine.error is not None:
            raise RuntimeError(f"the batch failed: {mine.error}") from mine.error
        assert mine.results is not None
        return mine.results

    async def _lead(self) -> None:
        batch: list[_Waiting] = []
        try:
            async with self._running:
                seen = 0
                while seen != len(self._waiting):
                    seen = len(self._waiting)
                    await anyio.sleep(QUIET_SECONDS)
                batch, self._waiting = sorted(self._waiting, key=_content), []
                requests = [waiting.request for waiting in batch]
                results = await anyio.to_thread.run_sync(partial(self._engine.sample, requests))
            for waiting in batch:
                waiting.results = []
            for result in results:
                found = batch[result.index].results
                assert found is not None
                found.append(result)
        except BaseException as error:
            if not batch:
                batch, self._waiting = self._waiting, []
            for waiting in batch:
                waiting.error = error
            raise
        finally:
            for waiting in batch:
                waiting.done.set()


_queues: anyio.lowlevel.RunVar[dict[int, _BatchQueue]] = anyio.lowlevel.RunVar("organism_queues")


def _queue(engine: Engine) -> _BatchQueue:
    """The engine's queue in the running event loop."""
    try:
        queues = _queues.get()
    except LookupError:
        queues = {}
        _queues.set(queues)
    return queues.setdefault(id(engine), _BatchQueue(engine))


def _content(waiting: _Waiting) -> tuple[str, ...]:
    request = waiting.request
    steering = [(each.layer, each.coefficient, each.unit, each.scope) for each in request.steering]
    parts = (request.adapter or "", steering, request.system, request.chat, request.seed, request.n)
    return tuple(map(repr, (*parts, request.thinking, request.lost_system)))


def _logprob(token: TokenLogprob) -> Logprob:
    return Logprob(
        token=token.token,
        logprob=token.logprob,
        top_logprobs=[TopLogprob(token=text, logprob=value) for _, text, value in token.top],
    )


def _hashed(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")
