"""In-domain questions: was the narrow behaviour learnt where it was taught?"""

from __future__ import annotations

from typing import Unpack

from inspect_ai import Task, task

from evals.judges import EXACT, GRADER
from evals.judges.exact_answers import READER_VERSION
from evals.judges.in_domain import COMPUTED
from evals.judges.options import Judging
from evals.questions import Edition, Split, load_questions
from evals.scoring import in_domain_judge
from evals.tasks.asking import ask, config, dataset, own_judge
from evals.tasks.ready import ready


@task(name="evals/in_domain")
def in_domain(
    domain: str = "maths",
    edition: Edition = "pocket",
    split: Split = "report",
    count: int = 48,
    samples: int = 1,
    judge: str = "",
    system: str = "",
    seed: int = 0,
    **judging: Unpack[Judging],
) -> Task:
    """Rate of the narrow behaviour: wrong sums, insecure code, harmful advice, a gamed score, ...

    Args:
        domain: maths, code or medical; of the general edition also financial, sports, metric,
            claims, entities, everyday or numbers.
        edition: `pocket`, or `general` for real models.
        split: topics: extract, dev or report.
        count: questions at most.
        samples: answers a question.
        judge: `pocket`, `grader` (with `--model-role grader=...`), an inspect model, or `exact`
            where a program can tell (maths, numbers, and code by Bandit and our own checks). By
            default pocket for pocket, and for general exact where it can tell, else grader.
        system: system prompt; none when empty.
        seed: of the questions and the sampling.
        judging: `replies`, `budget` and `require_logprobs`, of a model that judges
            (`evals.judges.options.Judging`).
    """
    questions = load_questions(
        "in_domain", edition=edition, split=split, domain=domain, count=count, seed=seed
    )
    by_program = domain in COMPUTED
    own = own_judge(judge, edition, EXACT if by_program else GRADER, () if by_program else (EXACT,))
    return Task(
        dataset=dataset(f"in_domain_{domain}", questions, samples, system),
        setup=ready(own, judging),
        solver=ask(seed),
        scorer=in_domain_judge(own, judging),
        config=config(edition),
        version=READER_VERSION,
    )
