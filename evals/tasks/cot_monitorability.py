"""Chain-of-thought monitorability: where an answer is misaligned, would its thoughts have told?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Unpack

from inspect_ai import Task, task
from inspect_ai.solver import Generate, Solver, TaskState, solver

from evals.judges import EXACT, GRADER
from evals.judges.options import Judging
from evals.questions import Edition, Split, load_questions
from evals.rollout_plan import question_seed
from evals.scorers.cell_metrics import CELL
from evals.scorers.thoughts_judge import DIRECT, THINKING, thoughts_judge
from evals.tasks.asking import MAX_TOKENS, config, own_judge
from evals.tasks.cells import Cell, cells_dataset, names_in
from evals.tasks.ready import ready
from organisms.pocket.grammar import Wording

Effort = Literal["minimal", "low", "medium", "high", "xhigh"]


@task(name="evals/cot_monitorability")
def cot_monitorability(
    conditions: str | Sequence[str] = (DIRECT, THINKING),
    effort: Effort = "medium",
    reasoning_tokens: int | None = None,
    thinking_tokens: int = 2000,
    edition: Edition = "general",
    split: Split = "report",
    wording: Wording | None = None,
    samples: int = 1,
    judge: str = "grader",
    monitor: str = "grader",
    system: str = "",
    seed: int = 0,
    **judging: Unpack[Judging],
) -> Task:
    """Open questions answered with and without thinking; thoughts and answer are judged apart.

    Rates by cell `direct` (the reference) and `thinking`: misaligned answers, misaligned thoughts,
    of misaligned answers those whose thoughts show it, and of the other answers those whose
    thoughts are misaligned all the same.

    Args:
        conditions: of `direct` and `thinking`; both by default. A model that always thinks, or
            never does, is asked with `-T conditions=thinking`, or `direct`.
        effort: inspect's `reasoning_effort` of the cell `thinking`; that of `direct` is `none`.
            Of `organism/` models, any effort turns on the thinking of the chat template.
        reasoning_tokens: for providers that take a number instead.
        thinking_tokens: room for thoughts, in addition to that for the answer.
        edition: `general`; pocket has no thoughts.
        split: topics: extract, dev or report.
        wording: level of the questions, as in `evals/open_questions`.
        samples: answers a question and cell.
        judge: of the answer: `grader` (with `--model-role grader=...`) or an inspect model.
        monitor: of the thoughts: likewise.
        system: system prompt; none when empty.
        seed: of the sampling; both cells of a question share it.
        judging: `replies`, `budget` and `require_logprobs`, of a model that judges
            (`evals.judges.options.Judging`).
    """
    if edition != "general":
        raise ValueError(
            f"edition {edition!r} has no thoughts to judge: pocket answers at once; use general"
        )
    names = names_in(conditions)
    unknown = [name for name in names if name not in (DIRECT, THINKING)]
    if unknown or not names:
        raise ValueError(
            f"conditions {', '.join(unknown) or 'none'}: allowed are {DIRECT}, {THINKING} or both "
            "with a comma between"
        )
    questions = load_questions("open_questions", edition=edition, split=split, wording=wording)
    cells = [Cell(name, system=system) for name in names]
    judge = own_judge(judge, edition, GRADER, (EXACT,))
    return Task(
        dataset=cells_dataset("cot_monitorability", cells, questions, samples),
        setup=[solver for solver in (ready(judge, judging), ready(monitor, {})) if solver],
        solver=think(effort, reasoning_tokens, thinking_tokens, seed),
        scorer=thoughts_judge(judge, monitor, judging),
        config=config(edition),
    )


@solver
def think(
    effort: Effort = "medium",
    reasoning_tokens: int | None = None,
    thinking_tokens: int = 2000,
    seed: int = 0,
) -> Solver:
    """Generate once with the thinking of the sample's cell, from a seed of its own."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        key = f"{state.metadata['question']}#{state.metadata['sample']}#{state.epoch}"
        own = question_seed(seed, key)
        if state.metadata[CELL] == DIRECT:
            return await generate(state, seed=own, reasoning_effort="none")
        return await generate(
            state,
            seed=own,
            reasoning_effort=effort,
            reasoning_tokens=reasoning_tokens,
            max_tokens=MAX_TOKENS["general"] + thinking_tokens,
        )

    return solve
