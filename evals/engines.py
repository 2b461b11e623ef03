"""One loaded model a process per (base, dtype, device), shared by provider and rollouts."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from evals.conditions import Condition

if TYPE_CHECKING:
    from organisms.runtime import Organism, Request, Result


class Engine:
    """An organism that several threads may ask, one at a time, and its adapters by folder."""

    def __init__(self, organism: Organism) -> None:
        self.organism = organism
        self._lock = threading.Lock()

    def adapter(self, folder: str) -> str:
        """Load an adapter unless it is there, prove that it changes the logits, return its name.

        Raises:
            ValueError: when the adapter does not fit the base or changes nothing.
        """
        path = Path(folder).resolve()
        modified = max((file.stat().st_mtime_ns for file in path.glob("adapter_*")), default=0)
        state = f"{path}:{modified}".encode()
        name = f"adapter-{hashlib.blake2b(state, digest_size=8).hexdigest()}"
        with self._lock:
            if name not in self.organism.adapters:
                self.organism.add_adapter(name, path)
                try:
                    self.organism.check_adapter(name)
                except ValueError:
                    self.organism.remove_adapter(name)
                    raise
        return name

    def release(self, names: Iterable[str]) -> None:
        """Forget adapters, to free their memory."""
        with self._lock:
            for name in names:
                if name in self.organism.adapters:
                    self.organism.remove_adapter(name)

    def sample(self, requests: Sequence[Request]) -> list[Result]:
        """All answers, in the order of the requests and their samples."""
        with self._lock:
            results = list(self.organism.sample(requests))
        return sorted(results, key=lambda result: (result.index, result.sample))


@lru_cache(maxsize=2)
def shared_engine(base: str, dtype: str = "float32", device: str = "cpu") -> Engine:
    """The process's engine for a base: an embedded name, a folder or a hub id."""
    from organisms import load_organism

    return Engine(load_organism(base, dtype=dtype, device=device))


def check_steering(engine: Engine, condition: Condition) -> None:
    """Raise where a steering layer or vector width does not fit the model.

    Raises:
        ValueError: names the condition, the value and what is allowed.
    """
    organism = engine.organism
    for config, steering in zip(condition.steering, condition.runtime_steering(), strict=True):
        if not 0 <= config.layer <= organism.number_of_layers:
            raise ValueError(
                f"condition {condition.key!r}: layer {config.layer} does not exist; "
                f"the model has layers 0 to {organism.number_of_layers}"
            )
        if len(steering.vector) != organism.width:
            raise ValueError(
                f"condition {condition.key!r}: vector of width {len(steering.vector)} for a model "
                f"of width {organism.width}; extract the vector from this base"
            )
