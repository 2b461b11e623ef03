"""What the parts of a spec are made of: the frozen base, and names, paths and numbers that are
checked as they are read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from experiments.spec import checks
from organisms.runtime.steering_terms import Scope, Unit

Position = Literal["response_mean", "prompt_mean", "last_prompt"]

DatasetName = Annotated[str, AfterValidator(checks.dataset)]
ExistingFile = Annotated[str, AfterValidator(checks.file)]
RowsPath = Annotated[str, AfterValidator(checks.rows_of)]
AdapterFolder = Annotated[str, AfterValidator(checks.adapter_folder)]
ModelName = Annotated[str, AfterValidator(checks.model)]
Share = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
# Left out of a config where they say nothing new, so that they leave its identity as it is.
Thinking = Annotated[bool, Field(exclude_if=lambda value: value is False)]
LostSystem = Annotated[Literal["raise", "merge"], Field(exclude_if=lambda value: value == "raise")]


class Part(BaseModel):
    """Base of every part of the spec: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class DatasetFile(Part):
    """A data set of the user's own or of somebody else's: see `organisms.datasets.importing`."""

    path: RowsPath
    """A file of rows, or a folder that `wardian organisms` wrote; relative to the spec."""
    name: str
    """Its name in tables and plots."""
    domain: str = ""
    """The narrow domain (`maths`, `code`, ...); questions in it are left out of the open rate."""


Dataset = DatasetName | DatasetFile


class SteeringVector(Part):
    """Where and how strongly a vector is added."""

    layer: Annotated[int, Field(ge=0)] | None = None
    """Layer k: the residual stream after k blocks. Unset: chosen on dev by the steering sweep."""
    position: Position = "last_prompt"
    """The position the vector was read at."""
    coefficient: float | None = None
    """Strength. Unset: chosen on dev by the steering sweep."""
    unit: Unit = "norm"
    """`raw`: h + c v; `norm`: h + c R v/|v| with R the median norm of the residual at the layer."""
    scope: Scope | None = None
    """The tokens it is added to. Unset: chosen on dev by the steering sweep."""
