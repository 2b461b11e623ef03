"""Runs a plan's missing stages on this machine: one worker process a core, each with one thread.

Workers are started when there is work, reused, and never outlive this process. A stage whose worker
is killed is tried once more; an input whose content has changed is made again.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from experiments.executors.schedule import Schedule
from experiments.identity import ROOT, source_hash
from experiments.making import Job
from experiments.stage import Stage, StageKind, WardianError
from experiments.store import Store

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
}
QUIET = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "PYTHONUNBUFFERED": "1",
}


class StageError(WardianError):
    """A stage failed: one line, and where its log is."""

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class Watcher(Protocol):
    """Is told what happens while stages run."""

    def started(self, stage: Stage) -> None:
        """A worker has begun a stage."""

    def message(self, stage: Stage, text: str) -> None:
        """A running stage says where it is."""

    def finished(self, stage: Stage, seconds: float, *, reused: bool) -> None:
        """A stage is done; `reused`: another run had made it."""

    def notice(self, text: str) -> None:
        """Something the user should know."""


class _Worker:
    """One worker process, and the thread that reads its answers into a queue."""

    def __init__(self, preload: Sequence[str], answers: queue.Queue[tuple[_Worker, Any]]) -> None:
        path = [str(ROOT), *(entry for entry in sys.path if entry)]
        # -P keeps the current folder off the path: a folder named `evals` there must not be found.
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "experiments.executors.worker"),
                *(str(os.getpid()), ",".join(preload)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **QUIET, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(path)},
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self.stage: Stage | None = None
        self._answers = answers
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._answers.put((self, json.loads(line)))
        self._answers.put((self, None))

    def give(self, stage: Stage, job: Job) -> None:
        """Hand over a job; a worker that has died meanwhile is noticed by its reader."""
        self.stage = stage
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(job.as_json()) + "\n")
            self.process.stdin.flush()

    def end(self) -> None:
        """Kill the worker and whatever it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(timeout=5)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with suppress(OSError):
                if stream is not None:
                    stream.close()

    def ending(self) -> str:
        """Why the process ended, for a message: its signal, or the last line it printed."""
        code = self.process.wait()
        if code < 0:
            return f"killed by signal {-code} ({signal.Signals(-code).name})"
        lines = (self.process.stderr.read() if self.process.stderr else "").strip().splitlines()
        return f"ended, with code {code}" + (f": {lines[-1]}" if lines else "")


class LocalExecutor:
    """Runs stages in up to `workers` processes."""

    def __init__(self, store: Store, kinds: Mapping[str, StageKind], workers: int) -> None:
        if workers < 1:
            raise ValueError(f"workers must be at least 1, found {workers}")
        self._store, self._kinds, self._limit = store, kinds, workers
        self._answers: queue.Queue[tuple[_Worker, Any]] = queue.Queue()
        self._workers: list[_Worker] = []
        self._idle_deaths = 0
        self.peak_memory = 0
        """Largest resident memory of all workers together that was seen, in bytes (Linux)."""

    def run(self, schedule: Schedule, watcher: Watcher) -> None:
        """Make every pending stage of the schedule.

        Raises:
            StageError: A stage failed, or its worker was killed twice. Finished stages are kept.
            KeyboardInterrupt: Passed on after all workers have ended.
        """
        if schedule.finished:
            return
        with self._ended():
            for _ in range(min(self._limit, schedule.width)):
                self._start(schedule)
            while not schedule.finished:
                self._dispatch(schedule, watcher)
                self._wait(schedule, watcher)

    @contextmanager
    def _ended(self) -> Iterator[None]:
        try:
            yield
        finally:
            for worker in self._workers:
                worker.end()
            self._workers.clear()

    def _start(self, schedule: Schedule) -> _Worker:
        coming = {name: None for stage in schedule.pending for name in self._preload(stage)}
        worker = _Worker(list(coming), self._answers)
        self._workers.append(worker)
        return worker

    def _preload(self, stage: Stage) -> tuple[str, ...]:
        return self._kinds[stage.kind].preload

    def _dispatch(self, schedule: Schedule, watcher: Watcher) -> None:
        idle = [worker for worker in self._workers if worker.stage is None]
        while schedule.ready and (idle or len(self._workers) < self._limit):
            worker = idle.pop(0) if idle else self._start(schedule)
            stage = schedule.take()
            watcher.started(stage)
            worker.give(stage, self._job(stage, schedule))

    def _job(self, stage: Stage, schedule: Schedule) -> Job:
        kind = self._kinds[stage.kind]
        return Job(
            store=str(self._store.root.absolute()),
            kind=stage.kind,
            identity=schedule.identities[stage],
            version=kind.version,
            function=kind.function,
            label=stage.label,
            config=dict(stage.config),
            inputs={
                name: (needed.kind, schedule.identities[needed])
                for name, needed in stage.inputs.items()
            },
            sources={name: source_hash(name) for name in stage.sources},
            answers=stage.answers,
            remake=schedule.is_remade(stage),
        )

    def _wait(self, schedule: Schedule, watcher: Watcher) -> None:
        """Handle the next answer of any worker."""
        try:
            worker, answer = self._answers.get(timeout=1.0)
        except queue.Empty:
            self._measure()
            return
        self._measure()
        if answer is None:
            self._lost(worker, schedule, watcher)
            return
        stage = worker.stage
        assert stage is not None
        match answer["event"]:
            case "progress":
                watcher.message(stage, answer["text"])
            case "waiting":
                watcher.message(stage, "waiting for another run that makes the same")
            case "done":
                worker.stage = None
                schedule.done(stage)
                watcher.finished(stage, answer["seconds"], reused=answer["reused"])
            case "damaged_input":
                worker.stage = None
                damaged = schedule.again(stage, answer["identity"])
                watcher.notice(f"{damaged.name} is damaged ({answer['reason']}): made again")
            case _:
                raise self._failure(stage, schedule, answer)

    def _lost(self, worker: _Worker, schedule: Schedule, watcher: Watcher) -> None:
        """A worker has ended by itself: its stage is tried again once."""
        self._workers.remove(worker)
        why = worker.ending()
        worker.end()
        if worker.stage is None:
            self._idle_deaths += 1
            if self._idle_deaths > 2:
                raise StageError(f"workers keep ending while they wait; the last was {why}")
            return
        if not schedule.retry(worker.stage):
            raise StageError(
                f"{worker.stage.name} failed: its worker was {why}, twice; if memory ran out, "
                "run again with --workers 1 (what is finished is kept)"
            )
        watcher.notice(f"{worker.stage.name}: its worker was {why}; trying once more")

    def _failure(self, stage: Stage, schedule: Schedule, answer: Mapping[str, Any]) -> StageError:
        if answer.get("store"):
            return StageError(str(answer["error"]))
        log = self._store.artefact(stage.kind, schedule.identities[stage]).partial / "log.txt"
        where = f" (log: {log})" if log.is_file() else ""
        return StageError(
            f"{stage.name} failed: {answer['error']}{where}", str(answer.get("traceback", ""))
        )

    def _measure(self) -> None:
        """Note the resident memory of all workers together."""
        total = 0
        for worker in self._workers:
            with suppress(OSError, ValueError, IndexError):
                fields = Path(f"/proc/{worker.process.pid}/statm").read_text("ascii").split()
                total += int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
        self.peak_memory = max(self.peak_memory, total)
