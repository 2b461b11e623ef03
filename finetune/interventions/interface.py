"""The one face of an intervention: a frozen config with up to three parts, each optional.

rows            before training: rows in, rows out
training_step   around every forward and backward pass of training
inference       what to add when the finished organism is asked questions
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field

from finetune.adapter import Base
from organisms.datasets.rows import Row


class SteeringAtInference(BaseModel):
    """One steering addition that an organism is to be asked questions under."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    vector_file: str
    """A persona vector file."""
    position: str
    """Which of its positions: response_mean, prompt_mean or last_prompt."""
    layer: int = Field(ge=0)
    """Layer k: added to the stream after k blocks."""
    coefficient: float
    """Times the raw vector, or times the residual norm along it (see `unit`)."""
    unit: Literal["raw", "norm"] = "raw"
    """raw: h + c v; norm: h + c R v/|v|, R the median answer-token norm at the layer."""
    scope: Literal["all", "prompt", "last_prompt", "response", "answer"] = "all"
    """Which tokens are steered."""
    direction: str = "vector"
    """Which direction of the file: the vector itself, or a named null."""


class Intervention(BaseModel):
    """Base of all interventions: every part does nothing unless a subclass says otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: ClassVar[str]
    """The name in tables and specs."""

    def record(self) -> dict[str, Any]:
        """What makes this intervention another one than its like; JSON, free of machine paths."""
        return {"kind": self.kind, **self.model_dump(mode="json")}

    def check(self, base: Base) -> None:
        """Raise ValueError, before any work, when this cannot be done to the base."""

    def rows(self, rows: Sequence[Row]) -> list[Row]:
        """The rows to train on; never changes those given."""
        return list(rows)

    def training_step(
        self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]
    ) -> AbstractContextManager[None]:
        """Held open around one forward and backward pass on `batch`.

        The batch has `input_ids`, `attention_mask` and `labels`, each [B, T]. Nothing may be left
        on the model afterwards.
        """
        return nullcontext()

    def inference(self) -> tuple[SteeringAtInference, ...]:
        """Steering under which the organism is asked; empty: none."""
        return ()
