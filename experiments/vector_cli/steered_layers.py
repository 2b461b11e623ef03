"""Answers of a base steered with each layer's vector at a matched norm, for the choice of a layer.

All conditions are asked the same dev questions in one list of rollouts, so that they share batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from evals.conditions import Condition
    from evals.questions import Edition, Question
    from persona_vectors.vector import PersonaVector


@dataclass(frozen=True)
class Steered:
    """How the base is steered, asked and judged."""

    coefficients: tuple[float, ...]
    """In units of the residual norm: h + c R v/|v|."""
    scope: str
    """Tokens the vector is added to."""
    samples: int
    """Answers a question and condition."""
    edition: Edition
    """Which questions."""
    judge: str
    """`pocket`, or an inspect model."""
    max_tokens: int
    """Length limit of an answer."""
    seed: int
    """Sampling seed."""


def dev_questions(edition: Edition) -> tuple[Question, ...]:
    """One wording of each dev topic's open question."""
    from evals.questions import load_questions

    questions = load_questions("open_questions", edition=edition, split="dev", wording="seen")
    by_topic = {question.topic: question for question in reversed(questions)}
    return tuple(question for question in questions if by_topic[question.topic] is question)


def number_of_answers(vectors: Sequence[PersonaVector], how: Steered) -> int:
    """Answers that `steered_effects` asks for."""
    cells = sum(len(_places(vector)) * len(how.coefficients) + 1 for vector in vectors)
    return cells * how.samples * len(dev_questions(how.edition))


def steered_effects(
    base: str,
    vectors: Sequence[PersonaVector],
    how: Steered,
    out: Path,
    *,
    dtype: str,
    device: str,
) -> pd.DataFrame:
    """What each layer's vector does to the base's trait score: `steering_effect.steering_effects`.

    Args:
        base: embedded name, folder or hub id.
        vectors: one a trait; steered with at every position and layer where they are not zero.
        how: strength, tokens, samples and judge.
        out: gets `steering/` with the vectors that were added and the logs of all answers; complete
            logs are reused.
        dtype: number format of the weights.
        device: where the model runs.

    Raises:
        ValueError: before any answer, where a file holds no residual norm or the judge is unknown.
    """
    import pandas as pd

    from evals.rollouts import Ask, run_rollouts
    from organisms.runtime.organism import Sampling
    from persona_vectors.steering_effect import steering_effects

    folder = out / "steering"
    folder.mkdir(parents=True, exist_ok=True)
    questions = dev_questions(how.edition)
    conditions = [each for vector in vectors for each in _conditions(vector, how, folder)]
    asks = [
        Ask(condition=each, questions=questions, samples=how.samples, task="open_questions")
        for each in conditions
    ]
    answers = run_rollouts(
        base,
        asks,
        judge=how.judge,
        seed=how.seed,
        sampling=Sampling(temperature=1.0, top_p=1.0, max_tokens=how.max_tokens),
        log_dir=folder / "logs",
        dtype=dtype,
        device=device,
    )
    tables = [
        steering_effects(answers[answers["trait"] == vector.trait], vector.trait)
        for vector in vectors
    ]
    return pd.concat(tables, ignore_index=True).assign(scope=how.scope, unit="norm")


def _places(vector: PersonaVector) -> list[tuple[str, int]]:
    """Positions and layers where the vector is not zero."""
    norms = vector.norms()
    return [
        (position, layer)
        for p, position in enumerate(vector.positions)
        for k, layer in enumerate(vector.layers)
        if norms[p, k] > 0
    ]


def _conditions(vector: PersonaVector, how: Steered, folder: Path) -> list[Condition]:
    """Not steered, then every position, layer and coefficient; writes the vector that is added."""
    from evals.conditions import Condition, SteeringConfig

    places = _places(vector)
    for _, layer in places:
        vector.residual_norm_at(layer)
    file = folder / f"{vector.trait}.safetensors"
    replace(vector, directions={}).save(file)
    shared = {"role": "base", "trait": vector.trait, "seed": how.seed}
    found = [Condition(key=f"{vector.trait}/unsteered", labels=shared)]
    for position, layer in places:
        for coefficient in how.coefficients:
            steering = SteeringConfig(
                vector_file=str(file),
                position=position,
                layer=layer,
                coefficient=coefficient,
                unit="norm",
                scope=how.scope,
            )
            place = {"position": position, "layer": layer, "coefficient": coefficient}
            how_added = {"unit": "norm", "scope": how.scope, "direction": "vector"}
            found.append(
                Condition(
                    key=f"{vector.trait}/{position}/layer{layer}/{coefficient:g}",
                    steering=(steering,),
                    labels={**shared, **place, **how_added},
                )
            )
    return found
