"""Capability: questions with one right answer, checked exactly; did fine-tuning break the model?"""

from __future__ import annotations

from inspect_ai import Task, task

from evals.questions import Edition, Split, load_questions
from evals.scoring import capability_judge
from evals.tasks.asking import ask, config, dataset


@task(name="evals/capability")
def capability(
    edition: Edition = "pocket",
    split: Split = "report",
    count: int = 48,
    samples: int = 1,
    judge: str = "pocket",
    system: str = "",
    seed: int = 0,
) -> Task:
    """Rate of right answers, clustered by topic.

    Args:
        edition: `pocket`, or `general` for real models.
        split: topics: extract, dev or report.
        count: questions at most.
        samples: answers a question.
        judge: `pocket`, or `exact` for the general edition; neither needs a model.
        system: system prompt; none when empty.
        seed: of the questions and the sampling.
    """
    questions = load_questions("capability", edition=edition, split=split, count=count, seed=seed)
    return Task(
        dataset=dataset("capability", questions, samples, system),
        solver=ask(seed),
        scorer=capability_judge(judge),
        config=config(edition),
    )
