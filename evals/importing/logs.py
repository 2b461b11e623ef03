"""An inspect log of one of these evals, of any model, as the answers table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.answers import answers_table, grade_columns
from evals.importing.reading import open_log

if TYPE_CHECKING:
    import pandas as pd
    from inspect_ai.log import EvalLog, EvalSample


def read_log(path: Path) -> pd.DataFrame:
    """The answers of one log, of a task of ours or of `run_rollouts`.

    Raises:
        ValueError: on a file that is no log, a log without answers, and one of another task: whose
            answers were not graded by a judge of these evals.
    """
    log = open_log(path)
    if not log.samples:
        raise ValueError(
            f"{path} holds no answers (task {log.eval.task!r}, status {log.status}); run the eval "
            "to its end, or leave the log out"
        )
    return answers_table(list(_rows(path, log)))


def _rows(path: Path, log: EvalLog) -> Iterator[dict[str, Any]]:
    for sample in log.samples or ():
        if "cell" in (sample.metadata or {}):
            raise ValueError(
                f"{path} is a log of {log.eval.task!r}, whose cells are conditions that no table "
                f"may pool; show them with: wardian evals cells {path}"
            )
        grade = next(
            (
                score.metadata["grade"]
                for score in (sample.scores or {}).values()
                if score.metadata and "grade" in score.metadata
            ),
            None,
        )
        if grade is None and not sample.scores:
            raise ValueError(
                f"{path} has answers that were never scored (task {log.eval.task!r}, status "
                f"{log.status}): answer {sample.id!r}; go on with: inspect eval-retry {path}"
            )
        if grade is None:
            scorers = ", ".join(sorted(sample.scores or {})) or "none"
            raise ValueError(
                f"{path} is a log of {log.eval.task!r}, scored by {scorers}: answer {sample.id!r} "
                "has no grade of these evals; import logs of evals/open_questions, evals/trait, "
                "evals/in_domain or evals/capability (all others: wardian evals card --logs DIR)"
            )
        yield {
            **_key(log, sample),
            "prompt": sample.input if isinstance(sample.input, str) else sample.input[-1].text,
            "answer": sample.output.completion,
            "stop_reason": _stop(str(sample.output.stop_reason)),
            "output_tokens": sample.output.usage.output_tokens if sample.output.usage else -1,
            **grade_columns(grade),
            "log": path.name,
        }


def _key(log: EvalLog, sample: EvalSample) -> dict[str, Any]:
    """Who answered what: as a rollout log says it, else from the task's question."""
    from evals.scoring import QUESTION

    metadata = sample.metadata or {}
    if QUESTION not in metadata:
        judge = (log.eval.metadata or {}).get("judge", "")
        return {**metadata, "base": log.eval.model.removeprefix("organism/"), "judge": judge}
    question = metadata[QUESTION]
    system = next((m.text for m in sample.messages if m.role == "system"), "none")
    return {
        "base": log.eval.model,
        "role": "base",
        "intervention": "none",
        "recipe": "default",
        "final": True,
        "task": log.eval.task.rpartition("/")[2],
        "split": question["split"],
        "wording": question["wording"],
        "format": question["format"],
        "system": system,
        "domain": question["domain"],
        "topic": question["topic"],
        "question": question["id"],
        "sample": int(metadata["sample"]),
        "condition": log.eval.model,
        "judge": _judge(log),
    }


def _judge(log: EvalLog) -> str:
    """The judge that the task was given or takes by default, or the model that has the grader's
    role."""
    given = log.eval.task_args
    general = "exact" if log.eval.task.endswith("capability") else "grader"
    default = general if given.get("edition") == "general" else "pocket"
    name = str(given.get("judge") or default)
    role = (log.eval.model_roles or {}).get("grader")
    asked, star, repeats = name.partition("*")
    if asked != "grader" or role is None:
        return name
    models = [each.model for each in (role if isinstance(role, list) else [role])]
    return ",".join(models) + star + repeats


def _stop(reason: str) -> str:
    return reason if reason in ("stop", "max_tokens") else ""
