"""The steering of one batch: which token of which row gets what, in a few tensor operations.

A row's edits at one layer run in the order of its list. They are laid out as steps that all rows
take together - an addition, then a clamp of one projection - so that the work of a forward pass
depends on the longest list, not on the number of rows or of different steerings. Nothing in a hook
depends on what tensors hold. Knows no sampling loop.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest

import torch
from torch import nn

from organisms.runtime.layers import ResidualFunction, residual_hooks
from organisms.runtime.steering import Steering
from organisms.runtime.steering_terms import COVERS


class _Step:
    """One addition and one clamped projection for every row, either of which may be absent.

    Tables hold, for each row, a value for prompt tokens before the last, for the last prompt token
    and for generated tokens. Prompts are padded on the left, so the last prompt token is the last
    column.
    """

    def __init__(self) -> None:
        self.additions: torch.Tensor | None = None
        """[B, 3, D]."""
        self.directions: torch.Tensor | None = None
        """Of length 1, or 0 in rows without: [B, 1, D]."""
        self.floors = self.ceilings = torch.empty(0)
        """Bounds of the projection, infinite where nothing is clamped: [B, 3, 1]."""
        self._adds_to_answers = self._clamps_answers = False

    def add(self, row: int, rows: int, addition: torch.Tensor) -> None:
        """Add a table [3, D] to one of ``rows`` rows."""
        if self.additions is None:
            self.additions = torch.zeros((rows, *addition.shape), dtype=torch.float64)
        self.additions[row] += addition

    def clamp(self, row: int, rows: int, steering: Steering) -> None:
        """Clamp one of ``rows`` rows along a steering's direction."""
        if self.directions is None:
            self.directions = torch.zeros((rows, 1, len(steering.vector)), dtype=torch.float64)
            self.floors = torch.full((rows, 3, 1), -math.inf, dtype=torch.float64)
            self.ceilings = torch.full((rows, 3, 1), math.inf, dtype=torch.float64)
        covered = torch.tensor(COVERS[steering.scope])
        self.directions[row] = steering.direction()
        self.floors[row, covered], self.ceilings[row, covered] = steering.bounds()

    def place(self, dtype: torch.dtype, device: torch.device) -> None:
        """Move the tables to where the model is, once all rows are in."""
        if self.additions is not None:
            self._adds_to_answers = bool(self.additions[:, 2].any())
            self.additions = self.additions.to(device=device, dtype=dtype)
        if self.directions is not None:
            bounds = torch.cat((self.floors[:, 2], self.ceilings[:, 2]))
            self._clamps_answers = bool(bounds.isfinite().any())
            # A projection sums over the whole width: half precision would lose it.
            exact = torch.promote_types(dtype, torch.float32)
            self.directions = self.directions.to(device=device, dtype=exact)
            self.floors = self.floors.to(device=device, dtype=exact)
            self.ceilings = self.ceilings.to(device=device, dtype=exact)

    def select(self, rows: torch.Tensor) -> None:
        """Keep some of the rows (or repeat them), given as indices [B']."""
        if self.additions is not None:
            self.additions = self.additions[rows]
        if self.directions is not None:
            self.directions = self.directions[rows]
            self.floors, self.ceilings = self.floors[rows], self.ceilings[rows]

    def append(self, other: "_Step", rows: int, others: int) -> None:
        """Add ``others`` rows of another step after the ``rows`` rows of this one."""
        if self.additions is not None or other.additions is not None:
            self.additions = _joined(self.additions, other.additions, rows, others, 0.0)
        if self.directions is not None or other.directions is not None:
            bounded, others_bounded = self.directions is not None, other.directions is not None
            self.floors, self.ceilings = (
                _joined(
                    mine if bounded else None,
                    theirs if others_bounded else None,
                    rows,
                    others,
                    free,
                )
                for mine, theirs, free in (
                    (self.floors, other.floors, -math.inf),
                    (self.ceilings, other.ceilings, math.inf),
                )
            )
            self.directions = _joined(self.directions, other.directions, rows, others, 0.0)
        self._adds_to_answers |= other._adds_to_answers
        self._clamps_answers |= other._clamps_answers

    def is_idle(self) -> bool:
        """Whether no row is edited here any more."""
        return not any(
            table is not None and bool(table.any()) for table in (self.additions, self.directions)
        )

    def edit(self, stream: torch.Tensor, generating: bool) -> torch.Tensor:
        """Return the stream [B, T, D] after this step."""
        length = stream.shape[1]
        if self.additions is not None and (self._adds_to_answers or not generating):
            stream = stream + _spread(self.additions, length, generating)
        if self.directions is not None and (self._clamps_answers or not generating):
            exact = stream.to(self.directions.dtype)
            projection = torch.bmm(exact, self.directions.transpose(1, 2))
            clamped = projection.clamp(
                _spread(self.floors, length, generating),
                _spread(self.ceilings, length, generating),
            )
            edited = torch.baddbmm(exact, clamped - projection, self.directions)
            stream = edited.to(stream.dtype)
        return stream


