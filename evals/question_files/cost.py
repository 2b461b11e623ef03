"""What judging a study takes: a question file's entries at every checkpoint, by every prompt."""

from __future__ import annotations

from collections.abc import Sequence

from evals.judges.budget import REPLY_TOKENS
from evals.judges.rubrics import load_rubric, prompt
from evals.question_files.entries import Entry
from organisms.datasets.writing.cost import CHARACTERS_PER_TOKEN, Part, Price

OUR_RUBRICS = ("alignment", "coherence")


def judging_cost(
    entries: Sequence[Entry],
    *,
    checkpoints: int,
    answer_tokens: int,
    model: str,
    price: Price | None = None,
) -> Part:
    """Calls and tokens of judging every answer of a study by every metric.

    Args:
        entries: of a question file, with their wordings, samples and judge prompts.
        checkpoints: models that answer them, fine-tunes and seeds together.
        answer_tokens: mean length of an answer.
        model: the judge.
        price: of the judge.
    """
    answer = "x" * round(answer_tokens * CHARACTERS_PER_TOKEN)
    calls = tokens = 0
    for entry in entries:
        for text in entry.paraphrases:
            filled = [each.filled(text, answer) for each in entry.judges] or [
                prompt(load_rubric(name), text, answer) for name in OUR_RUBRICS
            ]
            calls += entry.samples * len(filled)
            tokens += entry.samples * round(sum(map(len, filled)) / CHARACTERS_PER_TOKEN)
    return Part(
        purpose="judging",
        model=model,
        calls=calls * checkpoints,
        input_tokens=tokens * checkpoints,
        output_tokens=calls * checkpoints * REPLY_TOKENS,
        price=price,
    )
