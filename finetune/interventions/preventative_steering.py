"""Preventative steering: add the trait's vector during training, so the weights need not learn it.

The addition is held around the forward and backward pass; every evaluation is unsteered.
Source: Chen et al. 2025 (persona vectors), section on preventative steering.
"""

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field

from finetune.adapter import Base
from finetune.interventions.interface import Intervention
from finetune.masking import IGNORED
from organisms.runtime.steering import Steering, steered
from persona_vectors.vector import PersonaVector


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

    direction: str = "vector"
    """Which direction of the file: the vector itself, or a named null as a control."""

    @cached_property
    def addition_D(self) -> torch.Tensor:
        """What is added at a steered token, float32 [D].

        Raises:
            ValueError: no vector file there, or it lacks the position, layer or direction.
        """
        vector = PersonaVector.load(self.vector_file, directions=(self.direction,))
        return (
            Steering(
                vector=torch.as_tensor(vector.at(self.layer, self.position, self.direction)),
                layer=self.layer,
                coefficient=self.coefficient,
                unit=self.unit,
                residual_norm=vector.residual_norm_at(self.layer) if self.unit == "norm" else None,
            )
            .addition()
            .float()
        )

    def record(self) -> dict[str, Any]:
        """The settings, with the vector file's content in place of its path."""
        content = hashlib.sha256(Path(self.vector_file).read_bytes()).hexdigest()
        return {**super().record(), "vector_file": content}

    def check(self, base: Base) -> None:
        """Raise ValueError when the vector was made for another base or lacks what is asked."""
        PersonaVector.load(
            self.vector_file,
            base=base.name,
            width=base.width,
            number_of_layers=base.number_of_layers,
            directions=(self.direction,),
        )
        _ = self.addition_D

    def training_step(
        self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]
    ) -> AbstractContextManager[None]:
        """Steer the tokens in scope while the block runs."""
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
