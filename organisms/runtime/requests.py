"""What one asks of a loaded model and what comes back: requests, results and transcripts.

Plain frozen records. They know no model, and no tensors but steering vectors and activations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from organisms.runtime.checks import (
    check_choice,
    check_count,
    check_flag,
    check_layers,
    check_listed,
    check_text,
    is_number,
    is_whole,
    refusal,
)
from organisms.runtime.steering import Steering

Message = Mapping[str, str]
"""One turn of a chat: ``{"role": ..., "content": ...}``."""

LostSystem = Literal["raise", "merge"]
"""What to do with a system text that the chat template would drop or refuse."""

_TEMPERATURES = (1e-30, 1e30)
"""Logits divided by these stay numbers in float32."""


@dataclass(frozen=True)
class Sampling:
    """How an answer is drawn. A model's own generation config is never consulted for these."""

    temperature: float = 1.0
    """Divides the logits, from 1e-30 to 1e30; 0 takes the most likely token."""
    top_p: float = 1.0
    """Smallest mass of most likely tokens that is sampled from, in (0, 1]."""
    max_tokens: int = 64
    """Most tokens one answer may have, the end token included."""
    stop: tuple[str, ...] = ()
    """Strings that end an output, also inside its reasoning; the text is cut before the first
    that appears."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        low, high = _TEMPERATURES
        if not is_number(self.temperature) or not (
            self.temperature == 0 or low <= self.temperature <= high
        ):
            raise refusal("temperature", self.temperature, f"0, or a number from {low} to {high}")
        if not is_number(self.top_p) or not 0 < self.top_p <= 1:
            raise refusal("top_p", self.top_p, "a number in (0, 1]")
        check_count("max_tokens", self.max_tokens)
        check_listed("stop", self.stop, "strings, such as ('END',)")
        for stop in self.stop:
            check_text("stop string", stop)
            if not stop:
                raise ValueError("an empty stop string would end every answer; remove it")


POSITIONS = ("response_mean", "prompt_mean", "last_prompt")
"""Mean over answer tokens; mean over prompt tokens; the last token before the answer."""


@dataclass(frozen=True)
class Capture:
    """What is kept of the residual stream while an answer is drawn."""

    layers: tuple[int, ...]
    """Layers 0 (embedding) to L."""
    positions: tuple[str, ...] = POSITIONS
    """As in :meth:`Organism.capture`; an end token is no answer token."""

    def __post_init__(self) -> None:
        """Refuse layers that are no numbers, and positions that do not exist."""
        check_layers(self.layers)
        check_positions(self.positions)


def check_positions(positions: Sequence[str]) -> None:
    """Raise unless there are positions and every one exists.

    Raises:
        ValueError: There is none, or one does not exist.
    """
    check_listed("positions", positions, f"some of {', '.join(POSITIONS)}")
    if not positions:
        raise ValueError(f"no positions asked for; give some of {', '.join(POSITIONS)}")
    for position in positions:
        if position not in POSITIONS:
            raise ValueError(f"position {position!r} does not exist; use {', '.join(POSITIONS)}")


@dataclass(frozen=True)
class Request:
    """One prompt under one condition, to be answered ``n`` times."""

    chat: tuple[Message, ...]
    """Turns of the conversation, the last one the user's. A leading system turn counts as the
    system condition's text."""
    adapter: str | None = None
    """Name of a loaded adapter; ``None`` for the base model."""
    steering: tuple[Steering, ...] = ()
    """Edits of the residual stream, made in this order at each layer."""
    seed: int = 0
    """Sample i draws from a stream of its own, keyed by (seed, i)."""
    sampling: Sampling = Sampling()
    """How each answer is drawn."""
    n: int = 1
    """Number of answers."""
    system: str = "none"
    """``none`` (no system turn), ``default`` (whatever the template does), or the text itself."""
    logprobs: int = 0
    """0 for none; k for the k most likely tokens beside every generated one."""
    thinking: bool = False
    """Whether the model reasons before it answers. A template that cannot do what is asked
    raises."""
    lost_system: LostSystem = "raise"
    """What to do with a system text that the template would drop or refuse: ``raise``, or
    ``merge`` it into the first user turn; the result then says so."""
    capture: Capture | None = None
    """Activations to keep, read as the answer is drawn: steered where the request steers."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        _check_reading(self)
        check_listed("steering", self.steering, "Steering")
        for steering in self.steering:
            if not isinstance(steering, Steering):
                raise refusal("steering", steering, "Steering(vector, layer, coefficient)")
        if not is_whole(self.seed):
            raise refusal("seed", self.seed, "a whole number")
        if not isinstance(self.sampling, Sampling):
            raise refusal("sampling", self.sampling, "Sampling(...)")
        check_count("n", self.n)
        check_count("logprobs", self.logprobs, 0)
        if self.capture is not None and not isinstance(self.capture, Capture):
            raise refusal("capture", self.capture, "Capture(layers, positions), or None")
        if self.capture is not None and self.thinking:
            raise ValueError(
                "capture with thinking=True is not possible: where the reasoning ends is known "
                "only at the end; read the finished texts with Organism.capture"
            )


@dataclass(frozen=True)
class TokenLogprob:
    """The log probability of one generated token, in nats, under the model at temperature 1."""

    token_id: int
    """The token that was drawn."""
    token: str
    """Its text."""
    logprob: float
    """Its log probability before temperature and top_p."""
    top: tuple[tuple[int, str, float], ...]
    """The most likely tokens as (id, text, log probability), most likely first."""


@dataclass(frozen=True)
class Result:
    """One answer."""

    index: int
    """Place of the request in the list that was sampled."""
    sample: int
    """Which of the request's ``n`` answers this is, from 0."""
    text: str
    """The answer, without reasoning and special tokens, cut before a stop string."""
    token_ids: tuple[int, ...]
    """The tokens drawn, reasoning included, without the end token."""
    stop_reason: Literal["stop", "max_tokens"]
    """``stop`` when an end token or a stop string came, ``max_tokens`` when the answer was cut."""
    prompt_tokens: int
    """Length of the rendered prompt in tokens."""
    output_tokens: int
    """Number of tokens drawn, the end token included."""
    logprobs: tuple[TokenLogprob, ...] | None
    """One entry for every token drawn (the end token included), or ``None`` when not asked for."""
    prefix_hash: str
    """Hash of the prompt's token ids, so that a changed template or system prompt shows."""
    reasoning: str | None = None
    """What the model thought before it answered, or ``None`` where it did not."""
    reasoning_tokens: int = 0
    """How many of the tokens drawn are reasoning, its marks and the white space after; the rest
    of ``token_ids`` is the answer."""
    system_merged: bool = False
    """Whether the system text was put into the first user turn."""
    activations: npt.NDArray[np.float32] | None = field(default=None, compare=False)
    """What :attr:`Request.capture` asked for, [P, K, D] in the orders given; NaN for
    ``response_mean`` where no answer token was drawn."""


