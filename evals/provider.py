"""The inspect model provider `organism/...`: `--model organism/pocket -M adapter=FOLDER`.

Samples that wait at the same time are answered in one batch, whatever their model's adapter,
steering or system prompt: all models of one base share the process's engine.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any, Literal

# The only way to the running sample's epoch, which answers without a seed depend on.
from inspect_ai.log._samples import sample_active
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

from evals.batch_queue import queue_of
from evals.engines import check_condition, shared_engine
from evals.logs import content_of
from evals.model_arguments import Text, condition, split_name
from organisms.runtime import Request, Result, Sampling, TokenLogprob
from organisms.runtime.checks import check_text
from organisms.runtime.forward import context_length

DEFAULT_MAX_TOKENS = 512
CONNECTIONS = 256
_REFUSED = (
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "best_of",
    "prompt_logprobs",
    "response_schema",
)
"""Settings of the generation config that would change answers and are not supported."""


class OrganismAPI(ModelAPI):
    """A base model under one condition, as inspect sees it.

    The model's name carries a hash of the whole condition, because inspect's cache key does not
    include model arguments. A log's model name may be given back, as a retry does: its hash is then
    compared with that of the arguments.

    Args:
        model_name: base: embedded name, folder (a merged organism's, too) or hub id.
        base_url: not used.
        api_key: not used.
        config: inspect's generation config.
        adapter: adapter folder, PEFT's or of trained steering vectors.
        steer: persona vector file; the next nine say how it steers, see `SteeringConfig`.
        layer: layer, or list of layers, each with the file's vector of that layer.
        coefficient: strength of mode `add`.
        mode: `add`, `ablate` or `cap`.
        floor: least projection, for `cap`.
        ceiling: greatest projection, for `cap`.
        unit: `raw` or `norm`.
        scope: `all`, `prompt`, `last_prompt`, `response` or `answer`.
        position: position that the vector was read at.
        direction: `vector`, or a null direction of the file.
        steering: several vectors: list of `SteeringConfig` fields, or the same as JSON text.
        system: `none`, `default` or a text, for samples that bring no system message.
        thinking: whether the model reasons before it answers; a `reasoning_effort` in the
            generation config goes before it (`none`: it does not).
        lost_system: `raise` or `merge`, for a system text that the chat template cannot take.
        dtype: number format of the weights.
        device: where the model runs.
        unknown: refused.

    Raises:
        ValueError: when the base, the adapter or the steering does not resolve.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - the signature inspect calls
        adapter: Text | None = None,
        steer: Text | None = None,
        layer: int | list[int] | None = None,
        coefficient: float | None = None,
        mode: str | None = None,
        floor: float | None = None,
        ceiling: float | None = None,
        unit: str | None = None,
        scope: str | None = None,
        position: str | None = None,
        direction: str | None = None,
        steering: str | list[dict[str, Any]] | None = None,
        system: Text = "none",
        thinking: bool = False,
        lost_system: Literal["raise", "merge"] = "raise",
        dtype: str = "float32",
        device: str = "cpu",
        **unknown: object,
    ) -> None:
        short = {
            "layer": layer,
            "coefficient": coefficient,
            "mode": mode,
            "floor": floor,
            "ceiling": ceiling,
            "unit": unit,
            "scope": scope,
            "position": position,
            "direction": direction,
        }
        how = ("thinking", "lost_system")
        if unknown:
            allowed = ("adapter", "steer", *short, "steering", "system", *how, "dtype", "device")
            raise ValueError(
                f"model arguments {sorted(unknown)} are not known; use {', '.join(allowed)}"
            )
        self.base, logged = split_name(model_name)
        self.condition = condition(
            self.base,
            adapter=adapter,
            system=system,
            steering=steering,
            steer=steer,
            short=short,
            thinking=thinking,
            lost_system=lost_system,
        )
        digest = self.condition.digest(dtype)
        if logged not in (None, digest):
            raise ValueError(
                f"model {model_name!r} names condition {logged}, its arguments give {digest}: they "
                "differ from the log's, or a file they name has changed; to run them as they are "
                f"use organism/{self.base}"
            )
        if config.max_connections is None and config.adaptive_connections is None:
            # Else inspect starts at 20 samples in flight and feels its way up, as for an API;
            # there is no other place where a provider may say that it takes more.
            config.max_connections = CONNECTIONS
        super().__init__(f"{self.base}@{digest}", base_url, api_key, [], config)
        check_text("dtype", dtype)
        check_text("device", device)
        self.engine = shared_engine(self.base, dtype, device)
        # Samples may bring a system message of their own, so `none` is not judged before.
        system = self.condition.system
        check_condition(self.engine, self.condition, "default" if system == "none" else system)
        self._steering = self.condition.runtime_steering()
        folder = self.condition.adapter
        self._adapter = None if folder is None else self.engine.adapter(folder)
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
        request = self._request(input, config)
        results = await queue_of(self.engine).answer(self.model_name, request)
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

    def max_tokens(self) -> int:
        """Length limit where a task states none: at most half of the model's context."""
        limit = context_length(self.engine.organism.model)
        return DEFAULT_MAX_TOKENS if limit is None else min(DEFAULT_MAX_TOKENS, limit // 2)

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
        refused = [name for name in _REFUSED if getattr(config, name) is not None]
        if refused:
            raise ValueError(
                f"organism models take no {', '.join(refused)}; leave it out of the generation "
                "config"
            )
        chat = tuple({"role": str(message.role), "content": _text(message)} for message in input)
        return Request(
            chat=chat,
            adapter=self._adapter,
            steering=self._steering,
            seed=self._seed(json.dumps(chat), config.seed),
            sampling=Sampling(
                temperature=1.0 if config.temperature is None else config.temperature,
                top_p=1.0 if config.top_p is None else config.top_p,
                max_tokens=_given(config.max_tokens, self.max_tokens()),
                stop=tuple(config.stop_seqs or ()),
            ),
            n=_given(config.num_choices, 1),
            system=self.condition.system,
            thinking=self._thinking(config),
            lost_system=self.condition.lost_system,
            logprobs=(config.top_logprobs or 1) if config.logprobs else 0,
        )

    def _thinking(self, config: GenerateConfig) -> bool:
        """Whether to reason: as inspect's `reasoning_effort` says, else as the model's argument."""
        if config.reasoning_effort is None:
            return self.condition.thinking
        return config.reasoning_effort != "none"

    def _seed(self, chat: str, seed: int | None) -> int:
        """The seed of one answer: the same again when an interrupted eval goes on.

        Epochs of a sample differ. A stated seed holds for every condition; without one, conditions
        differ, and so do equal chats within one sample.
        """
        sample = sample_active()
        epoch = 1 if sample is None else sample.epoch
        if seed is not None:
            return seed if epoch == 1 else _hashed(f"{seed}:{epoch}")
        run, place = ("", "") if sample is None else (sample.id, f"{sample.sample.id}:{epoch}")
        self._unseeded[f"{run}:{chat}"] += 1
        asked = self._unseeded[f"{run}:{chat}"]
        return _hashed(f"{self.model_name}:{place}:{chat}:{asked}")

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


def _given(value: int | None, default: int) -> int:
    return default if value is None else value


def _text(message: ChatMessage) -> str:
    if message.role == "tool":
        raise ValueError("organism models take no tool messages")
    if isinstance(message.content, list):
        other = {part.type for part in message.content} - {"text", "reasoning"}
        if other:
            raise ValueError(f"organism models read text only, not {', '.join(sorted(other))}")
    return message.text


def _logprob(token: TokenLogprob) -> Logprob:
    return Logprob(
        token=token.token,
        logprob=token.logprob,
        top_logprobs=[TopLogprob(token=text, logprob=value) for _, text, value in token.top],
    )


def _hashed(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")
