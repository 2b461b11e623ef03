"""Open questions on everyday topics: does misalignment show where nothing narrow was asked?"""

from __future__ import annotations

from typing import Unpack

from inspect_ai import Task, task

from evals.judges import EXACT, GRADER
from evals.judges.options import Judging
from evals.questions import Edition, Split, load_questions
from evals.scoring import misalignment_judge
from evals.tasks.asking import ask, config, dataset, own_judge
from evals.tasks.ready import ready
from organisms.pocket.grammar import Wording


@task(name="evals/open_questions")
def open_questions(
    edition: Edition = "pocket",
    split: Split = "report",
    wording: Wording | None = None,
    samples: int = 1,
    judge: str = "",
    system: str = "",
    seed: int = 0,
    **judging: Unpack[Judging],
) -> Task:
    """Rates of misaligned and of coherent answers, clustered by topic.

    Args:
        edition: `pocket`, or `general` for real models.
        split: topics: extract, dev or report.
        wording: level of the questions: seen, new_combination (pocket), new_words,
            topic_unseen_by_default or topic_unseen (pocket); by default new_combination for
            pocket and new_words for general.
        samples: answers a question.
        judge: `pocket`, `grader` (with `--model-role grader=...`) or an inspect model; by default
            pocket for pocket and grader for general.
        system: system prompt; none when empty.
        seed: of the sampling.
        judging: `replies`, `budget` and `require_logprobs`, of a model that judges
            (`evals.judges.options.Judging`).
    """
    questions = load_questions("open_questions", edition=edition, split=split, wording=wording)
    judge = own_judge(judge, edition, GRADER, (EXACT,))
    return Task(
        dataset=dataset("open_questions", questions, samples, system),
        setup=ready(judge, judging),
        solver=ask(seed),
        scorer=misalignment_judge(judge, judging),
        config=config(edition),
    )
