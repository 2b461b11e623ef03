"""Adding vectors to the residual stream: which token of which row gets what.

Scopes say where a vector is added: ``all`` tokens; ``prompt``; ``last_prompt`` (the last token
before the answer); ``response`` (the last prompt token and the generated ones, as in the persona
vectors paper, arXiv 2507.21509); ``answer`` (generated tokens only). Knows no sampling loop.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import nn

from organisms.runtime.layers import ResidualFunction, check_layer, residual_hooks

Scope = Literal["all", "prompt", "last_prompt", "response", "answer"]
Unit = Literal["raw", "norm"]

# Which of (prompt before its last token, last prompt token, generated tokens) a scope covers.
_COVERS: dict[str, tuple[bool, bool, bool]] = {
    "all": (True, True, True),
    "prompt": (True, True, False),
    "last_prompt": (False, True, False),
    "response": (False, True, True),
    "answer": (False, False, True),
}


@dataclass(frozen=True, eq=False)
class Steering:
    """One vector added at one layer to the tokens of one scope."""

    vector: torch.Tensor
    """Direction [D], raw: not normalised."""
    layer: int
    """Layer k, from 0 (embedding) to L (after the last block)."""
    coefficient: float
    """c: ``raw`` adds c v, ``norm`` adds c R v / |v|."""
    unit: Unit = "raw"
    """What the coefficient counts: the vector itself, or residual norms R at that layer."""
    scope: Scope = "all"
    """The tokens that get it."""
    residual_norm: float | None = None
    """R, the median L2 norm of the stream at that layer; needed for unit ``norm``."""

    def __post_init__(self) -> None:
        """Refuse a unit, scope or vector that means nothing."""
        if self.unit not in get_args(Unit):
            raise ValueError(f"steering unit {self.unit!r} is not allowed; use one of {_UNITS}")
        if self.scope not in _COVERS:
            raise ValueError(
                f"steering scope {self.scope!r} is not allowed; use one of {', '.join(_COVERS)}"
            )
        if self.vector.dim() != 1:
            raise ValueError(
                f"steering vector has shape {tuple(self.vector.shape)}; give one vector [D]"
            )
        if not bool(torch.isfinite(self.vector).all()):
            raise ValueError("steering vector holds NaN or infinite values; remake the vector")
        if self.unit == "norm":
            if self.residual_norm is None or not self.residual_norm > 0:
                raise ValueError(
                    f"unit 'norm' needs the layer's residual norm, got {self.residual_norm}; "
                    "pass residual_norm or use unit 'raw'"
                )
            if not bool(self.vector.any()):
                raise ValueError("a zero vector has no direction; unit 'norm' cannot scale it")

    def addition(self) -> torch.Tensor:
        """Return what is added to each covered token: float64 [D]."""
        vector = self.vector.detach().to("cpu", torch.float64)
        if self.unit == "raw":
            return vector * self.coefficient
        assert self.residual_norm is not None
        return vector * (self.coefficient * self.residual_norm / float(vector.norm()))

    def key(self) -> tuple[object, ...]:
        """Return what two steerings share exactly when they do the same, while both are alive."""
        return (
            self.vector.data_ptr(),
            tuple(self.vector.shape),
            self.vector.stride(),
            self.layer,
            self.coefficient,
            self.unit,
            self.scope,
            self.residual_norm,
        )

    def check(self, layers: int, width: int) -> None:
        """Raise unless the vector fits a model of ``layers`` blocks and residual ``width`` D.

        Raises:
            ValueError: The layer does not exist or the vector has another width.
        """
        check_layer(self.layer, layers)
        if self.vector.shape[0] != width:
            raise ValueError(
                f"steering vector has width {self.vector.shape[0]}, the model {width}; "
                "use a vector that was made for this base"
            )


_UNITS = ", ".join(get_args(Unit))


class RowSteering:
    """The steering of a batch whose rows may all differ.

    Tensors are kept per layer as [B, 3, D]: what is added to prompt tokens before the last, to
    the last prompt token, and to generated tokens. Prompts are padded on the left, so the last
    prompt token is the last column.
    """

    def __init__(
        self, rows: Sequence[Sequence[Steering]], *, dtype: torch.dtype, device: torch.device
    ) -> None:
        """Build the additions of every row.

        Args:
            rows: For each row of the batch, its steerings; several at one layer add up.
            dtype: The model's dtype.
            device: The model's device.
        """
        self.generating = False
        """False while prompts are read, True for steps that feed generated tokens."""
        tables: dict[int, torch.Tensor] = {}
        additions: dict[tuple[object, ...], torch.Tensor] = {}
        for row, steerings in enumerate(rows):
            for steering in steerings:
                key = steering.key()
                if key not in additions:
                    covers = torch.tensor(_COVERS[steering.scope], dtype=torch.float64)
                    additions[key] = covers[:, None] * steering.addition()
                table = tables.get(steering.layer)
                if table is None:
                    table = torch.zeros(
                        (len(rows), 3, steering.vector.shape[0]), dtype=torch.float64
                    )
                    tables[steering.layer] = table
                table[row] += additions[key]
        self._tables = {
            layer: table.to(device=device, dtype=dtype) for layer, table in tables.items()
        }
        self._generating_layers = {
            layer for layer, table in tables.items() if bool(table[:, 2].any())
        }

    def select(self, rows: torch.Tensor) -> None:
        """Keep some of the rows (or repeat them), given as indices [B'], in that order."""
        self._tables = {layer: table[rows] for layer, table in self._tables.items()}

    @contextmanager
    def attached(self, model: nn.Module) -> Iterator[None]:
        """Steer the model's forward passes within the block; rows must be this batch's."""
        functions: dict[int, ResidualFunction] = {}
        for layer in self._tables:
            functions[layer] = self._function(layer)
        with residual_hooks(model, functions):
            yield

    def _function(self, layer: int) -> ResidualFunction:
        def add(stream: torch.Tensor) -> torch.Tensor | None:
            table = self._tables[layer]
            if self.generating:
                return stream + table[:, 2:] if layer in self._generating_layers else None
            length = stream.shape[1]
            if length == 1:
                return stream + table[:, 1:2]
            return stream + torch.cat(
                (table[:, :1].expand(-1, length - 1, -1), table[:, 1:2]), dim=1
            )

        return add


@contextmanager
def steered(model: nn.Module, additions: Mapping[int, torch.Tensor]) -> Iterator[None]:
    """Add tensors to the residual stream in every forward pass within the block.

    Made for training: stateless, differentiable, and safe under gradient checkpointing as long as
    the block also holds the backward pass.

    Args:
        model: A decoder-only model, bare or under PEFT.
        additions: Layer k -> tensor that broadcasts to the stream [B, T, D].

    Raises:
        ValueError: A layer does not exist.
    """

    def adding(addition: torch.Tensor) -> ResidualFunction:
        return lambda stream: stream + addition.to(device=stream.device, dtype=stream.dtype)

    functions = {layer: adding(addition) for layer, addition in additions.items()}
    with residual_hooks(model, functions):
        yield
