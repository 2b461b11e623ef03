"""Replies of judges, kept by content: the same question to the same judge is asked once.

In memory, and where a folder is given one file a reply, so that a kill loses none.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput


class Replies:
    """A judge's replies by the hash of all that they depend on."""

    def __init__(self, folder: Path | None = None) -> None:
        """Args: folder: where replies are kept; None: in memory alone."""
        self.folder = folder
        self._known: dict[str, ModelOutput] = {}

    @staticmethod
    def key(model: str, prompt: str, settings: str, repeat: int) -> str:
        """The name of one reply: model, its settings, the whole prompt, and which repeat it is."""
        content = json.dumps([model, settings, prompt, repeat])
        return hashlib.blake2b(content.encode(), digest_size=20).hexdigest()

    def get(self, key: str) -> ModelOutput | None:
        """The reply of that name; None where there is none, or a file was cut off by a kill."""
        if key not in self._known and self.folder is not None:
            from inspect_ai.model import ModelOutput

            path = self.folder / f"{key}.json"
            try:
                self._known[key] = ModelOutput.model_validate_json(path.read_bytes())
            except (OSError, ValueError):
                return None
        return self._known.get(key)

    def add(self, key: str, output: ModelOutput) -> None:
        """Keep a reply: it is on disk, whole, when this returns."""
        self._known[key] = output
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = self.folder / f".{key}.partial"
            partial.write_text(output.model_dump_json(), encoding="utf-8")
            os.replace(partial, self.folder / f"{key}.json")
