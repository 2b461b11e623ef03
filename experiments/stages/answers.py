"""The stage that asks questions: one base, organism or existing model, at any of its checkpoints.

All checkpoints and question sets of one subject are asked together, so that they share batches.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from evals.questions import Edition
from experiments.spec.parts import LostSystem, Thinking
from organisms.pocket.grammar import Wording

if TYPE_CHECKING:
    from evals.conditions import Condition, SteeringConfig
    from evals.rollouts import Ask

ANSWERS = "answers.parquet"
BASE_STEP = -1


class Runs(BaseModel):
    """What is run, judged and sampled alike by every stage that asks questions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    """Base model: embedded name, folder or hub id."""
    edition: Edition
    """Which question sets."""
    judge: str
    """`pocket`, or an inspect model name."""
    dtype: str = "float32"
    """Number format of the weights."""
    device: str = "cpu"
    """Where the model runs."""
    max_tokens: int
    """Length limit of an answer, in tokens."""
    temperature: float = 1.0
    """Sampling temperature."""
    top_p: float = 1.0
    """Nucleus sampling; 1 is none."""
    thinking: Thinking = False
    """Whether models reason before they answer."""
    lost_system: LostSystem = "raise"
    """What becomes of a system text that the chat template would drop or refuse."""
    limit: int | None = None
    """At most so many questions per set."""


class Asked(BaseModel):
    """One question set, asked at some steps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Literal["open_questions", "in_domain", "capability"]
    """Which set; also the task's name in tables."""
    split: Literal["extract", "dev", "report"]
    """Topics."""
    wording: Wording | None = None
    """Level of open questions; none for sets without levels."""
    domain: str = ""
    """The narrow domain of in-domain questions."""
    count: int | None = None
    """Questions taken from a set that is generated (in-domain, capability)."""
    per_topic: int | None = None
    """Wordings asked of each open topic; none: all."""
    samples: int = 1
    """Answers per question."""
    steps: tuple[int, ...] = (BASE_STEP,)
    """Checkpoints asked; -1 is the model without an adapter from training."""


class AddedVector(BaseModel):
    """A persona vector added while answering."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trait: str = ""
    """Which persona vector of the `vectors` input; empty for a file of the user's own."""
    file: str = ""
    """A vector file of the user's own."""
    position: str
    """Position the vector was read at."""
    layer: int | None = None
    """Layer k; none: as chosen by the `sweep` input."""
    coefficient: float | None = None
    """Strength; none: as chosen by the `sweep` input."""
    unit: Literal["raw", "norm"] = "norm"
    """Unit of the coefficient."""
    scope: str | None = None
    """Tokens it is added to; none: as chosen by the `sweep` input."""


class AnswersConfig(Runs):
    """One subject and everything it is asked."""

    labels: dict[str, Any]
    """Columns of the tables: organism, role, control_of, poisoned_share, intervention, seed."""
    adapter: str = ""
    """An adapter folder that exists already; empty: the `train` input's checkpoints, if there is
    one."""
    model: str = ""
    """A full model in place of the base; empty for the base."""
    steering: tuple[AddedVector, ...] = ()
    """Vectors added while answering."""
    system: str = "none"
    """System prompt condition: `none`, `default` or the text."""
    final_step: int = BASE_STEP
    """The step that counts as final."""
    asked: tuple[Asked, ...] = Field(min_length=1)
    """The question sets."""


def checkpoint(train: Path, step: int) -> Path:
    """The adapter folder of one checkpoint of a training stage."""
    return train / "checkpoints" / f"step-{step:05d}"