@dataclass(frozen=True)
class Transcript:
    """A text to be read by the model: a prompt and, where there is one, its answer."""

    chat: tuple[Message, ...]
    """Turns of the conversation, the last one the user's."""
    answer: str | None = None
    """The assistant's answer, or ``None`` when only the prompt is read."""
    adapter: str | None = None
    """Name of the loaded adapter that reads it; ``None`` for the base model."""
    system: str = "none"
    """The system condition, as in :class:`Request`."""
    reasoning: str | None = None
    """What was thought before the answer: text, "" for nothing where thinking is on, ``None``
    where no reasoning takes place. It counts as prompt: answer positions hold the answer only."""
    thinking: bool = False
    """As in :class:`Request`."""
    lost_system: LostSystem = "raise"
    """As in :class:`Request`."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        _check_reading(self)
        for name, value in (("answer", self.answer), ("reasoning", self.reasoning)):
            if value is not None:
                check_text(name, value, ", or None")


def _check_reading(asked: Request | Transcript) -> None:
    """Raise unless what requests and transcripts share means something; turns are checked later."""
    if asked.adapter is not None:
        check_text("adapter", asked.adapter, ", the name of a loaded one, or None")
    check_text("system", asked.system, ": 'none', 'default' or the system prompt")
    check_flag("thinking", asked.thinking)
    check_choice("lost_system", asked.lost_system, get_args(LostSystem))
