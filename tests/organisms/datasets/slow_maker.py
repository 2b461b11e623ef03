"""Makes rows for tests of processes: it fails, dies, takes notes or takes its time."""

import os
import signal
from pathlib import Path

from organisms.datasets.rows import Row
from tests.organisms.datasets.made import row


def plain(first: int, n: int) -> list[Row]:
    """Rows that are more in a chunk than what a pipe holds, as real rows are."""
    return [row(f"question {i}", f"{i} " * 400) for i in range(first, first + n)]


def fails(first: int, n: int) -> list[Row]:
    """Makes no row 300."""
    if first <= 300 < first + n:
        raise ValueError("row 300 cannot be made")
    return plain(first, n)


def killed(first: int, n: int) -> list[Row]:
    """Its process is killed at row 150."""
    if first <= 150 < first + n:
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(first, n)


def endless(first: int, n: int) -> list[Row]:
    """Does not come to an end after the first chunk."""
    if first:
        signal.pause()
    return plain(first, n)


def noted(pipe: Path, first: int, n: int) -> list[Row]:
    """Writes a byte into a named pipe for each chunk that is begun."""
    with pipe.open("wb", buffering=0) as file:
        file.write(b".")
    return plain(first, n)
