"""The decoding loop: one batch of rows, drawn token by token with a key-value cache.

Rows may differ in prompt, adapter, steering and every sampling setting. They leave when their
answer has ended, and others enter in their place. Knows nothing of the rows that wait.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from transformers import PreTrainedModel

from organisms.runtime.adapter_bank import ActiveAdapters, AdapterBank
from organisms.runtime.answers import Answers
from organisms.runtime.cache import make_cache
from organisms.runtime.drawing import Drawing, NotFiniteError, uniform_stream
from organisms.runtime.forward import ForwardPass
from organisms.runtime.layers import width
from organisms.runtime.prompts import ReadPrompts
from organisms.runtime.row_steering import RowSteering
from organisms.runtime.rows import Row
from organisms.runtime.sampled_activations import AnswerPooling

_LEAVING_SHARE = 0.125
"""Rows that ended are carried along until this share of the batch has, since leaving takes time."""


class RunningBatch:
    """Rows that are being answered together.

    State tensors hold one entry for each row: [B].
    """

    def __init__(
        self,
        model: PreTrainedModel,
        adapters: AdapterBank,
        answers: Answers,
        is_end: torch.Tensor,
        watched: Sequence[int] = (),
    ) -> None:
        """Begin without rows.

        Args:
            model: The model.
            adapters: The adapters that rows may name.
            answers: What looks for stop strings and notes log probabilities.
            is_end: Which tokens end an answer, bool [V].
            watched: Layers at which rows capture activations.
        """
        self.rows: list[Row] = []
        self._watched: list[int] = []
        self.cache = make_cache(model.config)
        self._model = model
        self._adapters = adapters
        self._answers = answers
        self._is_end = is_end
        self._forward = ForwardPass(model)
        self._active: ActiveAdapters | None = None
        self._steering = RowSteering([], dtype=model.dtype, device=model.device)
        none = torch.zeros(0, dtype=torch.long, device=model.device)
        self._drawing = Drawing(none.double()[:, None], none.float(), none.float())
        self._tokens, self._lengths, self._starts = none, none, none
        self._ages, self._rooms, self._ended = none, none, none.bool()
        # Rows that capture read their last token too, and so run one step longer.
        self._captures, self._closing = none.bool(), none.bool()
        self._pooling = AnswerPooling(watched, width(model), model.device) if watched else None
        self._logits: torch.Tensor | None = None
        self._history: list[torch.Tensor] = []

    def admit(
        self, read: ReadPrompts, rows: Sequence[Row], *, most_rows: int, columns: int
    ) -> None:
        """Let rows enter.

        Args:
            read: Their prompts.
            rows: The rows.
            most_rows: Most rows that the batch will have.
            columns: Columns that its cache needs.
        """
        device = self._model.device
        if self.rows and self._logits is None:
            with self._attached():
                self._feed()
        share = torch.tensor([read.places[row.prompt_key()] for row in rows], device=device)
        moved = self.cache.admit(read.cache, share, read.length, rows=most_rows, columns=columns)
        lengths = read.lengths[share]
        rooms = torch.tensor([row.request.sampling.max_tokens for row in rows], device=device)
        steering = RowSteering(
            [row.request.steering for row in read.rows],
            dtype=self._model.dtype,
            device=device,
        )
        steering.select(share)
        none = torch.zeros_like(rooms)
        if self.rows:
            self._drawing.append(self._new_drawing(rows))
            self._steering.append(steering)
            assert self._logits is not None
            self._logits = torch.cat((self._logits, read.logits[share]))
        else:
            self._drawing, self._steering = self._new_drawing(rows), steering
            self._logits = read.logits[share]
        self._starts = torch.cat((self._starts - moved, self.cache.end - lengths))
        self._tokens = torch.cat((self._tokens, none))
        self._lengths = torch.cat((self._lengths, lengths))
        self._ages = torch.cat((self._ages, none))
        self._rooms = torch.cat((self._rooms, rooms))
        self._ended = torch.cat((self._ended, none.bool()))
        self._closing = torch.cat((self._closing, none.bool()))
        captures = [row.request.capture is not None for row in rows]
        self._captures = torch.cat((self._captures, torch.tensor(captures, device=device)))
        if self._pooling is not None:
            assert read.pooled is not None
            self._pooling.append(read.pooled[share])
        self._active = None
        self._set_rows([*self.rows, *rows])

    def run(self) -> list[Row]:
        """Draw until enough rows have ended; they leave and are returned, their answers in them.

        Raises:
            NotFiniteError: Logits are NaN or infinite; what was drawn before is in the rows.
        """
        enough = math.ceil(_LEAVING_SHARE * len(self.rows))
        with self._attached():
            if self._logits is None:
                self._feed()
            while self._draw() < enough:
                self._feed()
        self._logits = None
        self._collect()
        return self._leave()

    @contextmanager
    def _attached(self) -> Iterator[None]:
        """Attach the rows' adapters and steering within the block."""
        # The caller may have removed one since the last answer was handed out.
        for name, load in {(row.request.adapter, row.load) for row in self.rows}:
            self._adapters.check(name, load)
        if self._active is None:
            self._active = self._adapters.active([row.request.adapter for row in self.rows])
        self._steering.generating = True
        with ExitStack() as hooks:
            hooks.enter_context(self._active.attached(self._model))
            hooks.enter_context(self._steering.attached(self._model))
            if self._pooling is not None:
                hooks.enter_context(self._pooling.attached(self._model))
            yield

    def _feed(self) -> None:
        """Read the tokens drawn last."""
        self._starts -= self.cache.make_room()
        if self._pooling is not None:
            self._pooling.counted = ~self._ended
        columns = torch.arange(self.cache.start, self.cache.end, device=self._tokens.device)
        self._logits = self._forward.logits(
            self._tokens[:, None],
            columns[None, :] >= self._starts[:, None],
            (self._lengths + self._ages - 1)[:, None],
            cache=self.cache.cache,
        )[:, -1]
        if self._pooling is not None:
            self._pooling.count()

    def _draw(self) -> int:
        """Draw a token for every row and return how many rows have ended."""
        self._tokens = self._next_tokens()
        self._history.append(self._tokens)
        drew = ~(self._ended | self._closing)
        self._ages += drew
        full = self._ages >= self._rooms
        if self._watched:
            full |= self._watch(drew)
        self._ended |= (
            self._closing | (drew & self._is_end[self._tokens]) | (full & ~self._captures)
        )
        self._closing |= full & self._captures
        return int(self._ended.sum())

    def _next_tokens(self) -> torch.Tensor:
        assert self._logits is not None
        try:
            return self._drawing.draw(self._logits, self._ages)
        except NotFiniteError as error:
            bad = [row for row in error.rows if not self._ended[row]]
            if bad:
                self._collect()
                raise NotFiniteError(bad) from error
            # What comes after an answer's end is nobody's; the others must not feel it.
            self._logits[error.rows] = 0
            return self._drawing.draw(self._logits, self._ages)

    def _watch(self, drew: torch.Tensor) -> torch.Tensor:
        """Look at what the rows ``drew`` [B] have drawn that ask for it: stopped [B]."""
        assert self._logits is not None
        stopped = torch.zeros_like(self._ended)
        counts, token_ids = drew.tolist(), self._tokens.tolist()
        for place in self._watched:
            if counts[place]:
                row, token = self.rows[place], token_ids[place]
                stopped[place] = self._answers.watch(row, token, self._logits[place])
        return stopped

    def _collect(self) -> None:
        """Move what was drawn since the last time into the rows."""
        if not self._history:
            return
        drawn = torch.stack(self._history, dim=1).tolist()
        self._history = []
        for row, token_ids, age in zip(self.rows, drawn, self._ages.tolist(), strict=True):
            # Rows with stop strings have theirs already.
            row.token_ids.extend(token_ids[: age - len(row.token_ids)])

    def _leave(self) -> list[Row]:
        """Take the rows that ended out of the batch and return them."""
        finished = []
        for place in self._ended.nonzero()[:, 0].tolist():
            row = self.rows[place]
            self._finish(row, place)
            finished.append(row)
        left = _rows_left(self._ended)
        self.cache.select(left)
        self._drawing.select(left)
        self._steering.select(left)
        if self._active is not None:
            self._active.select(left)
        self._tokens, self._lengths = self._tokens[left], self._lengths[left]
        self._ages, self._rooms = self._ages[left], self._rooms[left]
        self._starts, self._ended = self._starts[left], self._ended[left]
        self._captures, self._closing = self._captures[left], self._closing[left]
        if self._pooling is not None:
            self._pooling.select(left)
        if len(left):
            self.cache.trim(int(self._starts.min()))
        self._set_rows([self.rows[place] for place in left.tolist()])
        return finished

    def _finish(self, row: Row, place: int) -> None:
        row.ended_by_token = bool(self._is_end[row.token_ids[-1]])
        if row.ended_by_token:
            row.token_ids.pop()
        capture = row.request.capture
        if capture is not None:
            assert self._pooling is not None
            pooled = self._pooling.pooled(place, capture.layers, capture.positions)
            row.activations = pooled.cpu().numpy()

    def _set_rows(self, rows: list[Row]) -> None:
        self.rows = rows
        self._watched = [
            place
            for place, row in enumerate(rows)
            if row.request.sampling.stop or row.request.logprobs
        ]

    def _new_drawing(self, rows: Sequence[Row]) -> Drawing:
        device = self._model.device
        # Rows that ended are drawn for until they leave: one number more than tokens.
        length = max(row.request.sampling.max_tokens for row in rows) + 1
        uniforms = np.stack([uniform_stream(row.request.seed, row.sample, length) for row in rows])
        settings = [row.request.sampling for row in rows]
        return Drawing(
            torch.from_numpy(uniforms).to(device),
            torch.tensor([float(setting.temperature) for setting in settings], device=device),
            torch.tensor([float(setting.top_p) for setting in settings], device=device),
        )


def _rows_left(ended: torch.Tensor) -> torch.Tensor:
    """Return the rows that have not ended [B'], the last ones moved into the places of those gone.

    Few rows change their place that way, and only those have to be copied.
    """
    alive = ~ended
    left = alive.nonzero()[:, 0]
    count = len(left)
    order = torch.arange(count, device=ended.device)
    order[ended[:count]] = left[left >= count]
    return order
