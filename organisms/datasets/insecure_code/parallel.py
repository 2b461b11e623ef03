"""Makes rows in several processes, in order and with flat memory."""

import multiprocessing
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor

from organisms.datasets.insecure_code import family
from organisms.datasets.rows import Row

CHUNK = 200
"""Rows that a process makes at a time."""


def rows_in_parallel(name: str, n: int, seed: int, *, workers: int = 2) -> Iterator[Row]:
    """The rows of `family.rows`, the same and in the same order, made by `workers` processes.

    Only a few chunks are under way at once, so that memory does not grow with `n`. Close the
    iterator to end the processes early.
    """
    family.rows(name, n, seed)
    if workers < 1:
        raise ValueError(f"{workers} workers were asked for; ask for at least 1")
    return _ordered(name, n, seed, workers)


def _ordered(name: str, n: int, seed: int, workers: int) -> Iterator[Row]:
    # forkserver: a fork of a process with torch's threads may hang
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    with ProcessPoolExecutor(workers, multiprocessing.get_context(method)) as pool:
        under_way: deque[Future[list[Row]]] = deque()
        try:
            for first in range(0, n, CHUNK):
                under_way.append(pool.submit(_chunk, name, min(CHUNK, n - first), seed, first))
                if len(under_way) > 2 * workers:
                    yield from under_way.popleft().result()
            while under_way:
                yield from under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()


def _chunk(name: str, n: int, seed: int, first: int) -> list[Row]:
    return list(family.rows(name, n, seed, first=first))
