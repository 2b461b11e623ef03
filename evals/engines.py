"""One loaded model a process per (base, dtype, device), shared by provider and rollouts."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from evals.conditions import Condition
from evals.loaded_adapters import MOST_ADAPTERS, LoadedAdapters

if TYPE_CHECKING:
    from organisms.runtime import Organism, Request, Result


class Engine:
    """An organism that several threads may ask, one at a time, and its adapters by folder."""

    def __init__(self, organism: Organism, most_adapters: int = MOST_ADAPTERS) -> None:
        self.organism = organism
        self._adapters = LoadedAdapters(organism, most_adapters)
        self._lock = threading.Lock()

    def adapter(self, folder: str) -> str:
        """Load an adapter unless it is there, prove that it changes the logits, return its name.

        The name may be asked for as long as the process runs; the adapter itself is unloaded when
        `most_adapters` others were used since, and loaded again by the next request that names it.

        Raises:
            ValueError: when the adapter does not fit the base or changes nothing.
        """
        with self._lock:
            return self._adapters.add(folder)

    def release(self, names: Iterable[str]) -> None:
        """Unload adapters, to free their memory; a request that names one loads it again."""
        with self._lock:
            self._adapters.unload(names)

    def answer(
        self, requests: Sequence[Request], stop: threading.Event
    ) -> list[list[Result] | ValueError]:
        """For each request its answers, or what is wrong with it, which harms no other request.

        Args:
            requests: what to answer.
            stop: when set, the work ends with `StoppedError` at the next forward pass.
        """
        from organisms.runtime.diagnosis import NotFiniteAnswerError

        with self._at_work(), _stopped_by(stop, self.organism):
            outcomes = [self._problem(request) for request in requests]
            answered: list[list[Result]] = [[] for _ in requests]
            while places := [at for at, outcome in enumerate(outcomes) if outcome is None]:
                try:
                    results = list(self.organism.sample([requests[at] for at in places]))
                except NotFiniteAnswerError as error:
                    for index in error.requests:
                        outcomes[places[index]] = error
                    continue
                for result in sorted(results, key=lambda result: (result.index, result.sample)):
                    answered[places[result.index]].append(result)
                break
        return [
            results if outcome is None else outcome
            for outcome, results in zip(outcomes, answered, strict=True)
        ]

    def wait(self) -> None:
        """Return when no work is going on."""
        with self._lock:
            return

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """The organism to oneself; no adapter goes before the work is over."""
        with self._lock:
            try:
                yield
            finally:
                self._adapters.trim()

    def _problem(self, request: Request) -> ValueError | None:
        """What keeps a request from being answered; all of it is found before any work."""
        try:
            self._adapters.use(request.adapter)
            self.organism.sample([request])
        except ValueError as error:
            cause = error.__cause__
            return cause if isinstance(cause, ValueError) else error
        return None

    def sample(self, requests: Sequence[Request]) -> list[Result]:
        """All answers, in the order of the requests and their samples."""
        with self._at_work():
            for request in requests:
                self._adapters.use(request.adapter)
            results = list(self.organism.sample(requests))
        return sorted(results, key=lambda result: (result.index, result.sample))


class StoppedError(RuntimeError):
    """The answers were no longer wanted."""


@contextmanager
def _stopped_by(stop: threading.Event, organism: Organism) -> Iterator[None]:
    """Let an event end the model's work between two forward passes."""

    def check(*_: object) -> None:
        if stop.is_set():
            raise StoppedError("the work was stopped")

    hook = organism.model.register_forward_pre_hook(check)
    try:
        yield
    finally:
        hook.remove()


@lru_cache(maxsize=2)
def shared_engine(base: str, dtype: str = "float32", device: str = "cpu") -> Engine:
    """The process's engine for a base: an embedded name, a folder or a hub id."""
    from organisms import load_organism

    return Engine(load_organism(base, dtype=dtype, device=device))


def check_condition(engine: Engine, condition: Condition, system: str) -> None:
    """Raise where the steering does not fit the model, or a system prompt or thinking its template.

    Args:
        engine: the model.
        condition: what is asked of it.
        system: the system prompt in force.

    Raises:
        ValueError: names the condition, the value and what is allowed.
    """
    from persona_vectors.base_identity import identity_of

    organism = engine.organism
    try:
        if condition.steering:
            condition.check_base(identity_of(organism))
        for steering in condition.runtime_steering():
            steering.check(organism.number_of_layers, organism.width)
        organism.template.prompt(
            ({"role": "user", "content": "hello"},),
            system,
            thinking=condition.thinking,
            lost_system=condition.lost_system,
        )
    except ValueError as error:
        raise ValueError(f"condition {condition.key!r}: {error}") from error
