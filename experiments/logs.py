"""The inspect logs of a run, gathered in one folder for inspect's viewer."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from experiments.run import Run


def gather_logs(prepared: Run, folder: Path) -> int:
    """Link (or copy) every log of the run into `folder`; returns their number."""
    count = 0
    for stage in prepared.stages:
        source = prepared.artefact(stage).output
        for log in sorted(source.rglob("*.eval")) if source.is_dir() else ():
            count += 1
            name = f"{stage.kind}_{stage.label}".replace(" ", "_")
            place = folder / "".join(c for c in name if c.isalnum() or c in "_-.=") / log.name
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                place.hardlink_to(log)
            except OSError:
                shutil.copy2(log, place)
    return count


def open_viewer(prepared: Run, port: int) -> None:
    """Serve the run's logs until Ctrl-C.

    Raises:
        ValueError: The store holds no log of this run.
    """
    with tempfile.TemporaryDirectory(dir=_below(prepared.store.root)) as folder:
        if not gather_logs(prepared, Path(folder)):
            raise ValueError(
                f"{prepared.store.root} holds no answers of {prepared.name}; "
                f"make them with: wardian run {prepared.spec.name}"
            )
        arguments = ["view", "start", "--log-dir", folder, "--port", str(port)]
        with suppress(KeyboardInterrupt):
            subprocess.run([sys.executable, "-m", "inspect_ai", *arguments], check=False)


def _below(root: Path) -> str:
    """A folder on the store's own disk, so that logs can be linked."""
    views = root / ".views"
    views.mkdir(parents=True, exist_ok=True)
    return str(views)
