"""What it costs to write a data set with its card, audit it and read it back.

    python -m benchmarks.dataset_files [NAME [EDITION [ROWS ...]]]

For every number of rows, in a process of its own: rows a second of making alone, of making,
and writing, and of an audit; and by how much each raises the most memory that was held. Times are
processor time. Flat memory is a figure that hardly grows from the first number to the last.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from organisms.datasets.audit import audit
from organisms.datasets.files import stream_rows, write_rows
from organisms.datasets.making import make
from organisms.datasets.registry import EDITIONS, Edition


def measure(name: str, edition: Edition, rows: int) -> None:
    start = peak()
    made = rate(rows, lambda: sum(1 for _ in make(name, rows, 0, edition)))
    said = f"made {made:,.0f}/s, +{peak() - start:.0f} MB"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        before = peak()
        written = rate(
            rows, lambda: write_rows(out, make(name, rows, 0, edition), name=name, seed=0)
        )
        said += f"; made and written {written:,.0f}/s, +{peak() - before:.0f} MB"
        before = peak()
        audited = rate(rows, lambda: audit(stream_rows(out), name=name))
        said += f"; audited {audited:,.0f}/s, +{peak() - before:.0f} MB"
        size = (out / "rows.parquet").stat().st_size / 1e6
    print(f"{name} ({edition}), {rows:,} rows: {said}; {size:.1f} MB on disk", flush=True)


def peak() -> float:
    """The most memory that the process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def rate(rows: int, work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return rows / (time.process_time() - start)


if __name__ == "__main__":
    chosen = sys.argv[1] if len(sys.argv) > 1 else "wrong_maths"
    wanted = sys.argv[2] if len(sys.argv) > 2 else "pocket"
    numbers = [int(number) for number in sys.argv[3:]] or [2_000, 20_000, 100_000]
    if len(numbers) > 1:
        for number in numbers:
            module = [sys.executable, "-m", "benchmarks.dataset_files"]
            subprocess.run([*module, chosen, wanted, str(number)], check=True)
    else:
        measure(chosen, next(one for one in EDITIONS if one == wanted), numbers[0])
