"""What a run of rollouts consists of, fixed before anything is loaded: asks, shards, fingerprints.

Pure planning: it reads no model and writes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.answers import check_labels
from evals.conditions import Condition
from evals.questions import Question

if TYPE_CHECKING:
    from evals.judges.interface import Judge
    from organisms.runtime import Sampling

SHARD_SIZE = 256
"""Answers a shard: what a kill can lose. The log writer's cost is quadratic beyond that."""


@dataclass(frozen=True)
class Ask:
    """A set of questions put to one condition."""

    condition: Condition
    questions: tuple[Question, ...]
    samples: int
    """Answers a question."""
    task: str
    """Name of the set in tables."""


@dataclass(frozen=True)
class Planned:
    """One question to one condition, answered `samples` times."""

    condition: Condition
    question: Question
    task: str
    samples: int

    @property
    def system(self) -> str:
        """The system prompt in force: the question's own, else the condition's."""
        return self.question.system or self.condition.system


@dataclass(frozen=True)
class Run:
    """What all shards of one run share."""

    base: str
    judge: Judge
    seed: int
    sampling: Sampling
    dtype: str
    device: str


def plan(asks: Sequence[Ask]) -> list[Planned]:
    """Everything to be answered, grouped by model; raises on what cannot be met."""
    conditions: dict[str, Condition] = {}
    planned: dict[tuple[str, str, str], Planned] = {}
    for ask in asks:
        condition = ask.condition
        if conditions.setdefault(condition.key, condition) != condition:
            raise ValueError(f"two different conditions are called {condition.key!r}; rename one")
        if ask.samples < 1 or not ask.questions:
            raise ValueError(
                f"condition {condition.key!r} is asked {len(ask.questions)} questions "
                f"{ask.samples} times; ask at least 1 of each"
            )
        for question in ask.questions:
            if question.system is not None and condition.system not in ("none", "default"):
                raise ValueError(
                    f"question {question.id!r} and condition {condition.key!r} both bring a system "
                    "prompt; leave the condition's at 'none'"
                )
            key = (condition.key, ask.task, question.id)
            if key in planned:
                raise ValueError(
                    f"question {question.id!r} is asked twice under {condition.key!r} in "
                    f"{ask.task!r}; raise `samples` instead"
                )
            planned[key] = Planned(condition, question, ask.task, ask.samples)
    if not planned:
        raise ValueError("nothing is asked; give at least one Ask")
    for condition in conditions.values():
        check_labels(condition)
        condition.check()
    return sorted(planned.values(), key=lambda each: each.condition.model or "")


def cut(planned: Sequence[Planned], shard_size: int) -> Iterator[list[Planned]]:
    """Shards of whole questions and of one model each."""
    shard: list[Planned] = []
    answers = 0
    for each in planned:
        other_model = bool(shard) and shard[-1].condition.model != each.condition.model
        if shard and (answers + each.samples > shard_size or other_model):
            yield shard
            shard, answers = [], 0
        shard.append(each)
        answers += each.samples
    yield shard


def fingerprint(run: Run, shard: Sequence[Planned]) -> str:
    """Hash of all that the shard's answers and grades depend on, as far as the plan knows it."""
    conditions = {each.condition.key: each.condition for each in shard}
    state = {
        "base": run.base,
        "judge": run.judge.name,
        "seed": run.seed,
        "sampling": repr(run.sampling),
        "dtype": run.dtype,
        "device": run.device,
        "conditions": [
            [condition.digest(), condition.model_dump(mode="json")]
            for condition in conditions.values()
        ],
        "asked": [
            [each.condition.key, each.question.model_dump(mode="json"), each.task, each.samples]
            for each in shard
        ],
    }
    text = json.dumps(state, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def question_seed(seed: int, question: str) -> int:
    """The seed of one question's stream of samples: the same under every condition."""
    digest = hashlib.blake2b(f"{seed}:{question}".encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big")
