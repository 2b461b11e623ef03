"""The file of replies: one JSON line each, written as they arrive, so that a kill loses none.

Knows keys and texts, not what they mean.
"""

import json
import os
from pathlib import Path
from typing import TypedDict


class Reply(TypedDict):
    """A model's reply to one prompt."""

    key: str
    text: str
    stop_reason: str
    input_tokens: int
    output_tokens: int


class Ledger:
    """Replies by key, on disk."""

    def __init__(self, path: Path, asked_with: dict[str, str]) -> None:
        """Read what an earlier run left; a last line that a kill cut off is dropped.

        Args:
            path: The file; made when the first reply is added.
            asked_with: What the replies depend on besides their key (model, hash of the prompts).

        Raises:
            ValueError: The file holds replies that were asked for with something else, or a line
                that is no reply.
        """
        self.path = path
        self.replies: dict[str, Reply] = {}
        self._head = json.dumps({"asked_with": asked_with}, sort_keys=True)
        if not path.exists():
            return
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            with path.open("r+b") as file:
                file.truncate(len(whole))
        lines = whole.decode("utf-8", "replace").split("\n")[:-1]
        if lines and lines[0] != self._head:
            raise ValueError(
                f"{path} holds replies asked for with {lines[0]}, not {self._head}; give another "
                "folder, or remove this one"
            )
        for number, line in enumerate(lines[1:], start=2):
            reply = self._reply(line, number)
            self.replies[reply["key"]] = reply

    def add(self, reply: Reply) -> None:
        """Keep a reply: it is on disk when this returns."""
        new = not self.path.exists() or self.path.stat().st_size == 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            if new:
                file.write(self._head.encode() + b"\n")
            file.write(json.dumps(reply, sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.replies[reply["key"]] = reply

    def _reply(self, line: str, number: int) -> Reply:
        try:
            found = json.loads(line)
            reason = "" if _is_reply(found) else f"it needs {', '.join(Reply.__annotations__)}"
        except ValueError as error:
            reason = f"not JSON: {error}"
        if reason:
            raise ValueError(
                f"{self.path}, line {number}: not a reply ({reason}); remove that line, and its "
                "reply alone is asked for again"
            )
        reply: Reply = found
        return reply


def _is_reply(found: object) -> bool:
    return isinstance(found, dict) and all(
        isinstance(found.get(key), kind) for key, kind in Reply.__annotations__.items()
    )
