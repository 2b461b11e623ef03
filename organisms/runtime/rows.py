"""Rows: the single answers that requests ask for, checked and rendered before any work."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from transformers import PreTrainedModel

from organisms.runtime.adapter_bank import AdapterBank
from organisms.runtime.chat import ChatTemplate, Prompt
from organisms.runtime.checks import check_iterable, refusal
from organisms.runtime.forward import context_length
from organisms.runtime.layers import check_layer, number_of_layers, width
from organisms.runtime.requests import Request, TokenLogprob


@dataclass
class Row:
    """One answer on its way."""

    index: int
    """Place of its request in the list."""
    sample: int
    """Which of the request's answers it is, from 0."""
    request: Request
    prompt: Prompt
    load: int | None = None
    """Which loading of its adapter it asks for; see `AdapterBank.load_of`."""
    token_ids: list[int] = field(default_factory=list)
    """What was drawn so far; without the end token once the answer has ended."""
    ended_by_token: bool = False
    text: str | None = None
    """The text before a stop string, where one came."""
    logprobs: list[TokenLogprob] = field(default_factory=list)
    activations: npt.NDArray[np.float32] | None = None

    finished: bool = False
    """Whether its result has been handed out."""

    def restart(self) -> None:
        """Forget what was drawn; it will be drawn again just so."""
        self.token_ids.clear()
        self.logprobs.clear()
        self.ended_by_token, self.text = False, None

    @property
    def room(self) -> int:
        """Tokens that may be drawn."""
        return self.request.sampling.max_tokens

    @property
    def needed(self) -> int:
        """Most tokens that it may have, its prompt's included."""
        return len(self.prompt.token_ids) + self.room

    def prompt_key(self) -> tuple[object, ...]:
        """What rows share exactly when reading their prompts is the same work."""
        return (
            self.prompt.token_ids,
            self.request.adapter,
            tuple(steering.key() for steering in self.request.steering),
        )


def make_rows(
    requests: Sequence[Request],
    model: PreTrainedModel,
    template: ChatTemplate,
    adapters: AdapterBank,
) -> list[Row]:
    """Check and render requests: one row for each answer, in the requests' order.

    Raises:
        ValueError: A request names an adapter that is not loaded, a layer or width that does not
            exist, a chat that cannot be rendered or is too long; or what is given is no request.
    """
    check_iterable("requests", requests, Request)
    layers, residual_width = number_of_layers(model), width(model)
    limit = context_length(model)
    rows: list[Row] = []
    for index, request in enumerate(requests):
        if not isinstance(request, Request):
            raise refusal(f"request {index}:", request, "Request(chat)")
        try:
            adapters.check(request.adapter)
            for steering in request.steering:
                steering.check(layers, residual_width)
            for layer in () if request.capture is None else request.capture.layers:
                check_layer(layer, layers)
            prompt = template.prompt(
                request.chat,
                request.system,
                thinking=request.thinking,
                lost_system=request.lost_system,
            )
            needed = len(prompt.token_ids) + request.sampling.max_tokens
            if limit is not None and needed > limit:
                raise ValueError(
                    f"{len(prompt.token_ids)} prompt tokens and max_tokens="
                    f"{request.sampling.max_tokens} do not fit the context of {limit}; "
                    "shorten the chat or lower max_tokens"
                )
        except ValueError as error:
            raise ValueError(f"request {index}: {error}") from error
        load = adapters.load_of(request.adapter)
        rows.extend(Row(index, sample, request, prompt, load) for sample in range(request.n))
    return rows
