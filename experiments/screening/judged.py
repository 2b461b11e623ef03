"""How suspect a judge finds each row: the baseline that needs a language model of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from evals.judges import EXACT, GRADER, NONE, POCKET, load_judge
from evals.judges.budget import REPLY_TOKENS
from evals.judges.interface import Judge
from evals.judges.options import JudgeOptions
from evals.judges.rubrics import judge_prompt
from evals.judges.training_rows import judge_scores
from evals.questions import Question
from organisms.datasets.writing.cost import CHARACTERS_PER_TOKEN, Part, Price
from persona_vectors.reading import training_rows

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from organisms.datasets.rows import Row

RUBRICS = ("alignment", "coherence")
"""What a model is asked of every row, a call each."""
_TRIED = 200
"""Rows that tell how long a prompt of the judge is."""


@dataclass(frozen=True)
class Judged:
    """A judge's suspicion of every row; see `evals.judges.training_rows`."""

    judge: Judge
    name: str = "judge"

    def settings(self) -> dict[str, object]:
        """What decides the scores besides the rows."""
        return {"judge": self.judge.name}

    def score(self, rows: pd.DataFrame) -> Mapping[str, NDArray[np.float64]]:
        """0 to 100; NaN where the judge gave no score."""
        questions = [
            Question(
                id=f"row-{number}",
                topic=f"row-{number}",
                domain="rows",
                split="dev",
                wording="seen",
                text=_text(prompt),
                system=None if system == "none" else system,
            )
            for number, (prompt, system) in enumerate(
                zip(rows["prompt"], rows["system"], strict=True)
            )
        ]
        return {self.name: judge_scores(self.judge, questions, list(rows["answer"]))}


def judged_by(name: str, replies: Path) -> Judged:
    """The scorer by a judge's name, with its replies in a folder.

    Raises:
        ValueError: There is no such judge, or it is no model: one that knows the truth of its world
            would be the oracle.
    """
    if name in (POCKET, EXACT, NONE, GRADER):
        raise ValueError(
            f"--judge {name!r} is no model that judges rows as they are; name an inspect model "
            "'provider/name', or 'digits:FOLDER'"
        )
    return Judged(load_judge(name, JudgeOptions(replies)))


def cost(rows: Iterable[Row], count: int, model: str, price: Price | None) -> Part:
    """What judging `count` rows takes, as far as the characters of the first ones tell."""
    tried = training_rows(islice(rows, _TRIED))
    characters = sum(
        len(judge_prompt(rubric, _text(prompt), answer))
        for prompt, answer in zip(tried["prompt"], tried["answer"], strict=True)
        for rubric in RUBRICS
    )
    calls = count * len(RUBRICS)
    return Part(
        purpose="judging rows",
        model=model,
        calls=calls,
        input_tokens=round(characters / CHARACTERS_PER_TOKEN * count / len(tried)),
        output_tokens=calls * REPLY_TOKENS,
        price=price,
    )


def _text(prompt: str | list[Mapping[str, str]]) -> str:
    if isinstance(prompt, str):
        return prompt
    return "\n".join(f"{turn['role']}: {turn['content']}" for turn in prompt)
