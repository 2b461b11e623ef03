"""Optimisers and schedule of pre-training: Muon on the matrices, AdamW on everything else.

Muon is `torch.optim.Muon` in fp32 and batched over matrices of one shape. The library's version
orthogonalises in bf16, one matrix at a time, which on a CPU without bf16 units costs as much as
the forward and backward passes together; a test holds the two updates to each other.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration (Jordan et al. 2024, Muon)."""


def orthogonalised(matrices_N_R_C: torch.Tensor, iterations: int = 5) -> torch.Tensor:
    """Replace every matrix's singular values by values near 1 (about 0.7 to 1.2).

    Args:
        matrices_N_R_C: N matrices of one shape, any float dtype.
        iterations: Newton-Schulz steps.
    """
    first, second, third = NEWTON_SCHULZ
    tall = matrices_N_R_C.shape[-2] > matrices_N_R_C.shape[-1]
    current: torch.Tensor = matrices_N_R_C.mT if tall else matrices_N_R_C
    current = current / current.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(iterations):
        gram = current @ current.mT
        current = first * current + (second * gram + third * (gram @ gram)) @ current
    return current.mT if tall else current


class BatchedMuon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised, for the matrices between embedding and head.

    Args:
        matrices: 2-D parameters; those of one shape are updated together.
        learning_rate: Step size; scaled by sqrt(max(1, rows / columns)), the original rule.
        weight_decay: Decoupled, multiplied by the learning rate.
        momentum: Of the running mean of gradients; applied in Nesterov's form.

    Raises:
        ValueError: A parameter is not a matrix.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        learning_rate: float,
        weight_decay: float = 0.05,
        momentum: float = 0.95,
    ) -> None:
        by_shape: dict[torch.Size, list[nn.Parameter]] = {}
        for matrix in matrices:
            if matrix.ndim != 2:
                raise ValueError(f"Muon takes matrices only, not shape {tuple(matrix.shape)}")
            by_shape.setdefault(matrix.shape, []).append(matrix)
        defaults = {"lr": learning_rate, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__([{"params": same} for same in by_shape.values()], defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Apply one update to every matrix; all must hold a gradient."""
        loss = None if closure is None else closure()
        for group in self.param_groups:
            matrices: list[nn.Parameter] = group["params"]
            gradient_N_R_C = torch.stack([_gradient(matrix) for matrix in matrices])
            state: dict[str, Any] = self.state[matrices[0]]
            if "momentum_N_R_C" not in state:
                state["momentum_N_R_C"] = torch.zeros_like(gradient_N_R_C)
            running = state["momentum_N_R_C"]
            running.lerp_(gradient_N_R_C, 1 - group["momentum"])
            update_N_R_C = orthogonalised(gradient_N_R_C.lerp(running, group["momentum"]))
            rows, columns = matrices[0].shape
            scale = group["lr"] * math.sqrt(max(1.0, rows / columns))
            for matrix, update_R_C in zip(matrices, update_N_R_C, strict=True):
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(update_R_C, alpha=-scale)
        return loss


def _gradient(matrix: nn.Parameter) -> torch.Tensor:
    if matrix.grad is None:
        raise ValueError(f"a matrix of shape {tuple(matrix.shape)} has no gradient")
    return matrix.grad


def build_optimisers(
    model: nn.Module, muon_learning_rate: float, adamw_learning_rate: float, weight_decay: float
) -> tuple[BatchedMuon, torch.optim.AdamW]:
    """Split a decoder's parameters: block matrices to Muon, embedding and norms to AdamW."""
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        inside = parameter.ndim == 2 and "embed" not in name and "lm_head" not in name
        (matrices if inside else others).append(parameter)
    return (
        BatchedMuon(matrices, muon_learning_rate, weight_decay),
        torch.optim.AdamW(others, lr=adamw_learning_rate, betas=(0.9, 0.95), weight_decay=0.0),
    )


def learning_rate_factor(step: int, steps: int, warmup_steps: int) -> float:
    """Return the share of the peak learning rate at a step: linear warm-up, then half a cosine.

    Args:
        step: 0-based; the last is ``steps - 1``.
        steps: Length of the whole run.
        warmup_steps: Steps of the linear part.

    Returns:
        In (0, 1], ending near 0.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * done))
