"""A worker process: jobs come as JSON lines, answers go back so, and it ends with its parent.

One thread for arithmetic, so that results do not depend on the machine's cores. While it has no job
it imports the slow modules that coming stages will need.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from experiments.making import DamagedInputError, Job, make
from experiments.store import StoreError


class _Parent:
    """The line to the parent: private copies of stdin and stdout, since stages may use theirs."""

    def __init__(self) -> None:
        self.jobs = os.fdopen(os.dup(0), encoding="utf-8")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self._file = os.fdopen(os.dup(1), "w", encoding="utf-8")
        self._lock = threading.Lock()
        self._log = os.open(os.devnull, os.O_WRONLY)
        os.dup2(self._log, 1)
        os.dup2(self._log, 2)

    def tell(self, event: str, **content: Any) -> None:
        with self._lock:
            self._file.write(json.dumps({"event": event, **content}) + "\n")
            self._file.flush()

    def log_to(self, path: Path) -> None:
        """Send what the process prints to a file (appending) until the next call."""
        self._point(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644))

    def stop_logging(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._point(os.open(os.devnull, os.O_WRONLY))

    def _point(self, descriptor: int) -> None:
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(self._log)
        self._log = descriptor


def end_with_parent(parent: int) -> None:
    """Ask the kernel (Linux) to end this process with its parent; elsewhere stdin's end does."""
    if sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _read_jobs(lines: TextIO, jobs: queue.Queue[dict[str, Any]]) -> None:
    """Put the parent's lines in a queue; its end (or death) ends this process."""
    for line in lines:
        jobs.put(json.loads(line))
    os._exit(0)


def _preload(modules: list[str]) -> None:
    with suppress(Exception):
        importlib.import_module(modules.pop(0))


def _work(job: Job, parent: _Parent) -> None:
    try:
        made = make(
            job,
            progress=lambda text: parent.tell("progress", text=text),
            waiting=lambda: parent.tell("waiting"),
            log_to=parent.log_to,
        )
    except DamagedInputError as error:
        parent.tell("damaged_input", identity=error.identity, reason=error.reason)
    except StoreError as error:
        parent.tell("failed", error=str(error), store=True)
    except BaseException as error:
        traceback.print_exc()
        said = " ".join(str(error).split())
        line = f"{type(error).__name__}: {said}" if said else type(error).__name__
        parent.tell("failed", error=line, traceback=traceback.format_exc())
    else:
        parent.tell("done", reused=made.reused, seconds=made.seconds, peak_memory=made.peak_memory)
    finally:
        parent.stop_logging()


def main() -> None:
    """Serve jobs until the parent closes the line."""
    end_with_parent(int(sys.argv[1]))
    modules = [name for name in sys.argv[2].split(",") if name]
    parent = _Parent()
    jobs: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read_jobs, args=(parent.jobs, jobs), daemon=True).start()
    while True:
        if modules and jobs.empty():
            _preload(modules)
            continue
        _work(Job(**jobs.get()), parent)


if __name__ == "__main__":
    main()
