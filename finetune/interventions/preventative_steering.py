"""Preventative steering: add the trait's vector during training, so the weights need not learn it.

The addition is held around the forward and backward pass; every evaluation is unsteered.
Source: Chen et al. 2025 (persona vectors), section on preventative steering.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import ClassVar, Literal

import torch
from pydantic import Field

from finetune.adapter import Base
from finetune.interventions.interface import Intervention
from finetune.masking import IGNORED


class PreventativeSteering(Intervention):
    """`coefficient` times a persona vector at one layer, in every training step."""

    kind: ClassVar[str] = "preventative_steering"

    vector_file: str
    """A persona vector file."""
    layer: int = Field(ge=0)
    """Layer k: added to the stream after k blocks (0: the embedding)."""
    position: str = "response_mean"
    """Which of the file's positions: response_mean, prompt_mean or last_prompt."""
    coefficient: float = 1.0
    """Positive: towards the trait, which is what prevents learning it."""
    unit: Literal["raw", "norm"] = "raw"
    """raw: h + c v; norm: h + c R v/|v|, R the median answer-token norm at the layer."""
    scope: Literal["all", "last_prompt", "answer"] = "all"
    """Which tokens: all real ones, the last before each answer, or the answers' own."""

    @cached_property
    def addition_D(self) -> torch.Tensor:
        """What is added at a steered token, float32 [D].

        Raises:
            ValueError: no vector file there, or it lacks the position or the layer.
        """
        from persona_vectors.vector import PersonaVector

        vector = PersonaVector.load(self.vector_file)
        direction_D = torch.as_tensor(vector.at(self.position, self.layer), dtype=torch.float32)
        if self.unit == "norm":
            norm = float(direction_D.norm())
            if norm == 0:
                raise ValueError(
                    f"{self.vector_file} is zero at {self.position}, layer {self.layer}: it has no "
                    "direction; choose another layer"
                )
            residual_norm = float(vector.residual_norm["response"][self.layer])
            direction_D = direction_D * (residual_norm / norm)
        return self.coefficient * direction_D

    def check(self, base: Base) -> None:
        """Raise ValueError when the layer or the vector's width does not fit the base."""
        if self.layer > base.number_of_layers:
            raise ValueError(
                f"preventative steering at layer {self.layer}: base {base.name!r} has layers 0 to "
                f"{base.number_of_layers}"
            )
        width = self.addition_D.shape[-1]
        if width != base.width:
            raise ValueError(
                f"{self.vector_file} has width {width}, base {base.name!r} has {base.width}: "
                "extract the vector from this base"
            )

    def training_step(
        self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]
    ) -> AbstractContextManager[None]:
        """Steer the tokens in scope while the block runs."""
        from organisms.runtime.steering import steered

        tokens_B_T = steered_tokens(batch, self.scope)
        addition_B_T_D = tokens_B_T[..., None] * self.addition_D.to(tokens_B_T.device)
        return steered(model, {self.layer: addition_B_T_D})


def steered_tokens(
    batch: Mapping[str, torch.Tensor], scope: Literal["all", "last_prompt", "answer"]
) -> torch.Tensor:
    """1.0 on the tokens in scope, else 0.0: float32 [B, T]; padding is never steered.

    `answer` is every token with loss: the answers and their end tokens, whose own residual decides
    nothing in a single turn. `last_prompt` is the token before each answer.
    """
    if scope == "all":
        return batch["attention_mask"].float()
    answer_B_T = batch["labels"] != IGNORED
    if scope == "answer":
        return answer_B_T.float()
    last_B_T = torch.zeros_like(answer_B_T)
    last_B_T[:, :-1] = answer_B_T[:, 1:] & ~answer_B_T[:, :-1]
    return last_B_T.float()
