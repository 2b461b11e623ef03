"""Capability: questions with one right answer, checked exactly; did fine-tuning break the model?"""

from __future__ import annotations

from inspect_ai import Task, task

from evals.judges import EXACT
from evals.judges.exact_answers import READER_VERSION
from evals.questions import Edition, Split, load_questions
from evals.scoring import capability_judge
from evals.tasks.asking import ask, config, dataset, own_judge


@task(name="evals/capability")
def capability(
    skill: str = "",
    edition: Edition = "pocket",
    split: Split = "report",
    count: int = 48,
    samples: int = 1,
    judge: str = "",
    system: str = "",
    seed: int = 0,
) -> Task:
    """Rate of right answers, over all and a skill, clustered by topic.

    Args:
        skill: of pocket: maths, facts or instructions; of the general edition arithmetic, facts,
            reading (a short text with a question) or instructions (demands on length, words, case,
            JSON, ... that a program checks). All in turn when empty.
        edition: `pocket`, or `general` for real models.
        split: topics: extract, dev or report.
        count: questions at most.
        samples: answers a question.
        judge: `pocket`, or `exact` for the general edition, each the default of its own; neither
            needs a model.
        system: system prompt; none when empty.
        seed: of the questions and the sampling.
    """
    questions = load_questions(
        "capability", edition=edition, split=split, domain=skill, count=count, seed=seed
    )
    judge = own_judge(judge, edition, EXACT)
    return Task(
        dataset=dataset("capability", questions, samples, system),
        solver=ask(seed),
        scorer=capability_judge(judge, sorted({each.domain for each in questions})),
        config=config(edition),
        version=READER_VERSION,
    )
