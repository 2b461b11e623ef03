"""A file as an inspect log, or what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog


def open_log(path: Path, *, messages: bool = True) -> EvalLog:
    """The log in a file.

    Args:
        path: the file.
        messages: read the conversations, too; without them it is faster.

    Raises:
        ValueError: on a file that is not there, is cut off or is no log.
    """
    from inspect_ai.log import read_eval_log

    if not path.is_file():
        raise ValueError(f"there is no file {path}; inspect writes logs into --log-dir, else logs/")
    try:
        if messages:
            return read_eval_log(str(path), resolve_attachments=True)
        return read_eval_log(str(path), exclude_fields={"messages", "events", "store"})
    except Exception as error:
        found = f"{error}" if path.stat().st_size else "it is empty"
        raise ValueError(
            f"{path} cannot be read as an inspect log: {found}; give a file (.eval, .json) that an "
            "eval has written to its end, or run the eval again"
        ) from error
