"""Opens an inspect log; a file that is none is named in a `ValueError`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog


def open_log(path: Path, *, conversations: bool) -> EvalLog:
    """A log with all its samples.

    Args:
        path: of the log.
        conversations: whether messages, events and stores are read too.

    Raises:
        ValueError: inspect cannot read it, for whatever reason.
    """
    from inspect_ai.log import read_eval_log

    try:
        if conversations:
            return read_eval_log(str(path), resolve_attachments=True)
        return read_eval_log(str(path), exclude_fields={"messages", "events", "store"})
    except Exception as error:
        raise ValueError(f"{path} cannot be read as an inspect log: {error}") from error
