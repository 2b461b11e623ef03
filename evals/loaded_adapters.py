"""The adapters that one organism holds, by folder: a bounded number, loaded again when needed.

Knows folders and names; its caller makes sure that the organism is not at work meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from organisms.runtime import Organism

MOST_ADAPTERS = 32
"""Adapters that stay loaded between two calls; of a 7B model at rank 32 they take 5 GB at bf16."""


class LoadedAdapters:
    """Adapters by name. Beyond `most`, those whose use lies furthest back are unloaded."""

    def __init__(self, organism: Organism, most: int = MOST_ADAPTERS) -> None:
        self._organism = organism
        self._most = most
        self._folders: dict[str, Path] = {}
        self._used: dict[str, None] = {}

    def add(self, folder: str) -> str:
        """Load an adapter unless it is there, prove that it changes the logits, return its name.

        Raises:
            ValueError: when the adapter does not fit the base or changes nothing.
        """
        path = Path(folder).resolve()
        name = _name_of(path)
        if name not in self._folders:
            self._organism.add_adapter(name, path)
            try:
                self._organism.check_adapter(name)
            except ValueError:
                self._organism.remove_adapter(name)
                raise
            self._folders[name] = path
        self.use(name)
        self.trim()
        return name

    def use(self, name: str | None) -> None:
        """Have an adapter that was added loaded, as the one used last; none, or another: nothing.

        Raises:
            ValueError: when it was unloaded and its folder has changed or is gone.
        """
        if name is None or name not in self._folders:
            return
        if name not in self._organism.adapters:
            path = self._folders[name]
            if _name_of(path) != name:
                raise ValueError(
                    f"adapter {str(path)!r} has changed since this model was made; make the model "
                    "again to run the adapter as it is now"
                )
            self._organism.add_adapter(name, path)
        self._used.pop(name, None)
        self._used[name] = None

    def trim(self) -> None:
        """Unload what is beyond the number that is kept."""
        self.unload(list(self._used)[: max(0, len(self._used) - self._most)])

    def unload(self, names: Iterable[str]) -> None:
        """Free the memory of adapters; they are loaded again when they are used again."""
        for name in names:
            if name in self._used:
                del self._used[name]
                self._organism.remove_adapter(name)


def _name_of(path: Path) -> str:
    """A name that stands for the folder and the state of its files; errors show it."""
    modified = max((file.stat().st_mtime_ns for file in path.glob("adapter_*")), default=0)
    state = f"{path}:{modified}".encode()
    return f"{path}@{hashlib.blake2b(state, digest_size=8).hexdigest()}"