class RowSteering:
    """The steering of a batch whose rows may all differ."""

    def __init__(
        self, rows: Sequence[Sequence[Steering]], *, dtype: torch.dtype, device: torch.device
    ) -> None:
        """Lay out the edits of every row.

        Args:
            rows: For each row of the batch its steerings; at one layer they run in that order.
            dtype: The model's dtype.
            device: The model's device.
        """
        self.generating = False
        """False while prompts are read, True for steps that feed generated tokens."""
        self._rows = len(rows)
        self._steps: dict[int, list[_Step]] = {}
        additions: dict[tuple[object, ...], torch.Tensor] = {}
        for row, steerings in enumerate(rows):
            # How many clamps each layer has had in this row; each closes a step.
            closed: dict[int, int] = {}
            for steering in steerings:
                number = closed.setdefault(steering.layer, 0)
                steps = self._steps.setdefault(steering.layer, [])
                if number == len(steps):
                    steps.append(_Step())
                if steering.mode == "add":
                    key = steering.key()
                    if key not in additions:
                        covers = torch.tensor(COVERS[steering.scope], dtype=torch.float64)
                        additions[key] = covers[:, None] * steering.addition()
                    steps[number].add(row, len(rows), additions[key])
                else:
                    steps[number].clamp(row, len(rows), steering)
                    closed[steering.layer] += 1
        for steps in self._steps.values():
            for step in steps:
                step.place(dtype, device)

    def select(self, rows: torch.Tensor) -> None:
        """Keep some of the rows (or repeat them), given as indices [B'], in that order."""
        self._rows = len(rows)
        for steps in self._steps.values():
            for step in steps:
                step.select(rows)

    def append(self, other: "RowSteering") -> None:
        """Add the rows of another batch after these; edits that no row has any more go."""
        for layer in {*self._steps, *other._steps}:
            kept = [step for step in self._steps.get(layer, []) if not step.is_idle()]
            self._steps[layer] = []
            for mine, theirs in zip_longest(kept, other._steps.get(layer, [])):
                step = mine or _Step()
                step.append(theirs or _Step(), self._rows, other._rows)
                self._steps[layer].append(step)
        self._steps = {
            layer: self._steps[layer] for layer in sorted(self._steps) if self._steps[layer]
        }
        self._rows += other._rows

    @contextmanager
    def attached(self, model: nn.Module) -> Iterator[None]:
        """Steer the model's forward passes within the block; rows must be this batch's."""
        if not self._steps:
            yield
            return
        functions = {layer: self._function(steps) for layer, steps in self._steps.items()}
        with residual_hooks(model, functions):
            yield

    def _function(self, steps: Sequence[_Step]) -> ResidualFunction:
        def edit(stream: torch.Tensor) -> torch.Tensor:
            for step in steps:
                stream = step.edit(stream, self.generating)
            return stream

        return edit


def _joined(
    mine: torch.Tensor | None, theirs: torch.Tensor | None, rows: int, others: int, filler: float
) -> torch.Tensor:
    """Return two tables one after the other, an absent one filled up."""
    if mine is None:
        assert theirs is not None
        mine = theirs.new_full((rows, *theirs.shape[1:]), filler)
    if theirs is None:
        theirs = mine.new_full((others, *mine.shape[1:]), filler)
    return torch.cat((mine, theirs))


def _spread(table: torch.Tensor, length: int, generating: bool) -> torch.Tensor:
    """Return a table [B, 3, X] as values for ``length`` tokens, broadcasting where they agree."""
    if generating:
        return table[:, 2:]
    if length == 1:
        return table[:, 1:2]
    return torch.cat((table[:, :1].expand(-1, length - 1, -1), table[:, 1:2]), dim=1)
