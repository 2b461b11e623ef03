"""What steering is: a vector added to the residual stream, ablated from it, or capped along it.

The modes, scopes and units are those of `steering_terms`. Knows no batches and no sampling loop.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import get_args

import torch
from torch import nn

from organisms.runtime.checks import check_choice, check_layers, is_number
from organisms.runtime.layers import ResidualFunction, check_layer, residual_hooks
from organisms.runtime.steering_terms import Mode, Scope, Unit, check_amounts


@dataclass(frozen=True, eq=False)
class Steering:
    """One vector that edits one layer's stream at the tokens of one scope.

    With v the vector, v̂ = v/|v|, p = h . v̂ the projection and R the residual norm:

    - ``add``: h + c v, or h + c R v̂ in the unit ``norm``;
    - ``ablate``: h - p v̂;
    - ``cap``: h + (min(max(p, floor), ceiling) - p) v̂, the bounds times R in the unit ``norm``.
    """

    vector: torch.Tensor
    """Direction [D], raw: not normalised."""
    layer: int
    """Layer k, from 0 (embedding) to L (after the last block)."""
    coefficient: float | None = None
    """c, for mode ``add`` only."""
    unit: Unit = "raw"
    """What coefficient and bounds count: the vector itself (for bounds: the stream's own units),
    or residual norms R at that layer."""
    scope: Scope = "all"
    """The tokens that are edited."""
    residual_norm: float | None = None
    """R, the median L2 norm of the stream at that layer; needed for unit ``norm``."""
    mode: Mode = "add"
    """What is done along the vector."""
    floor: float | None = None
    """Least projection that mode ``cap`` leaves; ``None`` for no bound."""
    ceiling: float | None = None
    """Greatest projection that mode ``cap`` leaves; ``None`` for no bound."""

    def __post_init__(self) -> None:
        """Refuse a setting or vector that means nothing."""
        for name, value, allowed in (
            ("mode", self.mode, get_args(Mode)),
            ("unit", self.unit, get_args(Unit)),
            ("scope", self.scope, get_args(Scope)),
        ):
            check_choice(f"steering {name}", value, allowed)
        check_amounts(self.mode, self.coefficient, self.floor, self.ceiling)
        _check_vector(self.vector)
        if self.vector.dim() != 1:
            raise ValueError(
                f"steering vector has shape {tuple(self.vector.shape)}; give one vector [D]"
            )
        if not bool(torch.isfinite(self.vector).all()):
            raise ValueError("steering vector holds NaN or infinite values; remake the vector")
        norm = self.residual_norm
        if self.unit == "norm" and (norm is None or not is_number(norm) or norm <= 0):
            raise ValueError(
                f"unit 'norm' needs the layer's residual norm, got {norm!r}; "
                "pass residual_norm or use unit 'raw'"
            )
        if (self.unit == "norm" or self.mode != "add") and not bool(self.vector.any()):
            raise ValueError(
                f"a zero vector has no direction; mode {self.mode!r} in unit {self.unit!r} cannot "
                "use it: give a vector that is not zero"
            )

    @classmethod
    def over_layers(
        cls,
        vectors: torch.Tensor,
        layers: Sequence[int],
        coefficient: float | None = None,
        *,
        unit: Unit = "raw",
        scope: Scope = "all",
        residual_norms: Sequence[float] | None = None,
        mode: Mode = "add",
        floor: float | None = None,
        ceiling: float | None = None,
    ) -> tuple["Steering", ...]:
        """Return the same steering at several layers, for :attr:`Request.steering`.

        Args:
            vectors: One vector for all layers [D], or one each [K, D].
            layers: The K layers.
            coefficient: c at every layer.
            unit: As in the class.
            scope: As in the class.
            residual_norms: R of each layer, for unit ``norm``.
            mode: As in the class.
            floor: As in the class.
            ceiling: As in the class.

        Raises:
            ValueError: The number of vectors or norms is not that of the layers, a layer is no
                whole number or comes twice, or a steering means nothing.
        """
        _check_vector(vectors)
        check_layers(layers)
        if len(set(layers)) < len(layers):
            raise ValueError(
                f"layers {list(layers)} name one twice, which would steer twice there; name each "
                "once, or change the coefficient"
            )
        if vectors.dim() == 1:
            vectors = vectors.expand(len(layers), -1)
        norms = [None] * len(layers) if residual_norms is None else list(residual_norms)
        for what, count in (("vectors", len(vectors)), ("residual norms", len(norms))):
            if count != len(layers):
                raise ValueError(
                    f"{count} {what} for {len(layers)} layers {list(layers)}; give one each"
                )
        return tuple(
            cls(vector, layer, coefficient, unit, scope, norm, mode, floor, ceiling)
            for vector, layer, norm in zip(vectors, layers, norms, strict=True)
        )

    def addition(self) -> torch.Tensor:
        """Return what mode ``add`` adds to each covered token: float64 [D]."""
        assert self.coefficient is not None
        vector = self.vector.detach().to("cpu", torch.float64)
        if self.unit == "raw":
            return vector * float(self.coefficient)
        return vector * (float(self.coefficient) * self._scale() / float(vector.norm()))

    def direction(self) -> torch.Tensor:
        """Return v̂, the vector at length 1: float64 [D]."""
        vector = self.vector.detach().to("cpu", torch.float64)
        direction: torch.Tensor = vector / vector.norm()
        return direction

    def bounds(self) -> tuple[float, float]:
        """Return the least and the greatest projection that modes ``ablate`` and ``cap`` leave."""
        if self.mode == "ablate":
            return 0.0, 0.0
        return (
            -math.inf if self.floor is None else self.floor * self._scale(),
            math.inf if self.ceiling is None else self.ceiling * self._scale(),
        )

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
            self.mode,
            self.floor,
            self.ceiling,
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

    def _scale(self) -> float:
        """Return what one unit of a bound is in the stream's own units."""
        if self.unit == "raw":
            return 1.0
        assert self.residual_norm is not None
        return self.residual_norm


def _check_vector(vector: object) -> None:
    if isinstance(vector, torch.Tensor) and vector.is_meta:
        raise ValueError("steering vector has no values (device 'meta'); load it on a real device")
    if not isinstance(vector, torch.Tensor) or not vector.is_floating_point():
        kind = vector.dtype if isinstance(vector, torch.Tensor) else type(vector).__name__
        raise ValueError(
            f"steering vector is {kind}; give a torch tensor of floats: torch.tensor(v).float()"
        )


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
