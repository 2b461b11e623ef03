"""What all tasks share: questions as inspect samples, and a solver that seeds every sample."""

from __future__ import annotations

from collections.abc import Sequence

from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser, GenerateConfig
from inspect_ai.solver import Generate, Solver, TaskState, solver

from evals.judges import POCKET
from evals.questions import Edition, Question
from evals.rollout_plan import question_seed
from evals.scoring import QUESTION, TOPIC

MAX_TOKENS = {"pocket": 64, "general": 600}
"""Length limit by edition, unless the command line sets another."""


def dataset(name: str, questions: Sequence[Question], samples: int, system: str) -> MemoryDataset:
    """Every question `samples` times, each under an id of its own.

    Copies rather than inspect's epochs: epochs average scores before a metric sees them, and a
    threshold on an average is not a rate.
    """
    check_samples(samples)
    return MemoryDataset(
        [
            Sample(
                id=f"{question.id}#{number}",
                input=_messages(question, system),
                metadata={
                    TOPIC: question.topic,
                    "domain": question.domain,
                    "split": question.split,
                    "wording": question.wording,
                    "format": question.format,
                    "question": question.id,
                    "sample": number,
                    QUESTION: question.model_dump(mode="json"),
                },
            )
            for question in questions
            for number in range(samples)
        ],
        name=name,
    )


def check_samples(samples: int) -> None:
    """Raise ValueError where nothing would be asked."""
    if samples < 1:
        raise ValueError(f"samples {samples} is not allowed: ask each question at least once")


@solver
def ask(seed: int = 0) -> Solver:
    """Generate once, from a seed that depends on the question and the sample alone."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        key = f"{state.metadata['question']}#{state.metadata['sample']}#{state.epoch}"
        return await generate(state, seed=question_seed(seed, key))

    return solve


def config(edition: str) -> GenerateConfig:
    """Plain sampling: temperature 1, no top_p, a stated length limit."""
    return GenerateConfig(temperature=1.0, top_p=1.0, max_tokens=MAX_TOKENS[edition])


def own_judge(judge: str, edition: Edition, general: str, barred: Sequence[str] = ()) -> str:
    """The judge of a task: the one named, else `pocket` for pocket and `general` for the other.

    Raises:
        ValueError: on pocket's grammar as a judge of real answers, and on a judge that the task
            bars, since it cannot tell what is asked.
    """
    found = judge or (POCKET if edition == "pocket" else general)
    if found in barred or (found == POCKET and edition != "pocket"):
        raise ValueError(
            f"judge {found!r} cannot judge this task's answers in edition {edition!r}; use "
            f"{general!r}, or an inspect model 'provider/name'"
        )
    return found


def _messages(question: Question, system: str) -> list[ChatMessage]:
    text = question.system if question.system is not None else system
    user = ChatMessageUser(content=question.text)
    return [ChatMessageSystem(content=text), user] if text else [user]
