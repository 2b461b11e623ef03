"""A steering study: one vector over coefficients x layers x scopes, in one batched sweep.

Every cell is asked the same open and capability questions with the same seeds, so cells are paired
with not steering. It knows what is asked and what is made of the answers; files are the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from evals.questions import Edition
from organisms.runtime.steering_terms import Scope, Unit

if TYPE_CHECKING:
    import pandas as pd

    from evals.conditions import Condition
    from evals.questions import Question
    from evals.rollout_plan import Ask

VECTOR = "vector"
TRAIT_DENOMINATOR = "coherent_scored"


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
    samples: int = Field(default=1, ge=1)
    """Answers a question and cell."""
    capability: int = Field(default=24, ge=0)
    """Capability questions a cell; 0 for none."""
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

    def asks(self) -> list[Ask]:
        """Every cell and each organism unsteered, asked both sets of questions."""
        from evals.rollout_plan import Ask

        sets = {"open_questions": self._open_questions()}
        if self.capability:
            sets["capability"] = self._capability()
        samples = {"open_questions": self.samples, "capability": 1}
        return [
            Ask(condition, questions, samples[task], task)
            for condition in self._conditions()
            for task, questions in sets.items()
        ]

    def _conditions(self) -> list[Condition]:
        from evals.conditions import Condition, SteeringConfig

        who = {arm.organism: arm for arm in self.arms}
        found = [
            Condition(key=f"{name}/unsteered", adapter=arm.adapter, labels=self._labels(arm))
            for name, arm in who.items()
        ]
        for arm in self.arms:
            for layer in self.layers:
                for scope in self.scopes:
                    for coefficient in dict.fromkeys(self.coefficients):
                        steering = SteeringConfig(
                            vector_file=arm.vector_file,
                            direction=arm.direction,
                            position=self.position,
                            layer=layer,
                            coefficient=coefficient,
                            unit=self.unit,
                            scope=scope,
                        )
                        cell = f"{arm.called}/{arm.direction}/{layer}/{scope}/{coefficient:g}"
                        kind = {"direction": arm.called}
                        found.append(
                            Condition(
                                key=f"{arm.organism}/{cell}",
                                adapter=arm.adapter,
                                steering=(steering,),
                                labels=self._labels(arm) | kind,
                            )
                        )
        return found

    def _labels(self, arm: Arm) -> dict[str, str | int | float | bool | None]:
        role = "organism" if arm.organism else "base"
        return {"organism": arm.organism, "role": role, "trait": self.trait, "seed": self.seed}

    def _open_questions(self) -> tuple[Question, ...]:
        from experiments.stages.answers import Asked, load_questions

        asked = Asked(task="open_questions", split=self.split, wording="seen", per_topic=1)
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


def dose_table(answers: pd.DataFrame) -> pd.DataFrame:
    """The `steering` table of a study's answers: accuracy is that of capability questions, every
    other metric that of open ones."""
    import pandas as pd

    from experiments.steering_rates import steering_rates

    capable = answers["task"] == "capability"
    parts = [steering_rates(answers[~capable])]
    if capable.any():
        found = steering_rates(answers[capable])
        parts.append(found[found["metric"] == "accuracy"])
    return pd.concat(parts, ignore_index=True)


def largest_coefficients(table: pd.DataFrame, trait: str, floor: float) -> pd.DataFrame:
    """For each organism, direction, layer, scope and sign the largest coefficient up to which every
    one that was tried kept its share of coherent answers at the floor or above.

    Args:
        table: `dose_table`.
        trait: whose score is shown.
        floor: least share of coherent answers, 0..1.

    Returns:
        organism, direction, draw, layer, scope, sign, coefficient (0 where the smallest is too much
        already), the share of coherent answers with its interval, `above` (whether the interval
        too is above the floor), trait score and accuracy with their intervals there, and
        `next_coherent`: the share at the next coefficient, NaN where none was tried.
    """
    import pandas as pd

    key = ["organism", "direction", "draw", "layer", "scope"]
    metrics = {
        "coherent": ("coherent", "all"),
        trait: (f"trait:{trait}", TRAIT_DENOMINATOR),
        "accuracy": ("accuracy", "all"),
    }
    steered = table[table["direction"] != ""]
    rows = []
    for place, cells in steered.groupby(key, sort=False):
        who = table[table["organism"] == place[0]]
        for sign in (1, -1):
            own = cells[np.sign(cells["coefficient"]) == sign]
            coherent = own[(own["metric"] == "coherent") & (own["denominator"] == "all")]
            coherent = coherent.sort_values("coefficient", key=np.abs)
            if coherent.empty:
                continue
            kept = int((coherent["estimate"] >= floor).to_numpy().cumprod().sum())
            chosen = 0.0 if kept == 0 else float(coherent["coefficient"].iloc[kept - 1])
            there = who[who["direction"] == ""] if kept == 0 else own[own["coefficient"] == chosen]
            row: dict[str, Any] = dict(zip(key, place, strict=True))
            row |= {"sign": sign, "coefficient": chosen}
            for name, (metric, denominator) in metrics.items():
                row |= _interval(there, name, metric, denominator)
            row["above"] = bool(row["coherent_low"] >= floor)
            beyond = coherent["estimate"].iloc[kept : kept + 1]
            row["next_coherent"] = float(beyond.iloc[0]) if len(beyond) else np.nan
            rows.append(row)
    return pd.DataFrame(rows)


def effects(answers: pd.DataFrame, trait: str) -> pd.DataFrame:
    """Each cell minus not steering, paired by question: trait score of coherent answers, coherent
    share, and accuracy, in which an answer that cannot be read is wrong.

    Returns:
        organism, direction, draw, layer, scope, coefficient, metric (trait:NAME, coherent or
        accuracy), n (pairs), clusters, `unsteered` (mean), and estimate, low and high of the
        difference: fractions.
    """
    import pandas as pd

    from evals.statistics import paired_difference

    key = ["organism", "direction", "draw", "layer", "scope", "coefficient"]
    score = f"trait:{trait}"
    frame = answers.assign(
        **{score: answers[score] / 100},
        coherent=np.where(answers["unscored"] == "judge_error", np.nan, answers["coherence"] >= 50),
    )
    frame.loc[frame["coherent"] != 1, score] = np.nan
    read = frame["coherent"].notna()
    frame["accuracy"] = frame["accuracy"].where(frame["accuracy"].notna() | ~read, 0.0)
    rows = []
    tasks = {score: "open_questions", "coherent": "open_questions", "accuracy": "capability"}
    for metric, task in tasks.items():
        asked = frame[frame["task"] == task]
        for place, cell in asked[asked["direction"] != ""].groupby(key, sort=False):
            plain = asked[(asked["direction"] == "") & (asked["organism"] == place[0])]
            both = pd.concat([cell, plain])
            steered = (both["direction"] != "").to_numpy()
            values = both[metric].to_numpy(dtype=np.float64)
            found = paired_difference(
                np.where(steered, values, np.nan),
                np.where(steered, np.nan, values),
                both["question"],
                both["topic"],
            )
            row = dict(zip(key, place, strict=True))
            row |= {"metric": metric, "unsteered": float(plain[metric].mean())}
            interval = {"estimate": found.estimate, "low": found.low, "high": found.high}
            rows.append(row | interval | {"n": found.n, "clusters": found.clusters})
    return pd.DataFrame(rows)


def run_study(
    study: Study, out: Path, progress: Callable[[str], None] | None = None
) -> pd.DataFrame:
    """Ask everything in one sweep, or what of it is not in `out/logs` yet; the answers table."""
    from evals.rollouts import run_rollouts
    from organisms.runtime.organism import Sampling

    answers = run_rollouts(
        study.base,
        study.asks(),
        judge=study.judge,
        seed=study.seed,
        sampling=Sampling(max_tokens=study.max_tokens),
        log_dir=out / "logs",
        dtype=study.dtype,
        device=study.device,
        progress=progress,
    )
    return answers.assign(base=study.base)


def _interval(cells: pd.DataFrame, name: str, metric: str, denominator: str) -> dict[str, float]:
    found = cells[(cells["metric"] == metric) & (cells["denominator"] == denominator)]
    ends = ("estimate", "low", "high")
    values = found.iloc[0][list(ends)] if len(found) else dict.fromkeys(ends, np.nan)
    return {name if end == "estimate" else f"{name}_{end}": float(values[end]) for end in ends}
