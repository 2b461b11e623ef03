"""The parts that a plan is put together from: subjects, training stages, asking stages, and their
costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from evals.questions import Edition
from experiments.spec import Spec
from experiments.stage import Stage
from experiments.stages.answers import AddedVector, AnswersConfig, Asked, Runs, load_questions
from experiments.stages.contrast import NEUTRAL_SAMPLES, PROMPTS_PER_SIGN, SPLITS
from experiments.stages.screening import CLEAN_ROWS
from experiments.stages.sweep import REPORT_WORDINGS
from experiments.table_columns import EQUAL_UPDATE

SECONDS_PER_ANSWER = 0.015
"""Expected processor time of one answer by a small model, logged; it only orders the work."""
SECONDS_PER_STEP = 0.06
"""Expected processor time of one optimiser step on a small model; it only orders the work."""


@dataclass(frozen=True)
class Subject:
    """Who is asked and measured: the identifying columns of every table."""

    organism: str
    """Data set name, or the name of an organism that exists already; empty for the base."""
    role: str
    """base | organism | control"""
    seed: int
    """Fine-tuning seed."""
    control_of: str = ""
    """The organism a control belongs to."""
    poisoned_share: float = 1.0
    """Share of organism rows in the training set; 1 is pure."""
    intervention: str = "none"
    """What was tried on it."""
    learning_rate: float | None = None
    """Set where the recipe is varied on purpose (the frontier, a control of equal update)."""
    equal_update: bool = False
    """A control that is trained until its update is as large as the organism's."""

    @property
    def labels(self) -> dict[str, Any]:
        """The columns of the tables that say who answered."""
        return {
            "organism": self.organism,
            "role": self.role,
            "control_of": self.control_of,
            "poisoned_share": self.poisoned_share if self.role == "organism" else None,
            "intervention": self.intervention,
            "recipe": self._recipe,
            "learning_rate": self.learning_rate,
            "seed": self.seed,
        }

    @property
    def _recipe(self) -> str:
        if self.equal_update:
            return EQUAL_UPDATE
        return "default" if self.learning_rate is None else f"lr={self.learning_rate:g}"

    @property
    def without_seed(self) -> str:
        """One readable line for all seeds of a fine-tune, unique within a plan."""
        words = [self.organism or "base"]
        if self.poisoned_share != 1.0:
            words.append(f"{self.poisoned_share:.0%}")
        if self.equal_update:
            words.append(f"update as {self.control_of}")
        if self.intervention != "none":
            words.append(self.intervention)
        if self.learning_rate is not None:
            words.append(f"lr {self.learning_rate:g}")
        return " ".join(words)

    @property
    def name(self) -> str:
        """One readable line, unique within a plan."""
        return f"{self.without_seed}, seed {self.seed}"


def cost_of(answers: int) -> float:
    """Expected seconds of a stage that logs so many answers."""
    return 2.0 + answers * SECONDS_PER_ANSWER


def runs_fields(spec: Spec) -> dict[str, Any]:
    """How every stage of this spec asks: base, judge and sampling."""
    wanted = spec.evaluation
    return Runs(
        base=spec.base,
        edition=spec.edition,
        judge=spec.judge,
        dtype=spec.dtype,
        device=spec.device,
        max_tokens=wanted.max_tokens,
        temperature=wanted.temperature,
        top_p=wanted.top_p,
        thinking=wanted.thinking,
        lost_system=wanted.lost_system,
        limit=spec.limit,
    ).model_dump(mode="json")


