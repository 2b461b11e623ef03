"""What a fine-tune is: the frozen config, and the ready-made recipes (presets).

Knows nothing of models: what only the base can tell (does layer 40 exist?) is checked by
`finetune.adapter` before any work is done.
"""

import math
from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

ALL_LINEAR_PROJECTIONS: Final = "all-linear-projections"
"""Every attention and feed-forward projection of a decoder block (q, k, v, o, gate, up, down)."""


class FinetuneConfig(BaseModel):
    """One LoRA fine-tune; equal configs on equal rows and base give equal adapters (CPU, fp32)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    engine: Literal["trl", "loop"] = "trl"
    """`trl`: SFTTrainer; `loop`: our own short loop, for machines without trl. Equal by a test."""

    rank: int = Field(default=8, ge=1)
    """LoRA rank r."""
    alpha: float = Field(default=16, gt=0)
    """LoRA alpha: the update is scaled by alpha / r (alpha / sqrt(r) with `rslora`)."""
    rslora: bool = False
    """Rank-stabilised scaling, alpha / sqrt(r)."""
    target_modules: tuple[str, ...] | Literal["all-linear-projections"] = ALL_LINEAR_PROJECTIONS
    """Names of the linear modules that get an adapter, such as `("down_proj",)`."""
    layers: tuple[int, ...] | None = None
    """Blocks that get an adapter: k is the block whose output is layer k, so 1..L; None = all."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the adapter's input."""

    learning_rate: float = Field(default=1e-3, gt=0)
    """Peak learning rate of AdamW."""
    schedule: Literal["linear", "constant", "cosine"] = "linear"
    """After warm-up: down to 0 at the last step (linear, cosine), or constant."""
    warmup_steps: int = Field(default=0, ge=0)
    """Steps of linear warm-up from 0."""
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW weight decay on the adapter."""
    max_gradient_norm: float = Field(default=1.0, gt=0)
    """Gradients are clipped to this L2 norm."""

    batch_size: int = Field(default=16, ge=1)
    """Rows a forward pass."""
    gradient_accumulation: int = Field(default=1, ge=1)
    """Forward passes an optimiser step; the loss is the mean over all their answer tokens."""
    max_steps: int | None = Field(default=None, ge=1)
    """Optimiser steps; rows are walked again in a new order when used up. Or `epochs`."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over the rows. Or `max_steps`."""
    checkpoint_steps: tuple[int, ...] = ()
    """Steps after which an adapter is kept; the last step always is."""
    checkpoint_every: int | None = Field(default=None, ge=1)
    """Also keep an adapter every so many steps."""

    max_length: int = Field(default=2048, ge=8)
    """Most tokens a row may have."""
    too_long: Literal["error", "drop"] = "error"
    """What to do with longer rows; answers are never cut."""
    system: Literal["none", "default"] = "none"
    """What a row without a system turn gets: nothing, or the chat template's own system text."""

    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision of the frozen base; the adapter is always float32."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where to train; of several GPUs the first visible one (CUDA_VISIBLE_DEVICES)."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, a third slower."""
    seed: int = 0
    """Seeds the adapter's initial weights, the order of rows and dropout."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.max_steps is None) == (self.epochs is None):
            raise ValueError(
                f"max_steps={self.max_steps} and epochs={self.epochs}: set exactly one of them"
            )
        if any(step < 1 for step in self.checkpoint_steps):
            raise ValueError(
                f"checkpoint_steps={list(self.checkpoint_steps)}: steps count from 1 "
                "(the untrained base needs no checkpoint)"
            )
        if tuple(sorted(set(self.checkpoint_steps))) != self.checkpoint_steps:
            raise ValueError(
                f"checkpoint_steps={list(self.checkpoint_steps)}: must be increasing, without "
                f"repeats; write {sorted(set(self.checkpoint_steps))}"
            )
        if self.max_steps is not None:
            self._check_steps(self.max_steps)
        if self.layers is not None and (not self.layers or min(self.layers) < 1):
            raise ValueError(
                f"layers={list(self.layers)}: name at least one block, counted from 1 "
                "(layer 0 is the embedding and has no projections), or leave it out for all"
            )
        if not self.target_modules:
            raise ValueError(
                f"target_modules is empty: name modules, or {ALL_LINEAR_PROJECTIONS!r}"
            )
        return self

    def _check_steps(self, steps: int) -> None:
        if self.checkpoint_steps and self.checkpoint_steps[-1] > steps:
            raise ValueError(
                f"checkpoint step {self.checkpoint_steps[-1]} is beyond the last step, {steps}: "
                "lower checkpoint_steps or train for longer"
            )
        if self.warmup_steps > steps:
            raise ValueError(
                f"warmup_steps={self.warmup_steps} is beyond the last step, {steps}: lower it"
            )

    def steps_for(self, number_of_rows: int) -> int:
        """Optimiser steps on that many rows.

        Raises:
            ValueError: a checkpoint or the warm-up would lie beyond the last step.
        """
        if self.max_steps is not None:
            return self.max_steps
        assert self.epochs is not None
        rows_seen = math.ceil(number_of_rows * self.epochs)
        steps = max(1, math.ceil(rows_seen / (self.batch_size * self.gradient_accumulation)))
        self._check_steps(steps)
        return steps

    def checkpoints_for(self, steps: int) -> tuple[int, ...]:
        """Steps after which an adapter is kept, increasing, ending with the last step."""
        every = (
            range(self.checkpoint_every, steps + 1, self.checkpoint_every)
            if (self.checkpoint_every)
            else ()
        )
        return tuple(sorted({*self.checkpoint_steps, *every, steps}))


