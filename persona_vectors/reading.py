"""How rows of a table become texts that a model reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from organisms.datasets.rows import Row, Turn
    from organisms.runtime import Message, Organism, Transcript

CHUNK: Final = 512
"""Rows captured at a time: memory does not grow with their number."""


def transcripts(
    rows: pd.DataFrame, answer: str | None = "answer", adapter: str | None = None
) -> list[Transcript]:
    """One transcript a row.

    Args:
        rows: prompt (the user's turn as text, or the turns up to the answer, the user's last), the
            answers' column, and optionally system ("none" without the column),
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
            chat=_turns(prompt),
            answer=str(text) or None,
            adapter=adapter,
            system=str(system),
            reasoning=str(reasoning) if thinking and str(text) else None,
            thinking=bool(thinking),
            lost_system=lost_system,
        )
        for prompt, text, system, thinking, lost_system, reasoning in zip(*columns, strict=True)
    ]


def captured(
    organism: Organism,
    rows: pd.DataFrame,
    numbers: NDArray[np.intp],
    *,
    layers: Sequence[int] | None,
    positions: Sequence[str],
    batch_size: int,
    adapter: str | None = None,
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.floating[Any]]]]:
    """The activations of some rows, a chunk after another.

    Args:
        organism: the loaded base, with the adapter where one is named.
        rows: as `transcripts` reads them.
        numbers: [N] places of the rows to read.
        layers: None for all.
        positions: which of the three.
        batch_size: rows that run together.
        adapter: who reads; None is the base.

    Yields:
        The places of a chunk's rows [n], and their activations [n, P, K, D].
    """
    for start in range(0, len(numbers), CHUNK):
        part = numbers[start : start + CHUNK]
        texts = transcripts(rows.iloc[part], adapter=adapter)
        yield part, organism.capture(texts, layers, positions, batch_size=batch_size)


def training_rows(rows: Iterable[Row]) -> pd.DataFrame:
    """Rows of a data set as `transcripts` reads them: prompt, answer and system; see `texts_of`."""
    import pandas as pd

    return pd.DataFrame(map(texts_of, rows), columns=["prompt", "answer", "system"])


def texts_of(row: Row) -> tuple[str | list[Turn], str, str]:
    """Prompt, last answer and system prompt of a row; the prompt is text, or of a conversation of
    several turns those before the answer.

    Raises:
        RowError: the turn before the last answer is not the user's.
    """
    from organisms.datasets.rows import RowError

    turns = list(row["messages"])
    system = turns.pop(0)["content"] if turns[0]["role"] == "system" else "none"
    *prompt, answer = turns
    if not prompt or prompt[-1]["role"] != "user":
        raise RowError(
            f"row {row['meta'].get('id', '')!r} has no user turn before its last answer",
            "mend or remove it",
        )
    single = len(prompt) == 1
    return prompt[0]["content"] if single else prompt, answer["content"], system


def _turns(prompt: object) -> tuple[Message, ...]:
    if isinstance(prompt, list):
        return tuple(prompt)
    return ({"role": "user", "content": str(prompt)},)
