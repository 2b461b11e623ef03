"""Which stages are still to be made, which are ready, and which of those goes first.

The stage with the longest path of work behind it starts first. Knows no processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from experiments.stage import Stage, WardianError


class Schedule:
    """The pending stages of a plan while they are being made.

    Args:
        stages: The plan's stages, inputs first.
        identities: The identity of each.
        done: Identities that the store holds already.
    """

    def __init__(
        self, stages: Sequence[Stage], identities: Mapping[Stage, str], done: frozenset[str]
    ) -> None:
        self.identities = identities
        self._stage: dict[str, Stage] = {}
        for stage in stages:
            self._stage.setdefault(identities[stage], stage)
        self._order = {identity: place for place, identity in enumerate(self._stage)}
        self._done = set(done)
        self._running: set[str] = set()
        self._retried: set[str] = set()
        self._remade: set[str] = set()
        self._damaged: Counter[str] = Counter()
        self._path = self._longest_paths(stages)

    @property
    def pending(self) -> list[Stage]:
        """Stages not yet done, running ones included."""
        return [stage for key, stage in self._stage.items() if key not in self._done]

    @property
    def finished(self) -> bool:
        """Whether every stage is done."""
        return self._stage.keys() <= self._done

    @property
    def ready(self) -> list[Stage]:
        """Stages that can start now, the one with the longest path behind it first."""
        keys = [
            key
            for key, stage in self._stage.items()
            if key not in self._done and key not in self._running and self._has_inputs(stage)
        ]
        return [self._stage[key] for key in sorted(keys, key=self._priority)]

    @property
    def width(self) -> int:
        """How many pending stages could run at once at most, by their depth in the plan."""
        depth: dict[str, int] = {}
        for stage in self._stage.values():
            below = [depth.get(self.identities[needed], 0) for needed in stage.inputs.values()]
            key = self.identities[stage]
            if key not in self._done:
                depth[key] = 1 + max(below, default=0)
        levels = list(depth.values())
        return max((levels.count(level) for level in set(levels)), default=0)

    def take(self) -> Stage:
        """The next stage, now running."""
        stage = self.ready[0]
        self._running.add(self.identities[stage])
        return stage

    def done(self, stage: Stage) -> None:
        """A running stage is finished."""
        key = self.identities[stage]
        self._running.discard(key)
        self._remade.discard(key)
        self._done.add(key)

    def retry(self, stage: Stage) -> bool:
        """Put a running stage back; False when that was done before."""
        key = self.identities[stage]
        self._running.discard(key)
        if key in self._retried:
            return False
        self._retried.add(key)
        return True

    def again(self, reader: Stage, damaged: str) -> Stage:
        """Put a running stage back because one of its inputs is damaged and must be made first.

        Raises:
            WardianError: The same input was damaged again and again.
        """
        self._running.discard(self.identities[reader])
        self._damaged[damaged] += 1
        if self._damaged[damaged] > 2 * len(self._stage):
            raise WardianError(f"{self._stage[damaged].name} is damaged whenever it is read")
        if damaged not in self._running:
            self._done.discard(damaged)
            self._remade.add(damaged)
        return self._stage[damaged]

    def is_remade(self, stage: Stage) -> bool:
        """Whether a reader found the stage's output damaged."""
        return self.identities[stage] in self._remade

    def _has_inputs(self, stage: Stage) -> bool:
        return all(self.identities[needed] in self._done for needed in stage.inputs.values())

    def _priority(self, key: str) -> tuple[float, int]:
        return -self._path[key], self._order[key]

    def _longest_paths(self, stages: Sequence[Stage]) -> dict[str, float]:
        """Expected seconds from the start of each stage to the end of the plan."""
        path: dict[str, float] = {}
        for stage in reversed(stages):
            key = self.identities[stage]
            path[key] = max(path.get(key, 0.0), stage.cost)
            for needed in stage.inputs.values():
                below = self.identities[needed]
                path[below] = max(path.get(below, 0.0), path[key] + needed.cost)
        return path
