"""Making one artefact in this process: lock, check inputs, call the function, record, rename.

Runs in a worker. It knows nothing of plans, other stages or the user's terminal.
"""

from __future__ import annotations

import errno
import importlib
import os
import platform
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from experiments.stage import JSON, StageFunction
from experiments.store import Store, StoreError, explain

LIBRARIES = (
    "wardian",
    "torch",
    "transformers",
    "peft",
    "trl",
    "datasets",
    "accelerate",
    "inspect-ai",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "safetensors",
    "tokenizers",
)
"""Distributions whose versions are recorded in manifests."""


@dataclass(frozen=True)
class Job:
    """All that a worker needs to make one artefact; plain JSON values."""

    store: str
    kind: str
    identity: str
    version: int
    function: str
    label: str
    config: dict[str, JSON]
    inputs: dict[str, tuple[str, str]]
    """Name -> (kind, identity)."""
    sources: dict[str, str]
    """Model or file from outside -> what identified it."""
    answers: int = 0
    remake: bool = False
    """A reader found the artefact's content changed: compare hashes before taking it for done."""

    def as_json(self) -> dict[str, Any]:
        """The job as a mapping that `Job(**mapping)` reads."""
        return asdict(self)


class DamagedInputError(RuntimeError):
    """An input's content is not what its manifest says; it has to be made again."""

    def __init__(self, identity: str, reason: str) -> None:
        super().__init__(reason)
        self.identity, self.reason = identity, reason


@dataclass(frozen=True)
class Made:
    """How an artefact came about."""

    reused: bool
    """Another run had made it meanwhile."""
    seconds: float = 0.0
    """Wall time of the stage's function."""
    peak_memory: int = 0
    """Largest resident set of this process meanwhile, in bytes."""


def make(
    job: Job,
    progress: Callable[[str], None],
    waiting: Callable[[], None],
    log_to: Callable[[Path], None],
) -> Made:
    """Make a job's artefact, or find it made.

    Args:
        job: What to make.
        progress: Takes the stage's short lines.
        waiting: Called when another run is making the same artefact.
        log_to: Called with the log file that this process should print to from now on.

    Raises:
        DamagedInputError: An input's content differs from its manifest.
        StoreError: The store is full or cannot be written.
    """
    store = Store(Path(job.store))
    artefact = store.artefact(job.kind, job.identity)
    try:
        with artefact.locked(waiting):
            state = artefact.verify() if job.remake else artefact.state()
            if state.word == "done":
                return Made(reused=True)
            if state.word == "damaged":
                artefact.remove()
            inputs = {name: _checked_input(store, *key) for name, key in job.inputs.items()}
            output = artefact.partial / "output"
            output.mkdir(parents=True, exist_ok=True)
            log_to(artefact.partial / "log.txt")
            reset_peak_memory()
            started, clock = datetime.now(UTC), time.perf_counter()
            _function(job.function)(job.config, inputs, output, progress)
            made = Made(False, time.perf_counter() - clock, peak_memory())
            artefact.complete(_manifest(job, started, made))
            return made
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise StoreError(explain(error, store.root)) from error
        raise


def _checked_input(store: Store, kind: str, identity: str) -> Path:
    artefact = store.artefact(kind, identity)
    state = artefact.verify()
    if state.word != "done":
        raise DamagedInputError(identity, state.reason or f"it is {state.word}")
    return artefact.output


def _function(path: str) -> StageFunction:
    module, _, attribute = path.partition(":")
    function: StageFunction = getattr(importlib.import_module(module), attribute)
    return function


def _manifest(job: Job, started: datetime, made: Made) -> dict[str, Any]:
    return {
        "kind": job.kind,
        "label": job.label,
        "identity": job.identity,
        "version": job.version,
        "seed": job.config.get("seed"),
        "config": job.config,
        "inputs": {name: {"kind": key[0], "identity": key[1]} for name, key in job.inputs.items()},
        "sources": job.sources,
        "answers": job.answers,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(made.seconds, 3),
        "peak_memory_bytes": made.peak_memory,
        "host": host(),
        "versions": versions(),
    }


def host() -> dict[str, str | int]:
    """The machine: system, processor, cores that this process may use."""
    return {
        "name": platform.node(),
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": cores(),
    }


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the installed libraries that decide results."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def reset_peak_memory() -> None:
    """Let `peak_memory` count from now (Linux; elsewhere it counts from the process's start)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_memory() -> int:
    """Largest resident set of this process, in bytes."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
