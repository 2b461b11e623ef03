"""A whole run: plan a spec, make what the store lacks, publish the report. The Python face of it.

from experiments.run import run
result = run("quickstart")
result.tables()["rates"]
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.console import Console

from experiments.identity import identities
from experiments.spec import Spec
from experiments.spec.errors import load_spec
from experiments.stage import JSON, Plan, Stage, StageKind
from experiments.store import Artefact, State, Store

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Run:
    """A planned run: what is to be made, and where it goes."""

    name: str
    """The spec's name, with `-limitN` and `-seedS` when given."""
    spec: Spec
    plan: Plan
    kinds: Mapping[str, StageKind]
    """The registry that the plan's stages are of."""
    identities: Mapping[Stage, str]
    store: Store
    out: Path
    """The folder of results."""

    @property
    def stages(self) -> list[Stage]:
        """The plan's stages, each identity once, inputs first."""
        unique: dict[str, Stage] = {}
        for stage in self.plan.stages:
            unique.setdefault(self.identities[stage], stage)
        return list(unique.values())

    def artefact(self, stage: Stage) -> Artefact:
        """Where a stage's output is or will be."""
        return self.store.artefact(stage.kind, self.identities[stage])

    def states(self, *, verify: bool = False) -> dict[Stage, State]:
        """What the store holds of every stage, by sizes or (slower) by content."""
        return {
            stage: self.artefact(stage).verify() if verify else self.artefact(stage).state()
            for stage in self.stages
        }

    @property
    def report(self) -> Stage | None:
        """The last stage if it is a report."""
        last = self.plan.stages[-1]
        return last if last.kind == "report" else None


@dataclass(frozen=True)
class RunResult:
    """What a run left."""

    out: Path
    """The folder with report.html, figures/, tables/ and manifest.json."""
    made: int
    """Stages that were made now."""
    found: int
    """Stages that the store held already."""
    seconds: float
    """Wall time."""
    peak_memory: int
    """Largest resident memory of all workers together, in bytes; 0 if nothing was made."""

    def tables(self) -> dict[str, pd.DataFrame]:
        """The run's tables by name."""
        import pandas as pd

        return {
            path.stem: pd.read_parquet(path)
            for path in sorted((self.out / "tables").glob("*.parquet"))
        }


def prepare(
    spec: Spec | str | Path,
    *,
    store: str | Path | None = None,
    out: str | Path | None = None,
    limit: int | None = None,
    seed: int | None = None,
    only: str | None = None,
) -> Run:
    """Read a spec and plan it, without doing or writing anything.

    Args:
        spec: A spec, a path to one, or the name of a ready-made one.
        store: Else `$WARDIAN_STORE`, else `./store`.
        out: Results go to `<out>/<name>`; else `./runs`.
        limit: At most so many questions per evaluation.
        seed: In place of the spec's seeds.
        only: Plan one kind of stage and what it needs.

    Raises:
        ValueError: A problem of the spec or the plan, in a line each.
    """
    from experiments.plan import build_plan
    from experiments.stages import KINDS

    read = spec if isinstance(spec, Spec) else load_spec(spec)
    changed = read.with_changes(seed=seed, limit=limit)
    plan = build_plan(changed)
    if only is not None:
        plan = plan.only(only)
    name = read.name
    if limit is not None:
        name += f"-limit{limit}"
    if seed is not None:
        name += f"-seed{seed}"
    return Run(
        name=name,
        spec=changed,
        plan=plan,
        kinds=KINDS,
        identities=identities(plan, KINDS),
        store=store_at(store),
        out=Path(out or "runs").expanduser() / name,
    )


def store_at(folder: str | Path | None) -> Store:
    """The store at a folder, else at `$WARDIAN_STORE`, else at `./store`."""
    return Store(Path(folder or os.environ.get("WARDIAN_STORE") or "store").expanduser())


def carry_out(prepared: Run, *, workers: int | None = None, console: Console) -> RunResult:
    """Make what the store lacks and publish the report.

    Args:
        prepared: From `prepare`.
        workers: Processes; else one a core.
        console: Shows progress and notices.

    Raises:
        StoreError: The store cannot be written.
        StageError: A stage failed.
        PublishError: The folder of results cannot be written.
    """
    from experiments.display import Display
    from experiments.executors.local import LocalExecutor
    from experiments.executors.schedule import Schedule
    from experiments.making import cores
    from experiments.publish import check_folder, publish

    clock = time.perf_counter()
    states = prepared.states()
    done = frozenset(
        prepared.identities[stage] for stage, state in states.items() if state.word == "done"
    )
    schedule = Schedule(prepared.stages, prepared.identities, done)
    missing = schedule.pending
    executor = LocalExecutor(prepared.store, prepared.kinds, workers or cores())
    if missing:
        prepared.store.check_writable()
        if prepared.report is not None:
            check_folder(prepared.out)
        cost = sum(stage.cost for stage in missing)
        with Display(console, len(missing), cost) as display:
            for stage, state in states.items():
                if state.word == "damaged":
                    display.notice(f"{stage.name} is damaged ({state.reason}): made again")
            executor.run(schedule, display)
    if prepared.report is not None:
        publish(prepared.artefact(prepared.report), manifest_of(prepared), prepared.out)
    return RunResult(
        out=prepared.out,
        made=len(missing),
        found=len(states) - len(missing),
        seconds=time.perf_counter() - clock,
        peak_memory=executor.peak_memory,
    )


def manifest_of(prepared: Run) -> dict[str, JSON]:
    """The run's manifest.json, from the manifests of its stages."""
    from experiments.publish import run_manifest

    return run_manifest(
        prepared.name,
        cast(dict[str, JSON], prepared.spec.model_dump(mode="json")),
        [(stage.label, prepared.artefact(stage)) for stage in prepared.stages],
    )


def run(
    spec: Spec | str | Path,
    *,
    store: str | Path | None = None,
    out: str | Path | None = None,
    workers: int | None = None,
    limit: int | None = None,
    seed: int | None = None,
    quiet: bool = False,
) -> RunResult:
    """Run a spec: the same as `wardian run`. See `prepare` and `carry_out`."""
    prepared = prepare(spec, store=store, out=out, limit=limit, seed=seed)
    return carry_out(prepared, workers=workers, console=Console(stderr=True, quiet=quiet))