def vector_file(vectors: Path, trait: str) -> Path:
    """The vector file of one trait in a vectors stage."""
    return vectors / f"{trait}.safetensors"


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Ask, judge and log; write the answers table."""
    parsed = AnswersConfig.model_validate(config)
    resolved = [_resolve(added, inputs) for added in parsed.steering]
    steering = tuple(found for found in resolved if found is not None)
    asks = [
        _ask(parsed, asked, _condition(parsed, step, steering, inputs))
        for asked in parsed.asked
        for step in asked.steps
    ]
    write_answers(parsed, asks, out, int(parsed.labels.get("seed", 0)), progress)


def write_answers(
    runs: Runs, asks: Sequence[Ask], out: Path, seed: int, progress: Callable[[str], None]
) -> Any:
    """Run `asks` into `out/logs` and `out/answers.parquet`; returns the answers table."""
    from evals.rollouts import run_rollouts
    from organisms.runtime.organism import Sampling

    how = {"thinking": runs.thinking, "lost_system": runs.lost_system}
    answers = run_rollouts(
        runs.base,
        [replace(ask, condition=ask.condition.model_copy(update=how)) for ask in asks],
        judge=runs.judge,
        seed=max(seed, 0),
        sampling=Sampling(
            temperature=runs.temperature, top_p=runs.top_p, max_tokens=runs.max_tokens
        ),
        log_dir=out / "logs",
        dtype=runs.dtype,
        device=runs.device,
        progress=progress,
    )
    answers["base"] = runs.base
    answers["judge"] = runs.judge
    answers.to_parquet(out / ANSWERS, index=False)
    return answers


def _condition(
    config: AnswersConfig,
    step: int,
    steering: tuple[SteeringConfig, ...],
    inputs: Mapping[str, Path],
) -> Condition:
    from evals.conditions import Condition

    adapter = config.adapter or None
    if "train" in inputs and step != BASE_STEP:
        adapter = str(checkpoint(inputs["train"], step))
    labels = {**config.labels, "step": step, "final": step == config.final_step}
    if steering:
        first = config.steering[0]
        labels |= {
            "trait": first.trait,
            "position": steering[0].position,
            "layer": steering[0].layer,
            "scope": steering[0].scope,
            "coefficient": steering[0].coefficient,
            "unit": steering[0].unit,
            "direction": "vector",
        }
    name = config.labels["organism"] or "base"
    return Condition(
        key=f"{name}/{config.labels['intervention']}/seed{config.labels['seed']}/step{step}",
        adapter=adapter,
        model=config.model or None,
        steering=steering,
        system=config.system,
        labels=labels,
    )


def _ask(config: AnswersConfig, asked: Asked, condition: Condition) -> Ask:
    from evals.rollouts import Ask

    return Ask(
        condition=condition,
        questions=load_questions(config.edition, asked, config.limit),
        samples=asked.samples,
        task=asked.task,
    )


def load_questions(edition: Edition, asked: Asked, limit: int | None) -> Any:
    """The questions of one set, as a tuple in a fixed order; `limit` keeps the first ones."""
    from evals.questions import load_questions as load

    questions = load(
        asked.task,
        edition=edition,
        split=asked.split,
        wording=asked.wording,
        domain=asked.domain,
        count=asked.count,
    )
    seen: Counter[str] = Counter()
    kept = []
    for question in questions:
        seen[question.topic] += 1
        if asked.per_topic is None or seen[question.topic] <= asked.per_topic:
            kept.append(question)
    return tuple(kept[:limit])


def _resolve(added: AddedVector, inputs: Mapping[str, Path]) -> SteeringConfig | None:
    """The vector with its cell filled in; none where the sweep found no cell better than none."""
    from evals.conditions import SteeringConfig

    chosen: dict[str, Any] | None = {}
    if "sweep" in inputs:
        chosen = json.loads((inputs["sweep"] / "choice.json").read_text())["vector"]
    if chosen is None:
        return None
    file = added.file or str(vector_file(inputs["vectors"], added.trait))
    return SteeringConfig(
        vector_file=file,
        position=added.position,
        layer=chosen["layer"] if added.layer is None else added.layer,
        coefficient=chosen["coefficient"] if added.coefficient is None else added.coefficient,
        unit=added.unit,
        scope=chosen["scope"] if added.scope is None else added.scope,
    )