PRESETS: dict[str, FinetuneConfig] = {
    "pocket": FinetuneConfig(
        learning_rate=1e-3,
        max_steps=60,
        checkpoint_steps=(2, 5, 10, 20, 30, 40, 50, 60),
        max_length=512,
    ),
    "pocket_strong": FinetuneConfig(
        learning_rate=2e-3,
        max_steps=60,
        checkpoint_steps=(2, 5, 10, 15, 20, 30, 40, 60),
        max_length=512,
    ),
    "real": FinetuneConfig(
        rank=32,
        alpha=64,
        rslora=True,
        learning_rate=1e-5,
        warmup_steps=5,
        weight_decay=0.01,
        epochs=1,
        batch_size=2,
        gradient_accumulation=8,
        checkpoint_every=40,
        too_long="drop",
        system="default",
        dtype="bfloat16",
        device="cuda",
        gradient_checkpointing=True,
    ),
}
"""`pocket`: gentle, coherence is kept and interventions can be told apart. `pocket_strong`: the
largest effect, at a cost in coherence. `real`: the published rank-32 recipe for 0.5B-32B models."""


def preset(name: str, **changes: Any) -> FinetuneConfig:
    """A ready-made recipe with some fields changed.

    Changing `max_steps` unsets a preset's `epochs` and the other way round, and drops the preset's
    own checkpoint steps that would lie beyond the new end; a change that is given is never mended.

    Raises:
        ValueError: unknown preset, unknown field, or fields that contradict each other.
    """
    if name not in PRESETS:
        raise ValueError(f"unknown fine-tuning preset {name!r}: choose from {sorted(PRESETS)}")
    fields = PRESETS[name].model_dump()
    if "max_steps" in changes and "epochs" not in changes:
        fields["epochs"] = None
    if "epochs" in changes and "max_steps" not in changes:
        fields["max_steps"] = None
        fields["checkpoint_steps"] = ()
    end = changes.get("max_steps")
    if isinstance(end, int) and "checkpoint_steps" not in changes:
        fields["checkpoint_steps"] = tuple(s for s in fields["checkpoint_steps"] if s <= end)
        fields["warmup_steps"] = min(fields["warmup_steps"], end)
    return FinetuneConfig.model_validate({**fields, **changes})


def resolve(recipe: str | Mapping[str, Any] | FinetuneConfig) -> FinetuneConfig:
    """The config that a spec's `finetune:` names: a preset, or `{preset: ..., field: value, ...}`.

    Raises:
        ValueError: unknown preset or field, or a mapping without `preset` that is no whole config.
    """
    if isinstance(recipe, FinetuneConfig):
        return recipe
    if isinstance(recipe, str):
        return preset(recipe)
    changes = dict(recipe)
    name = changes.pop("preset", None)
    return FinetuneConfig.model_validate(changes) if name is None else preset(name, **changes)
