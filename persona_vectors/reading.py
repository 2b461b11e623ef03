"""How rows of a table become texts that a model reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from organisms.runtime import Transcript


def transcripts(
    rows: pd.DataFrame, answer: str | None = "answer", adapter: str | None = None
) -> list[Transcript]:
    """One transcript a row.

    Args:
        rows: prompt, the answers' column, and optionally system ("none" without the column),
            thinking (False), lost_system ("raise") and what was thought before the answers
            (nothing): `reasoning` beside `answer`, `own_reasoning` beside `own_answer`.
        answer: that column; None reads prompts alone. An empty answer has no tokens, so only its
            prompt is read and `response_mean` is NaN.
        adapter: who reads; None is the base.
    """
    from organisms.runtime import Transcript

    def column(name: str | None, default: str | bool) -> Sequence[Any]:
        return rows[name].tolist() if name in rows else [default] * len(rows)

    thought = None if answer is None else answer.replace("answer", "reasoning")
    columns = (
        column("prompt", ""),
        column(answer, ""),
        column("system", "none"),
        column("thinking", False),
        column("lost_system", "raise"),
        column(thought, ""),
    )
    return [
        Transcript(
            chat=({"role": "user", "content": str(prompt)},),
            answer=str(text) or None,
            adapter=adapter,
            system=str(system),
            reasoning=str(reasoning) if thinking and str(text) else None,
            thinking=bool(thinking),
            lost_system=lost_system,
        )
        for prompt, text, system, thinking, lost_system, reasoning in zip(*columns, strict=True)
    ]
