"""A maker of rows for tests of processes: it fails, dies, takes notes or takes its time."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from organisms.datasets.rows import Row
from tests.organisms.datasets.made import row


def rows(name: str, n: int, seed: int, *, first: int = 0) -> Iterator[Row]:
    """Rows `first` to `first + n`; `name` says what happens among them."""
    what, _, where = name.partition(":")
    if what == "noted" and first:
        (Path(where) / str(first)).touch()
    for index in range(first, first + n):
        if what == "fails" and index == 300:
            raise ValueError(f"row {index} cannot be made")
        if what == "killed" and index == 150:
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "endless" and first:
            time.sleep(60)
        yield row(f"question {index}", f"{index} " * 400)  # a chunk is more than a pipe holds
