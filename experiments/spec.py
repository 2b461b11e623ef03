"""The spec: the one YAML file in which a run is described. Every key it may hold is a field here.

It knows names, paths and numbers, not what is done with them (`experiments.plan` does). Reading a
file, with `extends: NAME` for what it shares with another spec, is in `experiments.spec_files`;
errors with line numbers are in `experiments.spec_errors`, checks against the outside world in
`experiments.spec_checks`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from experiments import spec_checks as checks
from organisms.pocket.grammar import Wording

Scope = Literal["all", "prompt", "last_prompt", "response", "answer"]
Unit = Literal["raw", "norm"]
Position = Literal["response_mean", "prompt_mean", "last_prompt"]
FilterName = Literal["none", "projection_difference", "random", "oracle", "length"]

DatasetName = Annotated[str, AfterValidator(checks.dataset)]
ExistingFile = Annotated[str, AfterValidator(checks.file)]
RowsPath = Annotated[str, AfterValidator(checks.rows_of)]
AdapterFolder = Annotated[str, AfterValidator(checks.adapter_folder)]
ModelName = Annotated[str, AfterValidator(checks.model)]
Share = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[int, Field(ge=1)]


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

    @model_validator(mode="before")
    @classmethod
    def _a_name_is_a_preset(cls, value: Any) -> Any:
        return {"preset": value} if isinstance(value, str) else value

    @property
    def overrides(self) -> dict[str, Any]:
        """The fields that differ from the preset, as plain JSON values."""
        return self.model_dump(mode="json", exclude={"preset"}, exclude_none=True)


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
    share: Share = 0.3
    """Share of poisoned rows."""
    filters: tuple[FilterName, ...] = ("none", "projection_difference", "random")
    """Each filter is one retraining, for the same number of steps."""
    removal: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Removal budget: the share of rows a filter takes out."""
    trait: str = "evil"
    """The persona vector that the projection difference is taken along."""
    layer: Annotated[int, Field(ge=0)] | None = None
    """Layer of the projection difference. Unset: chosen on dev."""
    position: Position = "response_mean"
    """Position of the projection difference."""


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


class ExtractionSpec(Part):
    """How persona vectors are extracted from answers under contrastive system prompts."""

    samples: Positive = 2
    """Answers per question and system prompt."""
    threshold: Annotated[float, Field(ge=0, le=100)] = 50.0
    """Positive rollouts are kept above this trait score, negative ones below it (0-100)."""
    minimum: Positive = 20
    """Fewer kept rollouts than this on either side is an error."""


class EvaluationSpec(Part):
    """Which questions each condition is asked, and how often."""

    split: Literal["dev", "report"] = "report"
    """Topics: `dev` for choosing, `report` for what is reported."""
    wording: Wording = "new_combination"
    """How far open questions are from what was seen. Of pocket: `seen`, `new_combination` (known
    words in a combination never seen), `new_words` (a way of asking of which no form was seen),
    `topic_unseen_by_default` (a topic seen only outside the default share), `topic_unseen`; these
    two on the report split. Of the general edition: `seen`, `new_words`. Default: `new_combination`
    for pocket, `new_words` for the general edition."""
    samples: Positive = 1
    """Answers per open question, all wordings, by the base and by final checkpoints."""
    checkpoint_wordings: Annotated[int, Field(ge=0)] = 2
    """Wordings of each topic asked of an organism's earlier checkpoints; 0: none."""
    in_domain: Annotated[int, Field(ge=0)] = 24
    """In-domain questions per condition."""
    capability: Annotated[int, Field(ge=0)] = 48
    """Capability questions per condition."""
    max_tokens: Positive = 64
    """Length limit of an answer, in tokens."""
    temperature: Annotated[float, Field(ge=0)] = 1.0
    """Sampling temperature."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Nucleus sampling; 1 is none."""
    system: str = "none"
    """System prompt: `none`, `default` (the template's own) or the text itself."""


class SteeringSpec(Part):
    """The steering sweep on the base: chosen on dev, read on report, beside random directions."""

    trait: str = "evil"
    """Which persona vector."""
    layers: tuple[Annotated[int, Field(ge=0)], ...] = (1, 2, 3)
    """Layers k to try."""
    scopes: tuple[Scope, ...] = ("all", "last_prompt", "response")
    """Scopes to try."""
    coefficients: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Strengths to try."""
    position: Position = "last_prompt"
    """The position the vector was read at."""
    unit: Unit = "norm"
    """`raw` or `norm`."""
    samples: Positive = 1
    """Answers per question and cell."""
    draws: Annotated[int, Field(ge=0)] = 50
    """Random directions that go through the same choosing."""
    maximum_coherence_loss: Annotated[float, Field(ge=0, le=1)] = 0.1
    """A cell that loses more coherence than this is not chosen."""


class FrontierSpec(Part):
    """Misalignment against coherence over the recipe: one organism at several learning rates."""

    organism: DatasetName
    """The data set."""
    learning_rates: tuple[Annotated[float, Field(gt=0)], ...]
    """Each is one training run per seed."""
    max_steps: Positive | None = None
    """Optimiser steps of each; the recipe's when unset."""


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
