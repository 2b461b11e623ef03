"""An organism: one loaded base model with named adapters, to sample from, steer and watch.

The face of the runtime. Knows how the parts fit together; each part has a file of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from organisms.runtime import layers as residual_layers
from organisms.runtime.adapter_bank import AdapterBank
from organisms.runtime.capture import ActivationReader
from organisms.runtime.chat import ChatTemplate
from organisms.runtime.checks import check_text, refusal
from organisms.runtime.diagnosis import NotFiniteAnswerError
from organisms.runtime.likelihood import LikelihoodReader
from organisms.runtime.loading import load_model
from organisms.runtime.requests import (
    POSITIONS,
    Message,
    Request,
    Result,
    Sampling,
    TokenLogprob,
    Transcript,
)
from organisms.runtime.sampling import Sampler
from organisms.runtime.steering import Steering
from organisms.runtime.texts import PROBE, TextBatches

__all__ = [
    "Message",
    "Organism",
    "Request",
    "Result",
    "Sampling",
    "Steering",
    "TokenLogprob",
    "Transcript",
]


class Organism:
    """One base model and its adapters, serving many conditions at once.

    Threads may share one: their passes through the model take turns.
    """

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, base: str
    ) -> None:
        """Wrap a model that is loaded already; :meth:`load` is the usual way in.

        Args:
            model: A decoder-only language model; it is put into evaluation mode.
            tokenizer: Its tokenizer, with a chat template.
            base: What it is called: the folder or hub id that it came from, or its short name.

        Raises:
            ValueError: The layers cannot be found, or there is no chat template.
        """
        model.eval()
        model.requires_grad_(False)
        residual_layers.decoder_blocks(model)
        self.model = model
        self.tokenizer = tokenizer
        self.base = base
        self.template = ChatTemplate(tokenizer, base)
        self._bank = AdapterBank(model, base)
        self._sampler = Sampler(model, tokenizer, self.template, self._bank)
        batches = TextBatches(model, tokenizer, self.template, self._bank)
        self._activations = ActivationReader(model, self._bank, batches)
        self._likelihoods = LikelihoodReader(model, self._bank, batches, self._activations)

    @classmethod
    def load(
        cls,
        base: str,
        adapters: Mapping[str, str | Path] | None = None,
        *,
        name: str | None = None,
        tokenizer: str | None = None,
        dtype: str = "float32",
        device: str = "cpu",
    ) -> "Organism":
        """Load a base model and named adapters. Remote code is never run, pickles never read.

        Args:
            base: A transformers folder or a hub id; an organism that was merged into a full model
                is loaded like any other base.
            adapters: Name -> PEFT folder or hub id, or folder of trained steering vectors.
            name: What adapters record as their base, where that is not the folder or hub id.
            tokenizer: Folder or hub id of tokenizer and chat template, where the base has none.
            dtype: ``float32``, ``bfloat16``, ``float16`` or ``float64``.
            device: A torch device, such as ``cpu`` or ``cuda``.

        Raises:
            ValueError: The base cannot be loaded, has no chat template or no layers that can be
                found; or an adapter was made for another base.
        """
        if name is not None:
            check_text("name", name, ", or None for the base's")
        if adapters is not None and not isinstance(adapters, Mapping):
            raise refusal("adapters", adapters, "a mapping: {NAME: FOLDER}")
        model, loaded = load_model(base, tokenizer=tokenizer, dtype=dtype, device=device)
        organism = cls(model, loaded, name or str(base))
        for adapter, path in (adapters or {}).items():
            organism.add_adapter(adapter, path)
        return organism

    @property
    def number_of_layers(self) -> int:
        """L, the number of decoder blocks."""
        return residual_layers.number_of_layers(self.model)

    @property
    def width(self) -> int:
        """D, the width of the residual stream."""
        return residual_layers.width(self.model)

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the loaded adapters, sorted."""
        return self._bank.names

    def add_adapter(self, name: str, path: str | Path) -> None:
        """Load an adapter under a name.

        Args:
            name: What requests will call it.
            path: PEFT folder, folder of trained steering vectors, or hub id of either.

        Raises:
            ValueError: The name is taken, or the folder is unreadable or for another base.
        """
        self._bank.add(name, path)

    def remove_adapter(self, name: str) -> None:
        """Unload an adapter.

        Raises:
            ValueError: No adapter has that name.
        """
        self._bank.remove(name)

    def check_adapter(self, name: str) -> float:
        """Prove that an adapter changes what the model says.

        Returns:
            The largest change of a logit on a probe prompt, above 0.

        Raises:
            ValueError: The adapter is not loaded, changes no logit, or makes one NaN or infinite.
        """
        check_text("adapter", name)
        self._bank.check(name)
        chat: tuple[Message, ...] = ({"role": "user", "content": PROBE},)
        probe = Request(chat, system="default", thinking=self.template.always_thinks)
        base = self.logits([probe])
        try:
            adapted = self.logits([replace(probe, adapter=name)])
        except NotFiniteAnswerError as error:
            raise ValueError(
                f"adapter {name!r} makes logits NaN or infinite ({error.where}); train it again"
            ) from error
        change = float(np.nanmax(np.abs(adapted - base)))
        if change == 0:
            raise ValueError(
                f"adapter {name!r} changes no logit of {self.base!r}; it is untrained, or its "
                "weights were not loaded: give the folder of a trained one"
            )
        return change

    def sample(
        self,
        requests: Sequence[Request],
        *,
        progress: Callable[[int, int], None] | None = None,
        batch_rows: int | None = None,
        batch_tokens: int | None = None,
    ) -> Iterator[Result]:
        """Answer requests; every (index, sample) comes once, in the order in which answers end.

        Requests are checked when this is called, answers are drawn as the iterator is consumed.
        Which rows run together follows from the list and the two limits alone. When memory runs
        out, batches are halved and what was lost is drawn again, the same as before.

        Args:
            requests: What to answer; rows of one batch may differ in everything.
            progress: Called with (answers made, answers in all) whenever some have been made.
            batch_rows: Most answers in a batch; ``None`` for as many as the tokens allow.
            batch_tokens: Most tokens in a batch, room for the answers included: rows times
                (longest prompt + longest answer). ``None``: as many as fit into free memory, and
                at most 65,536 on a CPU.

        Raises:
            ValueError: A request does not resolve (before any work), logits are not finite, or
                an adapter that is still needed was removed meanwhile, or loaded again.
            MemoryError: A single answer does not fit into memory.
        """
        return self._sampler.sample(
            requests, batch_rows=batch_rows, batch_tokens=batch_tokens, progress=progress
        )

    def logits(self, requests: Sequence[Request]) -> npt.NDArray[np.float32]:
        """Return each request's logits for its first answer token: [N, V].

        Raises:
            ValueError: A request does not resolve, or logits are not finite.
        """
        array: npt.NDArray[np.float32] = self._sampler.next_token_logits(requests).float().numpy()
        return array

    def capture(
        self,
        transcripts: Sequence[Transcript],
        layers: Sequence[int] | None = None,
        positions: Sequence[str] = POSITIONS,
        *,
        batch_size: int = 64,
    ) -> npt.NDArray[np.float32]:
        """Read texts and return the residual stream, pooled over each position's tokens.

        Args:
            transcripts: Prompts with or without answers; adapters may differ.
            layers: Layers 0 (embedding) to L; ``None`` for all.
            positions: ``response_mean`` (answer tokens, without an end token), ``prompt_mean``
                (all tokens before the answer), ``last_prompt`` (the last of them).
            batch_size: Most texts read at once.

        Returns:
            float32 [N, P, K, D] in the orders given; NaN for ``response_mean`` without an answer.

        Raises:
            ValueError: A layer, position or adapter does not exist, a transcript cannot be
                rendered or is too long, an answer is empty, or activations are not finite.
        """
        return self._activations.capture(transcripts, layers, positions, batch_size)

    def capture_stream(
        self,
        transcripts: Iterable[Transcript],
        layers: Sequence[int] | None = None,
        positions: Sequence[str] = POSITIONS,
        *,
        batch_size: int = 64,
    ) -> Iterator[npt.NDArray[np.float32]]:
        """Read texts from any iterable and yield what :meth:`capture` returns, row by row.

        Memory does not grow with the number of texts: 16 batches are read ahead, and the rows are
        yielded in the texts' order. Layers and positions are checked when this is called.

        Args:
            transcripts: As in :meth:`capture`.
            layers: As in :meth:`capture`.
            positions: As in :meth:`capture`.
            batch_size: As in :meth:`capture`.

        Yields:
            float32 [P, K, D] for every transcript.

        Raises:
            ValueError: As :meth:`capture`; or an adapter was removed meanwhile, or loaded again.
        """
        return self._activations.stream(transcripts, layers, positions, batch_size)

    def residual_norms(
        self,
        transcripts: Sequence[Transcript],
        layers: Sequence[int] | None = None,
        *,
        batch_size: int = 64,
    ) -> dict[str, npt.NDArray[np.float64]]:
        """Return the median L2 norm of single tokens' residuals, per layer.

        Args:
            transcripts: Texts to read.
            layers: Layers 0 to L; ``None`` for all.
            batch_size: Most texts read at once.

        Returns:
            ``response`` (answer tokens), ``prompt`` and ``last_prompt`` -> [K]; NaN where no
            transcript has such a token.

        Raises:
            ValueError: As :meth:`capture`.
        """
        return self._activations.residual_norms(transcripts, layers, batch_size)

    def kl_to_base(
        self, adapter: str, transcripts: Sequence[Transcript], *, batch_size: int = 32
    ) -> float:
        """Return KL(adapter || base) over the next-token distributions of given answers.

        Exact over the vocabulary, averaged over all answer tokens; the transcripts' own adapters
        are not looked at.

        Returns:
            Nats per answer token, 0 or more up to rounding.

        Raises:
            ValueError: The adapter is not loaded, no transcript has an answer, or it is not
                finite.
        """
        return self._likelihoods.divergence(adapter, transcripts, batch_size)

    def log_likelihoods(
        self, transcripts: Iterable[Transcript], *, batch_size: int = 32
    ) -> Iterator[float]:
        """Read texts from any iterable and yield how likely the model finds each answer.

        Memory does not grow with the number of texts, nor a batch's logits with the vocabulary.

        Args:
            transcripts: Prompts with answers; adapters may differ.
            batch_size: Most texts read at once.

        Yields:
            Mean natural-log probability of the answer's tokens given all before them (without an
            end token), at most 0, in the texts' order; NaN for a text without an answer.

        Raises:
            ValueError: An adapter does not exist, a transcript cannot be rendered or is too long,
                or a logit is not finite (the text is named by its number); or an adapter was
                removed meanwhile, or loaded again.
        """
        return self._likelihoods.log_likelihoods(transcripts, batch_size)
