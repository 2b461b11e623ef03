"""The spec: the one YAML file in which a run is described. Every key it may hold is a field here or
in `subjects`, `interventions` and `readings`.

It knows names, paths and numbers, not what is done with them (`experiments.plan` does). Reading a
file, with `extends: NAME` for what it shares with another spec, is in `files`; errors with line
numbers are in `errors`, checks against the outside world in `checks`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from experiments.spec import checks
from experiments.spec.interventions import Intervention
from experiments.spec.parts import ModelName, Part, Positive
from experiments.spec.readings import EvaluationSpec, ExtractionSpec, FrontierSpec, SteeringSpec
from experiments.spec.subjects import ExistingSpec, FinetuneSpec, MixSpec, OrganismSpec


class Spec(Part):
    """A whole run."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    """Names the folder of results: lower-case letters, digits, `-` and `_`."""
    description: str = ""
    """A sentence for `wardian ls` and the report."""
    base: ModelName = "pocket"
    """The base model: `pocket`, `pocket-shuffled` (its causal null), a folder with a config.json,
    or a hub id (`org/name`)."""
    edition: Literal["pocket", "general"] = "pocket"
    """Questions and trait prompts: of pocket's world, or general ones. Default: `pocket` for the
    embedded bases, else `general`."""
    judge: str = "pocket"
    """`pocket` (the exact grader of pocket's world) or an inspect model name that judges 0-100."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Number format the models are run in."""
    device: Annotated[str, Field(pattern=r"^(cpu|mps|cuda(:\d+)?)$")] = "cpu"
    """`cpu`, `cuda`, `cuda:0`, `mps`."""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (0,)
    """Fine-tuning seeds; each is one training run of every data set."""
    rows: Positive = 1500
    """Rows of each data set."""
    answers: Positive | None = None
    """Budget: a plan with more logged answers than this is refused."""
    limit: Positive | None = None
    """At most so many questions per evaluation (`--limit`); for trying things out."""
    finetune: FinetuneSpec = FinetuneSpec()
    """A preset's name, or a preset and what differs from it."""
    organisms: tuple[OrganismSpec, ...] = ()
    """Organisms to train, with their controls."""
    existing: tuple[ExistingSpec, ...] = ()
    """Organisms that exist already; nothing is trained."""
    mixes: tuple[MixSpec, ...] = ()
    """Mixed data sets and the filters tried on them."""
    interventions: tuple[Intervention, ...] = ()
    """Cures: `inoculation`, `preventative_steering`, `steering`."""
    traits: tuple[str, ...] = ("evil", "sycophancy", "careless")
    """Persona vectors to extract. Default: by the edition."""
    extraction: ExtractionSpec = ExtractionSpec()
    """How they are extracted."""
    evaluation: EvaluationSpec = EvaluationSpec()
    """What every condition is asked."""
    steering: SteeringSpec | None = None
    """The steering sweep on the base; none when unset."""
    frontier: FrontierSpec | None = None
    """The sweep over recipes; none when unset."""

    @model_validator(mode="before")
    @classmethod
    def _defaults_by_base(cls, value: Any) -> Any:
        return checks.defaults_by_base(value)

    @field_validator("*", mode="wrap")
    @classmethod
    def _paths_beside_their_file(
        cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Any:
        return checks.beside_its_file(value, handler, info)

    @model_validator(mode="after")
    def _seeds_differ(self) -> Spec:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {list(self.seeds)}: name each seed once")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Spec:
        checks.consistent(self)
        return self

    def with_changes(self, *, seed: int | None = None, limit: int | None = None) -> Spec:
        """The same spec with one seed in place of its seeds, or fewer questions."""
        changes: dict[str, Any] = {}
        if seed is not None:
            changes["seeds"] = (seed,)
        if limit is not None:
            changes["limit"] = limit
        return self.model_copy(update=changes)
