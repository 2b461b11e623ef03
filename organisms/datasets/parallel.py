"""Makes the rows of a data set in several processes, in their order and with flat memory.

Knows makers by the name of their module: what is in it is imported in the processes.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from importlib import import_module
from inspect import signature
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from organisms.datasets.rows import Row

CHUNK = 100
"""Rows that a process makes at a time."""


def can_start_anywhere(rows: Callable[..., Any]) -> bool:
    """Whether a maker takes `first`, the number of the row to begin with, as `rows_in_parallel`
    needs."""
    return "first" in signature(rows).parameters


def rows_in_parallel(module: str, name: str, n: int, seed: int, *, workers: int) -> Iterator[Row]:
    """The rows of `rows(name, n, seed)` of a module, the same in the same order.

    Process k of w makes chunks k, k + w, k + 2w and so on, and waits with a finished one until it
    is its turn, so that memory does not grow with `n`. No process is started for fewer rows than a
    chunk. When the iterator is closed or its process ends, by whatever cause, they end too.

    Args:
        module: Has `rows(name, n, seed, *, first)`.
        name: The data set.
        n: Rows.
        seed: Of the maker.
        workers: Processes at most.

    Raises:
        ValueError: `workers` is less than 1, or the maker cannot begin at a later row.
        RuntimeError: A process was killed, as the system does when memory runs out.
    """
    rows = import_module(module).rows
    if workers < 1:
        raise ValueError(f"{workers} workers were asked for; ask for at least 1")
    if not can_start_anywhere(rows):
        raise ValueError(
            f"{module}:rows cannot begin at a later row; use one process, or let it take `first`"
        )
    made: Iterator[Row] = iter(rows(name, n, seed))
    workers = min(workers, -(-n // CHUNK))
    return made if workers == 1 else _in_turn(module, name, n, seed, workers)


def _in_turn(module: str, name: str, n: int, seed: int, workers: int) -> Iterator[Row]:
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
                args=(writer, module, name, n, seed, range(worker * CHUNK, n, workers * CHUNK)),
                daemon=True,
            )
            process.start()
            writer.close()
            processes.append(process)
            readers.append(reader)
        for chunk in range(-(-n // CHUNK)):
            yield from _received(readers[chunk % workers], name, chunk * CHUNK)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
        for reader in readers:
            reader.close()


def _received(reader: Connection, name: str, first: int) -> list[Row]:
    try:
        found: list[Row] | Exception = reader.recv()
    except EOFError:
        raise RuntimeError(
            f"the process that makes the rows of {name!r} from row {first} on was killed; free "
            "memory, or use fewer workers"
        ) from None
    if isinstance(found, Exception):
        raise found
    return found


def _make_chunks(
    writer: Connection, module: str, name: str, n: int, seed: int, firsts: range
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all: the reader ends the others
    Thread(target=_end_with_reader, daemon=True).start()
    rows = import_module(module).rows
    try:
        for first in firsts:
            try:
                found: list[Row] | Exception = list(
                    rows(name, min(CHUNK, n - first), seed, first=first)
                )
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
