"""What a stage of a run is: a kind of work, its frozen config, and the stages that it reads.

It knows neither the spec nor the store: a plan builds stages, the store keeps their outputs, an
executor runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

JSON: TypeAlias = (
    "bool | int | float | str | list[JSON] | tuple[JSON, ...] | Mapping[str, JSON] | None"
)

StageFunction: TypeAlias = Callable[
    [Mapping[str, JSON], Mapping[str, Path], Path, Callable[[str], None]], None
]
"""`run(config, inputs, out, progress)`: reads `inputs[name]` (folders), writes only inside `out`.

`out` may hold what an interrupted attempt left behind, so that a stage can resume. `progress` takes
one short line for the user ("step 40 of 80"). The manifest of an input, with its config, seed and
times, stands beside the input's folder: `inputs[name].parent / "manifest.json"`.
"""


class WardianError(RuntimeError):
    """A problem that a user can solve: its text is one line and names the fix."""


@dataclass(frozen=True)
class StageKind:
    """A registered kind of stage: which function does the work, and what identifies it."""

    function: str
    """`module:attribute` of a `StageFunction`; imported in a worker only."""
    version: int
    """Raised whenever the same config and inputs would give other outputs."""
    data_files: tuple[str, ...] = ()
    """Data files of ours that the work reads, as paths or globs below the folder that holds our
    packages (`organisms/pocket/world/*.yaml`); their content is part of the identity."""
    preload: tuple[str, ...] = ()
    """Slow modules that an idle worker may import ahead of time (`torch`, `transformers`)."""
    title: str = ""
    """A few words for `--dry-run` and `wardian ls`."""


@dataclass(frozen=True, eq=False)
class Stage:
    """One node of a plan. Two stages with the same identity are the same work and run once."""

    kind: str
    """A key of the registry of kinds (`experiments.stages.KINDS`)."""
    config: Mapping[str, JSON]
    """Plain JSON values: everything that decides the output, apart from inputs."""
    inputs: Mapping[str, Stage] = field(default_factory=dict)
    """The stages whose output folders the function is handed, by the name it knows them under."""
    label: str = ""
    """Shown to the user (`wrong_maths, seed 0`). Not part of the identity."""
    answers: int = 0
    """How many answers the stage logs. Not part of the identity."""
    cost: float = 1.0
    """Expected seconds, roughly: the longest path starts first. Not part of the identity."""
    sources: tuple[str, ...] = ()
    """Models, adapters and files from outside the store that the work reads: an embedded base, a
    path or a hub id. Their content (or resolved commit) is part of the identity."""

    @property
    def name(self) -> str:
        """`kind` or `kind (label)`, for messages."""
        return f"{self.kind} ({self.label})" if self.label else self.kind


@dataclass(frozen=True)
class Plan:
    """Stages in an order in which every stage stands after its inputs."""

    stages: tuple[Stage, ...]

    @classmethod
    def ending_in(cls, *targets: Stage) -> Plan:
        """The plan of `targets` and everything they need, each stage object once."""
        ordered: dict[Stage, None] = {}

        def visit(stage: Stage, above: tuple[Stage, ...]) -> None:
            if stage in ordered:
                return
            if stage in above:
                raise ValueError(f"stage {stage.name} needs its own output: a plan has no circles")
            for needed in stage.inputs.values():
                visit(needed, (*above, stage))
            ordered[stage] = None

        for target in targets:
            visit(target, ())
        return cls(stages=tuple(ordered))

    def only(self, kind: str) -> Plan:
        """The stages of one kind and what they need; `ValueError` when there are none."""
        targets = [stage for stage in self.stages if stage.kind == kind]
        if not targets:
            raise ValueError(
                f"the plan has no stage {kind!r}; it has: {', '.join(unique_kinds(self.stages))}"
            )
        return Plan.ending_in(*targets)

    @property
    def answers(self) -> int:
        """Answers logged by all stages together."""
        return sum(stage.answers for stage in self.stages)


def unique_kinds(stages: Iterable[Stage]) -> tuple[str, ...]:
    """The kinds that occur, each once, in order of first appearance."""
    return tuple(dict.fromkeys(stage.kind for stage in stages))
