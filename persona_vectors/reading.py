"""How rows of a table become texts that a model reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from organisms.runtime import Transcript


def transcripts(
    rows: pd.DataFrame, answer: str | None = "answer", adapter: str | None = None
) -> list[Transcript]:
    """One transcript a row.

    Args:
        rows: prompt, optionally system ("none" without the column), and the answers' column.
        answer: that column; None reads prompts alone. An empty answer has no tokens, so only its
            prompt is read and `response_mean` is NaN.
        adapter: who reads; None is the base.
    """
    from organisms.runtime import Transcript

    systems = rows["system"] if "system" in rows else ["none"] * len(rows)
    answers = rows[answer] if answer is not None else [""] * len(rows)
    return [
        Transcript(
            chat=({"role": "user", "content": str(prompt)},),
            answer=str(text) or None,
            adapter=adapter,
            system=str(system),
        )
        for prompt, text, system in zip(rows["prompt"], answers, systems, strict=True)
    ]