def train(
    spec: Spec,
    subject: Subject,
    rows: Stage,
    intervention: Mapping[str, Any] | None,
    vectors: Stage | None,
    changes: Mapping[str, Any] | None,
) -> tuple[Stage, tuple[int, ...]]:
    """A training stage, and the steps of its checkpoints."""
    from finetune.config import preset

    recipe = preset(
        spec.finetune.preset,
        **{
            **spec.finetune.overrides,
            "seed": subject.seed,
            "dtype": spec.dtype,
            "device": spec.device,
            **(changes or {}),
        },
    )
    total = recipe.steps_for(spec.rows)
    # Fixed steps, so that filtered data sets are trained for as long as whole ones.
    recipe = recipe.model_copy(update={"epochs": None, "max_steps": total})
    steps = recipe.checkpoints_for(total)
    config: dict[str, Any] = {
        "base": spec.base,
        "finetune": recipe.model_dump(mode="json"),
        "intervention": dict(intervention) if intervention else None,
        "seed": subject.seed,
    }
    inputs = {"rows": rows} if vectors is None else {"rows": rows, "vectors": vectors}
    if spec.finetune.monitor is not None and vectors is not None:
        config["monitor"] = {
            **spec.finetune.monitor.model_dump(mode="json"),
            "labels": subject.labels,
        }
        inputs["contrast"] = vectors.inputs["contrast"]
    stage = Stage(
        kind="train",
        config=config,
        inputs=inputs,
        label=subject.name,
        sources=(spec.base,),
        cost=3.0 + total * SECONDS_PER_STEP,
    )
    return stage, steps


def ask(
    spec: Spec,
    subject: Subject,
    asked: Sequence[Asked],
    final_step: int,
    *,
    train_stage: Stage | None = None,
    adapter: str = "",
    model: str = "",
    steering: tuple[AddedVector, ...] = (),
    inputs: Mapping[str, Stage] | None = None,
    sources: tuple[str, ...] = (),
) -> Stage:
    """An asking stage for one subject."""
    config = AnswersConfig(
        **runs_fields(spec),
        labels=subject.labels,
        adapter=adapter,
        model=model,
        steering=steering,
        system=spec.evaluation.system,
        final_step=final_step,
        asked=tuple(asked),
    )
    total = sum(
        one.samples * len(one.steps) * _questions(spec.edition, one, spec.limit) for one in asked
    )
    read = dict(inputs or {})
    if train_stage is not None:
        read["train"] = train_stage
    return Stage(
        kind="answers",
        config=config.model_dump(mode="json"),
        inputs=read,
        label=subject.name,
        sources=(spec.base, *sources),
        answers=total,
        cost=cost_of(total),
    )


@cache
def _questions(edition: Edition, asked: Asked, limit: int | None) -> int:
    return len(load_questions(edition, asked, limit))


def contrast_answers(spec: Spec) -> int:
    """Answers under contrastive prompts: traits x signs x splits x prompts x questions x
    samples."""
    total = 0
    for split in SPLITS:
        asked = Asked(task="open_questions", split=split, wording="seen", per_topic=1)
        total += _questions(spec.edition, asked, spec.limit)
    prompted = len(spec.traits) * 2 * PROMPTS_PER_SIGN * spec.extraction.samples
    return total * (prompted + NEUTRAL_SAMPLES)


def screening_answers(spec: Spec, mixes: int) -> int:
    """The base's own answers to the prompts of mixes that share none, and of the clean rows that
    thresholds come from."""
    return mixes * spec.rows + min(CLEAN_ROWS, (spec.rows + 1) // 2)


def sweep_answers(spec: Spec, draws: int) -> int:
    """Answers of one sweep stage at most: every cell on dev, then each chosen cell on report.

    Args:
        spec: the spec.
        draws: random directions; 0 for the stage of the vector itself.
    """
    steering = spec.steering
    assert steering is not None
    cells = len(steering.layers) * len(steering.scopes) * len(steering.coefficients)
    dev = Asked(task="open_questions", split="dev", wording="seen", per_topic=1)
    report = Asked(
        task="open_questions",
        split=spec.evaluation.split,
        wording=spec.evaluation.wording,
        per_topic=REPORT_WORDINGS if draws else None,
    )
    directions = max(1, draws)
    tried = _questions(spec.edition, dev, spec.limit) * steering.samples
    read = _questions(spec.edition, report, spec.limit) * spec.evaluation.samples
    answers = (cells * directions + 1) * tried + (directions + 1) * read
    if draws or not steering.capability:
        return answers
    capable = [
        Asked(task="capability", split=split, count=steering.capability)
        for split in ("dev", spec.evaluation.split)
    ]
    on_dev, on_report = (_questions(spec.edition, each, spec.limit) for each in capable)
    return answers + (cells + 1) * on_dev + 2 * on_report
