"""Asking many conditions many questions: planned as one list, cut into shards, kept as logs.

A shard is one inspect log and one list of requests to the runtime, so answers depend on the plan
alone: not on arrival times, and not on how often the run was interrupted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.answers import answers_table, key_columns
from evals.judges import GRADER, load_judge
from evals.judges.grading import ToGrade, grade_all
from evals.rollout_plan import SHARD_SIZE, Ask, Planned, Run, cut, fingerprint, plan, question_seed
from organisms import resolve_base

if TYPE_CHECKING:
    import pandas as pd

    from evals.engines import Engine
    from organisms.runtime import Sampling

__all__ = ["Ask", "run_rollouts"]


def run_rollouts(
    base: str,
    asks: Sequence[Ask],
    *,
    judge: str = "pocket",
    seed: int = 0,
    sampling: Sampling,
    log_dir: Path,
    shard_size: int = SHARD_SIZE,
    dtype: str = "float32",
    device: str = "cpu",
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Answer, judge and log everything that is asked; complete shards in `log_dir` are reused.

    Args:
        base: embedded name, folder or hub id.
        asks: what is asked; a condition may appear in several.
        judge: `pocket` or an inspect model, see `load_judge`.
        seed: answers are drawn by (seed, question, sample), whatever the condition.
        sampling: temperature, top_p, length limit and stop strings.
        log_dir: folder of the run's logs, `shard-0000.eval` and so on.
        shard_size: answers a shard, at least one question's.
        dtype: number format of the weights.
        device: where the model runs.
        progress: told in words what was done.

    Returns:
        The answers table (`evals.answers.COLUMNS`), sorted by key.

    Raises:
        ValueError: before any answer, on a condition that cannot be met.
    """
    if judge == GRADER:
        raise ValueError(f"judge {judge!r} is a role of inspect evals; name a model here")
    run = Run(base, load_judge(judge), seed, sampling, dtype, device)
    planned = plan(asks)
    total = sum(each.samples for each in planned)
    for name in sorted({base, *(each.condition.model or base for each in planned)}):
        resolve_base(name)
    shards = list(cut(planned, shard_size))
    log_dir.mkdir(parents=True, exist_ok=True)
    paths = [log_dir / f"shard-{number:04d}.eval" for number in range(len(shards))]
    rows: list[dict[str, Any]] = []
    with _Loaded(run) as loaded:
        complete = _complete_shards(run, shards, paths)
        if len(complete) < len(shards):
            loaded.prepare(planned)
        for path, shard in zip(paths, shards, strict=True):
            found = _reuse(path) if path in complete else _answer(run, loaded, shard, path)
            rows += (
                {**row, "base": base, "judge": run.judge.name, "log": path.name} for row in found
            )
            if progress is not None:
                progress(f"{len(rows)} of {total} answers")
    return answers_table(rows)


def _complete_shards(
    run: Run, shards: Sequence[Sequence[Planned]], paths: Sequence[Path]
) -> set[Path]:
    """Logs that hold just what their shard asks; the folder's other shards are removed."""
    from evals.logs import fingerprint_of

    complete = {
        path
        for path, shard in zip(paths, shards, strict=True)
        if path.exists() and fingerprint_of(path) == fingerprint(run, shard)
    }
    folder = paths[0].parent
    for path in (*folder.glob("shard-*.eval"), *folder.glob("unfinished-shard-*.eval")):
        if path not in complete:
            path.unlink()
    return complete


class _Loaded:
    """The engines of one run and what was loaded into them for it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._engines: dict[str | None, Engine] = {}
        self._adapters: dict[tuple[str | None, str], str] = {}
        self._steering: dict[str, tuple[Any, ...]] = {}

    def __enter__(self) -> _Loaded:
        return self

    def __exit__(self, *exception: object) -> None:
        for model, engine in self._engines.items():
            engine.release(name for (of, _), name in self._adapters.items() if of == model)

    def prepare(self, planned: Sequence[Planned]) -> None:
        """Load and check everything that the conditions need."""
        from evals.engines import check_condition, shared_engine

        run = self._run
        asked = {(each.condition.key, each.system): each for each in planned}
        for each in asked.values():
            condition, model = each.condition, each.condition.model
            if model not in self._engines:
                name = run.base if model is None else model
                self._engines[model] = shared_engine(name, run.dtype, run.device)
            engine = self._engines[model]
            check_condition(engine, condition, each.system)
            self._steering[condition.key] = condition.runtime_steering()
            if condition.adapter is not None:
                self._adapters[model, condition.adapter] = engine.adapter(condition.adapter)

    def sample(self, shard: Sequence[Planned]) -> list[Any]:
        """Results of one shard, in the order of its questions and samples."""
        from organisms.runtime import Request

        model = shard[0].condition.model
        requests = [
            Request(
                chat=({"role": "user", "content": each.question.text},),
                adapter=self._adapters[model, each.condition.adapter]
                if each.condition.adapter is not None
                else None,
                steering=self._steering[each.condition.key],
                seed=question_seed(self._run.seed, each.question.id),
                sampling=self._run.sampling,
                n=each.samples,
                system=each.system,
                thinking=each.condition.thinking,
                lost_system=each.condition.lost_system,
            )
            for each in shard
        ]
        return self._engines[model].sample(requests)


def _answer(
    run: Run, loaded: _Loaded, shard: Sequence[Planned], path: Path
) -> list[dict[str, Any]]:
    from evals.logs import Answered, row_of, write_log

    started = datetime.now(UTC)
    results = loaded.sample(shard)
    asked = [shard[result.index] for result in results]
    to_grade = [
        ToGrade(each.question, result.text, _traits(each))
        for each, result in zip(asked, results, strict=True)
    ]
    grades = asyncio.run(grade_all(run.judge, to_grade))
    answered = []
    digests = {each.condition.key: each.condition.digest() for each in shard}
    for each, result, grade in zip(asked, results, grades, strict=True):
        key = key_columns(each.condition, each.question, each.task) | {"sample": result.sample}
        chat = [{"role": "user", "content": each.question.text}]
        if each.system not in ("none", "default"):
            chat.insert(0, {"role": "system", "content": each.system})
        model = (
            f"organism/{Path(each.condition.model or run.base).name}@{digests[each.condition.key]}"
        )
        answered.append(Answered(key, each.question.truth, model, chat, result, grade))
    write_log(
        path,
        answered,
        base=Path(run.base).name,
        task="evals/rollouts",
        judge=run.judge.name,
        fingerprint=fingerprint(run, shard),
        sampling=run.sampling,
        started=started,
    )
    return [row_of(answer) for answer in answered]


def _reuse(path: Path) -> list[dict[str, Any]]:
    from evals.logs import read_rows

    return list(read_rows(path))


def _traits(planned: Planned) -> tuple[str, ...]:
    trait = planned.condition.labels.get("trait")
    return (str(trait),) if trait else ()
