"""What the user sees while stages run: bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from experiments.stage import Stage

WARNING = "warning: "
"""Begins a message of a stage that must not be missed."""


class Display:
    """A watcher of the executor that shows progress on a console; use it as a context.

    Args:
        console: Where to; live bars if it is a terminal, else a line per stage.
        total: Stages to make.
        cost: Their expected seconds together; sets the speed of the overall bar.
    """

    def __init__(self, console: Console, total: int, cost: float) -> None:
        self._console, self._total, self._made = console, total, 0
        self._tasks: dict[Stage, TaskID] = {}
        self._said: dict[Stage, float] = {}
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._overall = self._progress.add_task(self._count(), total=cost, note="")

    def __enter__(self) -> Display:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop drawing; the bars go."""
        self._progress.stop()

    def started(self, stage: Stage) -> None:
        """A worker has begun a stage."""
        if stage in self._tasks:
            return
        name = escape(stage.name)
        self._tasks[stage] = self._progress.add_task(f"  {name}", total=None, note="")
        self._line(f"start {stage.name}")

    def message(self, stage: Stage, text: str) -> None:
        """A running stage says where it is; plain output shows one such line in ten seconds, but
        for warnings, which stay on the screen."""
        if text.startswith(WARNING):
            self.notice(f"{stage.name}: {text.removeprefix(WARNING)}")
            return
        if stage in self._tasks:
            self._progress.update(self._tasks[stage], note=escape(text))
        now = time.monotonic()
        if now - self._said.get(stage, now - 10.0) >= 10.0:
            self._said[stage] = now
            self._line(f"{stage.name}: {text}")

    def finished(self, stage: Stage, seconds: float, *, reused: bool) -> None:
        """A stage is done."""
        if stage in self._tasks:
            self._progress.remove_task(self._tasks.pop(stage))
        self._made += 1
        self._progress.update(self._overall, advance=stage.cost, description=self._count())
        how = "made by another run" if reused else f"{seconds:.1f} s"
        self._line(f"{self._count()}: {stage.name}, {how}")

    def notice(self, text: str) -> None:
        """Something the user should know, in either form."""
        self._console.print(f"[yellow]notice:[/] {escape(text)}", highlight=False)

    def _count(self) -> str:
        return f"{self._made} of {self._total} stages"

    def _line(self, text: str) -> None:
        if not self._console.is_terminal:
            self._console.print(escape(text), highlight=False, soft_wrap=True)
