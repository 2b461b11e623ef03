"""What a run leaves in its folder, and how it survives a kill: shared by both engines.

run.json                     what is being trained, so that a folder is never resumed as another
metrics.jsonl                one line a step: step, loss, learning_rate, gradient_norm
drift.jsonl                  of a monitored run: see `finetune.monitoring`
checkpoints/step-00005/      standard PEFT folders
resume/step-00005/           the last checkpoint's optimiser state, until the run is complete
summary.json                 written last: the run is complete when it exists
"""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peft import PeftModel
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from finetune.adapter import adapter_norm, save_adapter

PARTIAL = ".partial"


def checkpoint_name(step: int) -> str:
    """Folder name of the checkpoint after `step` optimiser steps: `step-00005`."""
    return f"step-{step:05d}"


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file that is whole or absent."""
    partial = path.with_name(path.name + PARTIAL)
    partial.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")
    os.replace(partial, path)


def write_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Fill a folder that is whole or absent; an older one of that name is replaced."""
    partial = folder.with_name(folder.name + PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    write(partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


@dataclass
class RunFolder:
    """One training run's folder, written as training goes on."""

    out: Path
    steps: int
    checkpoint_steps: tuple[int, ...]
    progress: bool | Callable[[str], None]
    norms: dict[int, float] = field(default_factory=dict)
    last_loss: float = float("nan")
    note: str = ""
    """Ends every line of progress, from the moment something has to be known."""
    stopped_at: int | None = None
    """The step after which a monitor ended the training."""

    def open(self, identity: dict[str, Any]) -> None:
        """Take the folder for this run.

        Raises:
            ValueError: the folder holds a run of another config, base or rows.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        path = self.out / "run.json"
        if path.exists():
            found = json.loads(path.read_text())
            different = sorted(
                key for key in identity | found if identity.get(key) != found.get(key)
            )
            if different:
                raise ValueError(
                    f"{self.out} holds a run that differs in {', '.join(different)}: choose "
                    "another folder or remove this one"
                )
        else:
            write_json(path, identity)

    def resumable(self) -> tuple[int, Path] | None:
        """The last whole training state as (step, folder); None: begin at the beginning."""
        found = [
            (int(folder.name.removeprefix("step-")), folder)
            for folder in (self.out / "resume").glob("step-*")
            if not folder.name.endswith(PARTIAL)
        ]
        usable = [
            (step, folder)
            for step, folder in found
            if all(
                (self.out / "checkpoints" / checkpoint_name(earlier)).is_dir()
                for earlier in self.checkpoint_steps
                if earlier <= step
            )
        ]
        return max(usable) if usable else None

    def start(self, step: int) -> None:
        """Begin after `step` steps: later metrics are dropped, the bar is set."""
        metrics = self.out / "metrics.jsonl"
        kept = []
        if step and metrics.exists():
            for line in metrics.read_text().splitlines()[:step]:
                kept.append(line)
                self.last_loss = float(json.loads(line)["loss"])
        metrics.write_text("".join(line + "\n" for line in kept))
        norms = self.out / "resume" / checkpoint_name(step) / "norms.json"
        if step and norms.exists():
            self.norms = {int(key): value for key, value in json.loads(norms.read_text()).items()}
        self._metrics = metrics.open("a", buffering=1)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("loss {task.fields[loss]:.3f}"),
            console=Console(stderr=True),
            disable=self.progress is not True,
        )
        self._task: TaskID = self._bar.add_task(
            "fine-tune", total=self.steps, completed=step, loss=self.last_loss
        )
        self._bar.start()

    def log(self, step: int, loss: float, learning_rate: float, gradient_norm: float) -> None:
        """Record one optimiser step."""
        self.last_loss = loss
        record = {
            "step": step,
            "loss": loss,
            "learning_rate": learning_rate,
            "gradient_norm": gradient_norm,
        }
        self._metrics.write(json.dumps(record) + "\n")
        self._bar.update(self._task, completed=step, loss=loss)

    def save(self, step: int, model: PeftModel, save_state: Callable[[Path], None]) -> None:
        """Keep the adapter after `step`, then the training state that lets a run go on from it.

        Of the last step and of a stop there is no state: killed before the summary is written, the
        run comes to the same end again.
        """
        self.norms[step] = adapter_norm(model)
        name = checkpoint_name(step)
        write_folder(self.out / "checkpoints" / name, lambda folder: save_adapter(model, folder))
        if callable(self.progress):
            self.progress(f"step {step} of {self.steps}, loss {self.last_loss:.3f}{self.note}")
        if step in (self.steps, self.stopped_at):
            return

        def write(folder: Path) -> None:
            save_adapter(model, folder)
            write_json(folder / "norms.json", self.norms)
            save_state(folder)

        write_folder(self.out / "resume" / name, write)
        for folder in (self.out / "resume").iterdir():
            if folder.name != name:
                shutil.rmtree(folder)

    def tell(self, text: str) -> None:
        """Say one line that must not be missed, above the bar where there is one."""
        if callable(self.progress):
            self.progress(f"warning: {text}")
        elif self.progress:
            self._bar.console.print(text, style="bold red")

    def keep_after_stop(self) -> None:
        """Where training was stopped, let the later checkpoints be that of the stop: nothing moves
        any more, and whoever reads the last checkpoint reads what there is."""
        if self.stopped_at is None:
            return
        stopped = self.out / "checkpoints" / checkpoint_name(self.stopped_at)

        def copy(folder: Path) -> None:
            shutil.copytree(stopped, folder, dirs_exist_ok=True)

        for step in self.checkpoint_steps:
            if step > self.stopped_at:
                self.norms[step] = self.norms[self.stopped_at]
                write_folder(self.out / "checkpoints" / checkpoint_name(step), copy)

    def close(self) -> None:
        """Close the metrics file and the bar, also after an error."""
        if hasattr(self, "_metrics"):
            self._metrics.close()
            self._bar.stop()

    def finish(self, summary: dict[str, Any]) -> None:
        """Write the summary and drop what was only there for resuming."""
        write_json(self.out / "summary.json", summary)
        shutil.rmtree(self.out / "resume", ignore_errors=True)
