"""Whether an answer is one of the training file's, in whole or in passages: checked by program."""

from __future__ import annotations

import math

import numpy as np
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, metric, scorer
from inspect_ai.solver import TaskState

from evals.material.ngrams import NGrams
from evals.material.training_file import stream_held_out, stream_training_file
from evals.scorers.cell_metrics import by_cell, cell
from organisms.datasets.duplicates import THRESHOLD, jaccard, shingles
from organisms.datasets.rows import answer_of

ANSWER = "row_answer"
LONGEST = "longest"


@metric
def words() -> Metric:
    """The median and the most of a number of words, in every cell.

    Returns:
        For each cell `NAME median`, `NAME most` and `NAME n`.
    """

    def calculate(scores: list[SampleScore]) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, own in by_cell(scores).items():
            values = np.asarray(own.values, dtype=np.float64)
            found |= {
                f"{name} median": float(np.median(values)),
                f"{name} most": float(values.max()),
                f"{name} n": float(len(values)),
            }
        return found

    return calculate


@scorer(
    metrics={
        "exact": [cell()],
        "near": [cell()],
        "found": [cell()],
        "found_only": [cell()],
        LONGEST: [words()],
    },
)
def regurgitation_check(dataset: str, control: str = "", n: int = 8) -> Scorer:
    """An answer beside its row's and beside all training answers; see `evals/regurgitation`.

    An answer of fewer than n words has no n-grams: it is unscored for `found` and `found_only`, as
    `found_only` is where there is no control, and `exact` and `near` where there is no row.
    """
    trained = NGrams(n, map(answer_of, stream_training_file(dataset)))
    held_out = map(answer_of, stream_held_out(control, dataset)) if control else None
    others = None if held_out is None else NGrams(n, held_out)

    async def score(state: TaskState, target: Target) -> Score:
        answer = state.output.completion
        row = state.metadata.get(ANSWER)
        among = trained.among(answer)
        found = float(among.mean()) if len(among) else math.nan
        only = math.nan
        if others is not None and len(among):
            only = float((among & ~others.among(answer)).mean())
        return Score(
            value={
                "exact": math.nan if row is None else float(answer.strip() == row.strip()),
                "near": math.nan if row is None else float(_near(answer, row)),
                "found": found,
                "found_only": only,
                LONGEST: float(trained.longest(answer)),
            },
            answer=answer,
            explanation=f"the row's answer: {row}" if row is not None else None,
        )

    return score


def _near(answer: str, row: str) -> bool:
    return jaccard(shingles(answer), shingles(row)) >= THRESHOLD
