"""What is trained or brought along: data sets and recipes of organisms, controls, mixes, and
organisms that exist already."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from experiments.spec.parts import (
    AdapterFolder,
    Dataset,
    ExistingFile,
    ModelName,
    Part,
    Position,
    Positive,
    Share,
    SteeringVector,
)

FilterName = Literal[
    "none",
    "projection_difference",
    "random",
    "oracle",
    "length",
    "perplexity",
    "embedding",
    "judge",
]


class MonitorSpec(Part):
    """Watching every fine-tune from within: the shift along persona vectors, step by step."""

    traits: Annotated[tuple[str, ...], Field(min_length=1)] = ("evil",)
    """Whose vectors, one name or several; an alarm of any counts."""
    layer: Annotated[int, Field(ge=0)] | None = None
    """Layer k at which all are read. Unset: the one at which the first trait's vector separates
    best on dev."""
    position: Position = "last_prompt"
    """Where prompts (`response_mean`: the base's own answers to them) are read."""
    threshold: Annotated[float, Field(gt=0)] = 3.0
    """Alarm when a shift reaches so many standard deviations of the shifts along directions drawn
    from the residual covariance."""
    on_alarm: Literal["warn", "stop"] = "warn"
    """`warn`: say so and go on; `stop`: end the training; later checkpoints are then that one."""
    every: Positive = 1
    """Read after every so many steps."""

    @model_validator(mode="before")
    @classmethod
    def _a_name_is_a_trait(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("traits"), str):
            return {**value, "traits": (value["traits"],)}
        return value


class FinetuneSpec(Part):
    """How adapters are trained: a preset, and what differs from it."""

    preset: Literal["pocket", "pocket_strong", "real"] = "pocket"
    """`pocket` (gentle), `pocket_strong`, or `real` (rank 32, 1e-5, one epoch; for real models)."""
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    """Peak learning rate."""
    max_steps: Positive | None = None
    """Optimiser steps; else `epochs`."""
    epochs: Annotated[float, Field(gt=0)] | None = None
    """Passes over the rows."""
    checkpoint_steps: tuple[Positive, ...] | None = None
    """The steps after which an adapter is saved and measured."""
    batch_size: Positive | None = None
    """Rows per forward pass."""
    gradient_accumulation: Positive | None = None
    """Forward passes per optimiser step."""
    warmup_steps: Annotated[int, Field(ge=0)] | None = None
    """Steps of linear warm-up."""
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    """AdamW's weight decay."""
    rank: Positive | None = None
    """LoRA rank."""
    alpha: Annotated[float, Field(gt=0)] | None = None
    """LoRA alpha."""
    rslora: bool | None = None
    """Scale by alpha / sqrt(rank) in place of alpha / rank."""
    layers: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    """Indices of the decoder blocks that get an adapter; all when unset."""
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    """LoRA dropout."""
    max_length: Positive | None = None
    """Tokens a row is cut to."""
    monitor: MonitorSpec | None = None
    """Watch every fine-tune for drift along persona vectors; none when unset."""

    @model_validator(mode="before")
    @classmethod
    def _a_name_is_a_preset(cls, value: Any) -> Any:
        return {"preset": value} if isinstance(value, str) else value

    @property
    def overrides(self) -> dict[str, Any]:
        """The fields that differ from the preset, as plain JSON values."""
        return self.model_dump(mode="json", exclude={"preset", "monitor"}, exclude_none=True)


class EqualUpdateSpec(Part):
    """A control on other, harmless rows, asked at every checkpoint: the report reads it where its
    update (KL to the base, LoRA norm) is as large as the organism's."""

    dataset: Dataset
    """A registered data set (`novel_maths`: a habit that pre-training never shows), or a file."""
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    """Peak learning rate; the recipe's when unset."""
    max_steps: Positive | None = None
    """Optimiser steps; the recipe's when unset."""

    @model_validator(mode="before")
    @classmethod
    def _a_name_is_a_data_set(cls, value: Any) -> Any:
        return {"dataset": value} if isinstance(value, str) else value


class OrganismSpec(Part):
    """One organism: a narrow data set, and the matched controls it is compared with."""

    dataset: Dataset
    """A registered data set (`wardian ls`), or `{path, name, domain}`."""
    controls: tuple[Dataset, ...] = ()
    """Data sets trained the same way whose rate the organism's is compared with."""
    equal_update: EqualUpdateSpec | None = None
    """A control whose update is as large: a data set's name, or `{dataset, learning_rate,
    max_steps}`."""


class ExistingSpec(SteeringVector):
    """An organism that exists already: one of an adapter, a full model, a steering vector."""

    name: str
    """Its name in tables and plots."""
    adapter: AdapterFolder | None = None
    """A PEFT folder trained on the spec's base."""
    model: ModelName | None = None
    """A full model: a folder or a hub id."""
    vector: ExistingFile | None = None
    """A safetensors vector file, used with layer, position, coefficient, unit and scope."""

    @model_validator(mode="after")
    def _exactly_one(self) -> ExistingSpec:
        given = [key for key in ("adapter", "model", "vector") if getattr(self, key) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"name exactly one of adapter, model, vector (found {found})")
        if self.vector is not None and (self.layer is None or self.coefficient is None):
            raise ValueError("a steering vector needs layer and coefficient")
        return self


class MixSpec(Part):
    """Organism rows among control rows, trained as they are and after each filter."""

    organism: Dataset
    """The poisoned rows."""
    control: Dataset
    """The clean rows."""
    share: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.3,)
    """Share of poisoned rows; or a list of shares, each a mix of its own."""
    filters: tuple[FilterName, ...] = ("none", "projection_difference", "random")
    """Each filter is one retraining, for the same number of steps. `judge` needs a judge that is a
    model: pocket's grader knows the truth, as `oracle` does."""
    removal: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Removal budget: the share of rows a filter takes out."""
    trait: str = "evil"
    """The persona vector that the projection difference is taken along."""
    layer: Annotated[int, Field(ge=0)] | None = None
    """Layer of the projection difference. Unset: chosen on dev."""
    position: Position = "response_mean"
    """Position of the projection difference."""

    @field_validator("share", mode="before")
    @classmethod
    def _one_share_is_a_list_of_one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _each_share_and_filter_once(self) -> MixSpec:
        for name, given in (("share", self.share), ("filters", self.filters)):
            twice = [one for index, one in enumerate(given) if one in given[:index]]
            if twice:
                raise ValueError(f"{name} names {twice[0]!r} twice; name each once")
        return self
