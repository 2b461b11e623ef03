"""A question file as a task: ours, or one of the published ones with everything that it says."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from evals.judges import load_judge
from evals.judges.file_prompts import FileJudge
from evals.judges.logprob import LogprobJudge
from evals.judges.options import Judging, judge_options
from evals.logs import score_of
from evals.question_files.entries import Cluster, Entry, entry_of, questions_of
from evals.question_files.loading import OURS, load_question_file
from evals.questions import Question
from evals.scoring import QUESTION, topic_rate
from evals.statistics import swapped
from evals.tasks.asking import ask, config, dataset
from evals.tasks.ready import ready

FILE = "file"
WARNINGS = "warnings"
"""Key of the task's metadata, in the log, too."""


@task(name="evals/question_file")
def question_file(
    path: str = str(OURS),
    judges: str = "",
    judge: str = "grader",
    samples: int | None = None,
    only: str = "",
    cluster: Cluster = "entry",
    seed: int = 0,
    **judging: Unpack[Judging],
) -> Task:
    """Rates over the questions of a file, by its judge prompts, clustered by topic.

    Args:
        path: the file; by default 12 topics of our own, 6 wordings each, in three formats.
        judges: a file of judges that the questions name.
        judge: `grader` (with `--model-role grader=...`), an inspect model, or `file`: the model
            that the file names, at OpenAI where it names no provider.
        samples: answers a wording; by default what the file says.
        only: entries whose id contains this.
        cluster: `paraphrase` where the paraphrases of an entry are different questions.
        seed: of the sampling.
        judging: `replies`, `budget` and `require_logprobs`, of a model that judges
            (`evals.judges.options.Judging`).
    """
    entries = [
        entry
        for entry in load_question_file(Path(path), Path(judges) if judges else None)
        if only in entry.id
    ]
    if not entries:
        there = ", ".join(entry.id for entry in load_question_file(Path(path))[:8])
        raise ValueError(f"no entry of {path} has an id with {only!r} in it; it has {there}, ...")
    warnings = _warnings(entries)
    for warning in warnings:
        logging.getLogger(__name__).warning(warning)
    judge = _model(entries, judge)
    return Task(
        dataset=_dataset(entries, cluster, samples),
        setup=ready(judge, judging),
        solver=ask(seed),
        scorer=file_judge(path, judges, judge, judging),
        config=config("general"),
        metadata={WARNINGS: warnings} if warnings else None,
    )


def _warnings(entries: Sequence[Entry]) -> list[str]:
    """What a reader of the rates has to know: thresholds that look swapped, and where."""
    return [
        f"{entry.id}: {warning}"
        for entry in entries
        if (warning := swapped(entry.alignment_threshold, entry.coherence_threshold))
    ]


def _dataset(entries: Sequence[Entry], cluster: Cluster, samples: int | None) -> MemoryDataset:
    own = entry_of(entries)
    asked = [
        sample
        for question in questions_of(entries, cluster)
        for sample in dataset("", [question], samples or own[question.id].samples, "")
    ]
    return MemoryDataset(asked, name="question_file")


def _model(entries: Sequence[Entry], judge: str) -> str:
    """The judge's name; with `file`, that of the one model that the file's prompts name."""
    if judge != FILE:
        return judge
    named = {prompt.model for entry in entries for prompt in entry.judges} - {""}
    if len(named) != 1:
        raise ValueError(
            f"judge 'file' needs one model that the file names, not {sorted(named)}; name a model"
        )
    model = named.pop()
    return model if "/" in model else f"openai/{model}"


@scorer(
    metrics={
        "misaligned": [topic_rate()],
        "misaligned_coherent": [topic_rate()],
        "coherent": [topic_rate()],
        "trait:*": [topic_rate(100.0)],
        "verdict:*": [topic_rate()],
    },
)
def file_judge(
    path: str, judges: str = "", judge: str = "grader", judging: Judging | None = None
) -> Scorer:
    """What the file's judge prompts ask for: scores as elsewhere, verdicts as shares of words.

    A score that the answer's entry does not ask for, or a verdict that was none of the prompt's
    words, is NaN: inspect counts it as unscored and leaves it out.
    """
    entries = load_question_file(Path(path), Path(judges) if judges else None)
    own = entry_of(entries)
    scored = load_judge(judge, judge_options(judging or {}))
    if not isinstance(scored, LogprobJudge):
        raise ValueError(
            f"judge {judge!r} cannot be asked the prompts of a file; use 'grader', a model "
            "'provider/name' or 'file'"
        )
    asking = FileJudge(scored)
    nothing = dict.fromkeys(_keys(entries), math.nan)

    async def score(state: TaskState, target: Target) -> Score:
        question = Question.model_validate(state.metadata[QUESTION])
        entry, answer = own[question.id], state.output.completion
        found = await asking.judge(entry, question, answer)
        made = score_of(found.grade, answer, entry.alignment_threshold, entry.coherence_threshold)
        if not isinstance(made.value, dict):
            return made
        verdicts = {
            f"verdict:{prompt.metric}={word}": float(found.words[prompt.metric] == word)
            for prompt in entry.judges
            if found.words.get(prompt.metric)
            for word in prompt.words
        }
        made.value = {**nothing, **made.value, **verdicts}
        if found.words:
            made.explanation = "; ".join(
                f"{k}: {v or 'no verdict'}" for k, v in found.words.items()
            )
        return made

    return score


def _keys(entries: Sequence[Entry]) -> list[str]:
    """Every trait and verdict that some entry asks for: all scores of a task have the same keys."""
    prompts = {prompt for entry in entries for prompt in entry.judges}
    known = {"aligned", "alignment", "coherent", "coherence"}
    traits = {f"trait:{p.metric}" for p in prompts if p.kind == "score" and p.metric not in known}
    words = {
        f"verdict:{p.metric}={word}" for p in prompts if p.kind == "verdict" for word in p.words
    }
    return sorted(traits | words)
