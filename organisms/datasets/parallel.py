"""Makes rows in several processes, in their order and with flat memory. Knows no data sets."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from threading import Thread

from organisms.datasets.rows import Row

CHUNK = 100
"""Rows that a process makes at a time."""
MakeChunk = Callable[[int, int], list[Row]]
"""(number of the first row, how many) -> the rows; of module level, so that a process finds it."""


def rows_in_parallel(make: MakeChunk, n: int, *, workers: int) -> Iterator[Row]:
    """Rows 0 to `n` in their order, made by so many processes.

    Process k of w makes chunks k, k + w, k + 2w and so on, and waits with a finished one until it
    is its turn, so that memory does not grow with `n`. No process is started for fewer rows than a
    chunk. When the iterator is closed or its process ends, by whatever cause, they end too.

    Args:
        make: Makes any stretch of the rows.
        n: Rows.
        workers: Processes at most.

    Raises:
        ValueError: `workers` is less than 1; raised by the call.
        ChildProcessError: A process was killed, as the system does when memory runs out.
    """
    if workers < 1:
        raise ValueError(f"{workers} workers were asked for; ask for at least 1")
    workers = min(workers, -(-n // CHUNK))
    if workers > 1:
        return _in_turn(make, n, workers)
    return (row for first in range(0, n, CHUNK) for row in make(first, min(CHUNK, n - first)))


def _in_turn(make: MakeChunk, n: int, workers: int) -> Iterator[Row]:
    # spawn and forkserver: a fork of a process with torch's threads may hang, and would hold the
    # other processes' pipes open
    context = (
        multiprocessing.get_context("forkserver")
        if "forkserver" in multiprocessing.get_all_start_methods()
        else multiprocessing.get_context("spawn")
    )
    processes, readers = [], []
    try:
        for worker in range(workers):
            reader, writer = context.Pipe(duplex=False)
            process = context.Process(
                target=_make_chunks,
                args=(writer, make, n, range(worker * CHUNK, n, workers * CHUNK)),
                daemon=True,
            )
            process.start()
            writer.close()
            processes.append(process)
            readers.append(reader)
        for chunk in range(-(-n // CHUNK)):
            yield from _received(readers[chunk % workers], chunk * CHUNK)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
        for reader in readers:
            reader.close()


def _received(reader: Connection, first: int) -> list[Row]:
    try:
        found: list[Row] | Exception = reader.recv()
    except EOFError:
        raise ChildProcessError(
            f"the process that makes the rows from row {first} on was killed; free memory, or use "
            "fewer workers"
        ) from None
    if isinstance(found, Exception):
        raise found
    return found


def _make_chunks(writer: Connection, make: MakeChunk, n: int, firsts: range) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all: the reader ends the others
    Thread(target=_end_with_reader, daemon=True).start()
    try:
        for first in firsts:
            try:
                found: list[Row] | Exception = make(first, min(CHUNK, n - first))
            except Exception as error:
                found = error
            writer.send(found)
            if isinstance(found, Exception):
                return
    except BrokenPipeError:  # nobody reads any more
        return


def _end_with_reader() -> None:
    """End this process when the one that started it is gone, even if that was killed."""
    reader = multiprocessing.parent_process()
    if reader is not None:
        reader.join()
        os._exit(1)
