"""Several processes make the rows that one makes, and none of them outlives its reader."""

import os
import select
import signal
import subprocess
import sys
import textwrap
from functools import partial
from itertools import islice
from multiprocessing import active_children
from pathlib import Path

import psutil
import pytest

from organisms.datasets import parallel
from organisms.datasets.making import make
from organisms.datasets.parallel import rows_in_parallel
from tests.organisms.datasets import slow_maker

ROOT = Path(__file__).parents[3]
N = 2 * parallel.CHUNK + 7


@pytest.mark.parametrize(("name", "workers"), [("insecure_code", 2), ("backdoor_code", 8)])
def test_any_number_of_processes_gives_the_rows_of_one_in_their_order(
    name: str, workers: int
) -> None:
    alone = list(make(name, N, 3, "general"))
    assert list(make(name, N, 3, "general", workers=workers)) == alone


def test_makers_that_cannot_begin_at_a_later_row_stay_in_this_process() -> None:
    rows = make("wrong_maths", 500, 0, "general", workers=4)
    next(rows)
    assert active_children() == []


def test_no_process_is_started_for_less_than_a_chunk() -> None:
    rows = make("insecure_code", parallel.CHUNK, 0, "general", workers=4)
    next(rows)
    assert active_children() == []


def test_no_workers_are_refused_before_the_first_row() -> None:
    for name in ("wrong_maths", "insecure_code"):
        with pytest.raises(ValueError, match="0 workers were asked for; ask for at least 1"):
            make(name, 5, 0, "general", workers=0)


def test_an_error_in_a_process_is_raised_where_its_row_would_stand() -> None:
    rows = rows_in_parallel(slow_maker.fails, 1000, workers=2)
    assert len(list(islice(rows, 3 * parallel.CHUNK))) == 3 * parallel.CHUNK
    with pytest.raises(ValueError, match="row 300 cannot be made"):
        next(rows)


def test_a_process_that_was_killed_is_told_and_not_waited_for() -> None:
    rows = rows_in_parallel(slow_maker.killed, 1000, workers=2)
    with pytest.raises(ChildProcessError, match=r"from row 100 on was killed; free memory"):
        list(rows)


def test_processes_are_at_most_one_chunk_ahead_of_the_reader(tmp_path: Path) -> None:
    pipe = tmp_path / "begun"
    os.mkfifo(pipe)
    notes = os.open(pipe, os.O_RDWR)  # also to write: else it ends when no process has it open
    rows = rows_in_parallel(partial(slow_maker.noted, pipe), 100_000, workers=2)
    read = 5
    for _ in islice(rows, read * parallel.CHUNK + 1):
        pass
    begun = 0
    while select.select([notes], [], [], 60 if begun <= read + 1 else 0.5)[0]:
        begun += len(os.read(notes, 1000))
    rows.close()  # type: ignore[attr-defined]
    os.close(notes)
    assert read + 1 < begun <= read + 1 + 2


def test_closing_the_rows_ends_their_processes_at_once() -> None:
    rows = rows_in_parallel(slow_maker.endless, 1000, workers=3)
    assert len(list(islice(rows, 5))) == 5
    assert len(active_children()) == 3
    rows.close()  # type: ignore[attr-defined]
    assert active_children() == []


SCRIPT = """
    import signal
    from organisms.datasets.parallel import rows_in_parallel
    from tests.organisms.datasets.slow_maker import endless

    if __name__ == "__main__":
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored if pytest runs under &
        for row in rows_in_parallel(endless, 1000, workers=2):
            print("row", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_reader_that_is_stopped_leaves_no_process(tmp_path: Path, number: int) -> None:
    script = tmp_path / "reader.py"
    script.write_text(textwrap.dedent(SCRIPT))
    started = subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == b"row\n"
    children = psutil.Process(started.pid).children(recursive=True)
    assert len([one for one in children if _makes_rows(one)]) == 2
    if number == signal.SIGINT:
        os.killpg(started.pid, number)  # as a terminal sends Ctrl-C: to all of them
    else:
        started.send_signal(number)
    started.wait(20)
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []


def _makes_rows(process: psutil.Process) -> bool:
    """Whether it is neither the fork server nor the resource tracker, which start other ones."""
    try:
        return not process.children() and "resource_tracker" not in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False
