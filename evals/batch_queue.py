"""Requests that wait at the same time, answered in one batch, whoever asked them.

One queue serves one engine in one event loop. Whoever holds the turn collects what waits and runs
it; when that one is cancelled, the next takes over and nothing is lost. Knows no inspect.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.lowlevel
import anyio.to_thread

from evals.engines import Engine
from organisms.runtime import Request, Result

QUIET_SECONDS = 0.02
"""A batch starts when nothing has joined it for this long."""


@dataclass(eq=False)
class _Waiting:
    model: str
    request: Request
    outcome: list[Result] | Exception | None = None


class BatchQueue:
    """The requests that wait for one engine.

    A batch is sorted by content, so that it depends on what is in it, not on who came first.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: list[_Waiting] = []
        self._turn = anyio.Lock()

    async def answer(self, model: str, request: Request) -> list[Result]:
        """The request's answers, in order of their sample.

        Args:
            model: name of the condition; together with the request it is the batch's sort key.
            request: what to answer.

        Raises:
            ValueError: the request does not resolve, or its activations are not finite.
        """
        mine = _Waiting(model, request)
        self._waiting.append(mine)
        try:
            while mine.outcome is None:
                async with self._turn:
                    if mine.outcome is None:
                        await self._run_batch()
        finally:
            if mine in self._waiting:
                self._waiting.remove(mine)
        if isinstance(mine.outcome, Exception):
            raise mine.outcome
        return mine.outcome

    async def _run_batch(self) -> None:
        seen = 0
        while seen != len(self._waiting):
            seen = len(self._waiting)
            await anyio.sleep(QUIET_SECONDS)
        batch, self._waiting = sorted(self._waiting, key=_content), []
        stop = threading.Event()
        requests = [waiting.request for waiting in batch]
        try:
            outcomes = await anyio.to_thread.run_sync(
                partial(self._engine.answer, requests, stop), abandon_on_cancel=True
            )
        except Exception as error:
            for waiting in batch:
                waiting.outcome = error
            return
        except BaseException:
            # Cancelled: the model must be at rest before anybody goes on, and the others' requests
            # are still wanted.
            stop.set()
            self._waiting += batch
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._engine.wait)
            raise
        for waiting, outcome in zip(batch, outcomes, strict=True):
            waiting.outcome = outcome


_queues: anyio.lowlevel.RunVar[dict[int, BatchQueue]] = anyio.lowlevel.RunVar("organism_queues")


def queue_of(engine: Engine) -> BatchQueue:
    """The engine's queue in the running event loop."""
    try:
        queues = _queues.get()
    except LookupError:
        queues = {}
        _queues.set(queues)
    return queues.setdefault(id(engine), BatchQueue(engine))


def _content(waiting: _Waiting) -> tuple[str, ...]:
    request = waiting.request
    parts = (request.chat, request.seed, request.n, request.sampling, request.logprobs)
    return (waiting.model, *map(repr, parts))
