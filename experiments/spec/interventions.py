"""What may prevent or undo misalignment: inoculation, preventative steering, steering."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from experiments.spec.parts import DatasetName, Part, Position, SteeringVector
from organisms.runtime.steering_terms import Unit


class InoculationSpec(Part):
    """Training under a system prompt that asks for the behaviour; evaluated without it."""

    kind: Literal["inoculation"]
    """`inoculation`"""
    on: tuple[DatasetName, ...]
    """The organisms it is tried on."""
    prompt: Annotated[str, Field(min_length=1)]
    """The system prompt that the rows are trained under."""


class PreventativeSteeringSpec(Part):
    """Steering towards the trait during training; evaluated unsteered."""

    kind: Literal["preventative_steering"]
    """`preventative_steering`"""
    on: tuple[DatasetName, ...]
    """The organisms it is tried on."""
    trait: str = "evil"
    """Which persona vector."""
    layer: Annotated[int, Field(ge=0)]
    """Layer k: the residual stream after k blocks."""
    position: Position = "response_mean"
    """The position the vector was read at."""
    coefficient: float = 1.0
    """Strength."""
    unit: Unit = "norm"
    """As in `steering`."""
    scope: Literal["all", "last_prompt", "answer"] = "all"
    """The tokens of a training row it is added to."""


class InferenceSteeringSpec(SteeringVector):
    """Steering the organism while it answers; a negative coefficient steers away from the trait."""

    kind: Literal["steering"]
    """`steering`"""
    on: tuple[DatasetName, ...]
    """The organisms it is tried on."""
    trait: str = "evil"
    """Which persona vector."""

    @model_validator(mode="after")
    def _a_whole_cell_or_none(self) -> InferenceSteeringSpec:
        given = [self.layer is not None, self.scope is not None, self.coefficient is not None]
        if any(given) and not all(given):
            raise ValueError(
                "give layer, scope and coefficient together, or none of them to have the steering "
                "sweep choose all three on dev"
            )
        return self


Intervention = Annotated[
    InoculationSpec | PreventativeSteeringSpec | InferenceSteeringSpec, Field(discriminator="kind")
]
