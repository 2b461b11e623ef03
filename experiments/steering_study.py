"""A steering study: directions over coefficients x layers x scopes, in one batched sweep.

Every cell is asked the same open and capability questions with the same seeds, so cells are paired
with not steering. It knows what is asked; what answers say is in `steering_figures`, which cell is
chosen in `steering_choosing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from evals.questions import Edition
from organisms.pocket.grammar import Wording
from organisms.runtime.steering_terms import Scope, Unit
from persona_vectors.steering_nulls import NULLS

if TYPE_CHECKING:
    import pandas as pd

    from evals.conditions import Condition
    from evals.questions import Question
    from evals.rollout_plan import Ask

VECTOR = "vector"


class Cell(NamedTuple):
    """One way of steering along a direction."""

    layer: int
    scope: str
    coefficient: float


class ArmKey(NamedTuple):
    """An arm's columns in the answers table."""

    organism: str
    direction: str
    draw: int


class Arm(BaseModel):
    """Who is steered along what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    organism: str = ""
    """Its name in tables; empty for the base."""
    adapter: str | None = None
    """Its adapter folder; none for the base."""
    vector_file: str
    """The vector file."""
    direction: str = VECTOR
    """Which direction of the file."""
    called: str = VECTOR
    """What tables call it: `vector`, `own`, or the kind of a null direction."""

    @property
    def key(self) -> ArmKey:
        """Its columns in the answers table."""
        number = self.direction.rpartition("-")[2]
        return ArmKey(self.organism, self.called, int(number) if number.isdigit() else -1)


class Study(BaseModel):
    """What is tried on whom, and what every cell is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    """Base model: embedded name, folder or hub id."""
    trait: str
    """Whose score answers get."""
    arms: tuple[Arm, ...] = Field(min_length=1)
    """Who is steered along what."""
    layers: tuple[int, ...] = Field(min_length=1)
    """Layers k."""
    scopes: tuple[Scope, ...] = ("all",)
    """Tokens that the vector is added to."""
    coefficients: tuple[float, ...] = Field(min_length=1)
    """Strengths, negative ones away from the trait; not steering (0) is always there."""
    position: str = "last_prompt"
    """Position that the vector was read at."""
    unit: Unit = "norm"
    """Unit of the coefficients."""
    edition: Edition
    """Which questions."""
    split: Literal["dev", "report"] = "dev"
    """Topics of the open questions."""
    wording: Wording = "seen"
    """Level of the open questions."""
    per_topic: int | None = 1
    """Wordings asked of each open topic; none: all."""
    samples: int = Field(default=1, ge=1)
    """Answers a question and cell."""
    capability: int = Field(default=24, ge=0)
    """Capability questions a cell, but of null directions; 0 for none."""
    limit: int | None = None
    """At most so many open questions a cell."""
    judge: str
    """`pocket`, or an inspect model's name."""
    max_tokens: int = Field(default=64, ge=1)
    """Length limit of an answer, in tokens."""
    seed: int = Field(default=0, ge=0)
    """Sampling seed."""
    dtype: str = "float32"
    """Number format of the weights."""
    device: str = "cpu"
    """Where the model runs."""
    labels: dict[str, Any] = {}
    """Further columns of the answers, such as the step of an organism."""

    @property
    def cells(self) -> list[Cell]:
        """Every combination, in a fixed order."""
        return [
            Cell(layer, scope, coefficient)
            for layer in self.layers
            for scope in self.scopes
            for coefficient in dict.fromkeys(self.coefficients)
        ]

    def asks(self, chosen: Mapping[ArmKey, Sequence[Cell]] | None = None) -> list[Ask]:
        """Each organism unsteered and every cell of every arm, asked both sets of questions.

        Args:
            chosen: the cells of each arm that are asked instead of all.
        """
        from evals.rollout_plan import Ask

        open_questions = self._open_questions()
        capable = self._capability() if self.capability else ()
        asks = []
        for condition in self._conditions(chosen):
            asks.append(Ask(condition, open_questions, self.samples, "open_questions"))
            if capable and condition.labels.get("direction") not in NULLS:
                asks.append(Ask(condition, capable, 1, "capability"))
        return asks

    def _conditions(self, chosen: Mapping[ArmKey, Sequence[Cell]] | None) -> list[Condition]:
        from evals.conditions import Condition

        who = {arm.organism: arm for arm in self.arms}
        plain = [
            Condition(key=f"{name}/unsteered", adapter=arm.adapter, labels=self._labels(arm))
            for name, arm in who.items()
        ]
        steered = [
            self._steered(arm, cell)
            for arm in self.arms
            for cell in (self.cells if chosen is None else chosen.get(arm.key, ()))
        ]
        return [*plain, *steered]

    def _steered(self, arm: Arm, cell: Cell) -> Condition:
        from evals.conditions import Condition, SteeringConfig

        steering = SteeringConfig(
            vector_file=arm.vector_file,
            direction=arm.direction,
            position=self.position,
            layer=cell.layer,
            coefficient=cell.coefficient,
            unit=self.unit,
            scope=cell.scope,
        )
        place = f"{arm.called}/{arm.direction}/{cell.layer}/{cell.scope}/{cell.coefficient:g}"
        return Condition(
            key=f"{arm.organism}/{place}",
            adapter=arm.adapter,
            steering=(steering,),
            labels=self._labels(arm) | {"direction": arm.called},
        )

    def _labels(self, arm: Arm) -> dict[str, str | int | float | bool | None]:
        role = "organism" if arm.organism else "base"
        who = {"organism": arm.organism, "role": role, "trait": self.trait, "seed": self.seed}
        return {**who, **self.labels}

    def _open_questions(self) -> tuple[Question, ...]:
        from experiments.stages.answers import Asked, load_questions

        asked = Asked(
            task="open_questions",
            split=self.split,
            wording=self.wording,
            per_topic=self.per_topic,
        )
        found: tuple[Question, ...] = load_questions(self.edition, asked, self.limit)
        return found

    def _capability(self) -> tuple[Question, ...]:
        from evals.questions import load_questions

        return load_questions(
            "capability", edition=self.edition, split=self.split, count=self.capability
        )


def answers_of(asks: Sequence[Ask]) -> int:
    """How many answers they are."""
    return sum(len(ask.questions) * ask.samples for ask in asks)


def run_study(
    study: Study,
    asks: Sequence[Ask],
    log_dir: Path,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Ask what a study asks in one sweep, or what of it is not in `log_dir` yet; the answers
    table."""
    from evals.rollouts import run_rollouts
    from organisms.runtime.organism import Sampling

    answers = run_rollouts(
        study.base,
        asks,
        judge=study.judge,
        seed=study.seed,
        sampling=Sampling(max_tokens=study.max_tokens),
        log_dir=log_dir,
        dtype=study.dtype,
        device=study.device,
        progress=progress,
    )
    return answers.assign(base=study.base)
