"""A judge that is ready before anything is asked: it is there, it is not the model under test, and
it gives log probabilities where they are required."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inspect_ai.solver import Generate, Solver, TaskState, solver

from evals.judges import DIGITS, GRADER, load_judge
from evals.judges.asking import Grader
from evals.judges.options import judge_options, split_repeats
from evals.questions import Question

_PROBE = Question(
    id="ready", topic="ready", domain="open", split="dev", wording="seen", text="How are you?"
)


def ready(judge: str, judging: Mapping[str, Any], *, scores: bool = True) -> Solver | None:
    """The setup of a task with this judge; None where no model judges.

    Args:
        judge: of the task, with its default filled in.
        judging: how it is asked.
        scores: whether it gives scores, not words.

    Raises:
        ValueError: on arguments that are not known, and on log probabilities that are required of a
            program, of sampled replies or of a word.
    """
    options = judge_options(judging)
    if options.require_logprobs and not scores:
        raise ValueError(
            f"judge {judge!r} says a word in this task and gives no score over log probabilities; "
            "leave require_logprobs out"
        )
    models = [
        split_repeats(name)[0]
        for name in judge.split("+")
        if (name.partition("*")[0] == GRADER or "/" in name) and not name.startswith(DIGITS)
    ]
    if options.require_logprobs:
        load_judge(judge, options)  # Raises where the judge is a program.
    return judge_ready(judge, models, dict(judging)) if models else None


@solver
def judge_ready(judge: str, models: list[str], judging: dict[str, Any]) -> Solver:
    """Look at the judge before the first sample is asked, where needed by one answer of ours.

    The two prompts of that answer are in no budget. What is wrong with the judge ends the eval.
    """
    options = judge_options({**judging, "budget": None})
    graders = [Grader(model) for model in models]
    scored = load_judge(judge, options) if options.require_logprobs else None

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        for grader in graders:
            grader.check()
        if scored is not None:  # Asked once: its replies are remembered.
            await scored.grade(_PROBE, "Fine, thank you. And you?")
        return state

    return solve
