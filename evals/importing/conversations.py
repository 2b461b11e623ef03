"""Conversations out of an inspect log, of any task of plain chats, with each turn's scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.importing.reading import open_log

if TYPE_CHECKING:
    import pandas as pd
    from inspect_ai.log import EvalSample

SUFFIX = ".eval"


@dataclass(frozen=True)
class Logged:
    """One sample's conversation.

    Attributes:
        sample: id of the sample, with its epoch where there are several.
        messages: role and content of each turn, system first; what was thought is left out.
        values: of each answer the values that its turn was scored with, from 0 to 1; empty where
            the task scores no turns.
    """

    sample: str
    messages: Sequence[Mapping[str, str]]
    values: Sequence[Mapping[str, float]]


def read_conversations(path: Path) -> list[Logged]:
    """The conversations of a log, one a sample, in the log's order.

    Raises:
        ValueError: on a file that is no log, a log without samples, and samples with tool calls.
    """
    log = open_log(path)
    if not log.samples:
        raise ValueError(
            f"{path} holds no conversations (task {log.eval.task!r}, status {log.status}); run the "
            "eval to its end"
        )
    return [_logged(path, sample) for sample in log.samples]


def with_scores(table: pd.DataFrame, logged: Sequence[Logged]) -> pd.DataFrame:
    """A table of turns with the sample's id, and the values that each turn was scored with.

    Args:
        table: with the columns conversation (place in `logged`) and turn, both from 0.
        logged: the conversations.
    """
    import pandas as pd

    rows = [
        {"conversation": place, "turn": turn, "sample": each.sample, **values}
        for place, each in enumerate(logged)
        for turn, values in enumerate(each.values or [{} for _ in each.messages])
    ]
    return table.merge(pd.DataFrame(rows), how="left", on=["conversation", "turn"])


def _logged(path: Path, sample: EvalSample) -> Logged:
    strange = sorted({message.role for message in sample.messages} - _READ)
    if strange:
        raise ValueError(
            f"{path}: sample {sample.id!r} has messages of {', '.join(strange)}; give the log of a "
            "task whose models call no tools"
        )
    turns: list[dict[str, Any]] = next(
        (
            score.metadata["turns"]
            for score in (sample.scores or {}).values()
            if score.metadata and "turns" in score.metadata
        ),
        [],
    )
    return Logged(
        sample=str(sample.id) if sample.epoch == 1 else f"{sample.id} ({sample.epoch})",
        messages=[{"role": each.role, "content": each.text} for each in sample.messages],
        values=[turn.get("values", {}) for turn in turns],
    )


_READ = {"system", "user", "assistant"}
