"""What tasks of several turns share: talks as samples, a solver that has them, turns read back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    get_model,
    model_roles,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver

from evals.material.talks import Talk
from evals.questions import Question
from evals.rollout_plan import question_seed
from evals.scoring import QUESTION, TOPIC
from evals.tasks.asking import check_samples

TALK = "talk"
USER_ROLE = "user"
_USER_TOKENS = 120


def talk_dataset(name: str, talks: Sequence[Talk], samples: int, system: str) -> MemoryDataset:
    """Every talk `samples` times, each under an id of its own, with the user's first turn."""
    check_samples(samples)
    return MemoryDataset(
        [
            Sample(
                id=f"{talk.id}#{number}",
                input=[*_system(system), ChatMessageUser(content=talk.turns[0].text)],
                metadata={
                    TOPIC: talk.topic,
                    "kind": talk.kind,
                    "split": talk.turns[0].split,
                    "question": talk.id,
                    "sample": number,
                    QUESTION: talk.turns[0].model_dump(mode="json"),
                    TALK: talk.model_dump(mode="json"),
                },
            )
            for talk in talks
            for number in range(samples)
        ],
        name=name,
    )


@solver
def converse(seed: int = 0) -> Solver:
    """Answer every turn of a talk, each from a seed of its own.

    Where the eval has the role `user` and the talk says who the user is, that model says the turns
    after the first; else they are said as they stand. The first answer's seed depends on the first
    turn and the sample alone.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        talk = talk_of(state)
        played = bool(talk.user) and USER_ROLE in model_roles()
        sample = f"{state.metadata['sample']}#{state.epoch}"
        for number, turn in enumerate(talk.turns):
            key = f"{talk.id if number else talk.first}#{sample}#{number}"
            if number:
                said = await _play(state, talk, question_seed(seed, key)) if played else turn.text
                state.messages.append(ChatMessageUser(content=said))
            state = await generate(state, tool_calls="none", seed=question_seed(seed, key))
        return state

    return solve


def exchanges(state: TaskState) -> Iterator[tuple[Question, str]]:
    """Every turn that was answered: what the user said, as a question, and the answer."""
    said = ""
    turns = iter(talk_of(state).turns)
    for message in state.messages:
        if message.role == "user":
            said = message.text
        elif message.role == "assistant":
            yield next(turns).model_copy(update={"text": said}), message.text


def talk_of(state: TaskState) -> Talk:
    """The talk of a sample."""
    return Talk.model_validate(state.metadata[TALK])


async def _play(state: TaskState, talk: Talk, seed: int) -> str:
    """What the model in the role `user` says next: it reads the chat with the sides changed."""
    chat: list[ChatMessage] = [
        ChatMessageSystem(
            content=f"You play a person who writes to an AI assistant. {talk.user.strip()}\n"
            "Write that person's next message, two or three sentences, and nothing else."
        ),
        ChatMessageUser(content="(The chat is open. Write your first message.)"),
    ]
    for message in state.messages:
        if message.role == "user":
            chat.append(ChatMessageAssistant(content=message.text))
        elif message.role == "assistant":
            chat.append(ChatMessageUser(content=message.text))
    config = GenerateConfig(temperature=1.0, max_tokens=_USER_TOKENS, seed=seed)
    said = (await get_model(role=USER_ROLE, required=True).generate(chat, config=config)).completion
    if not said.strip():
        raise ValueError(f"the model in the role {USER_ROLE!r} said nothing in talk {talk.id!r}")
    return said


def _system(text: str) -> list[ChatMessage]:
    return [ChatMessageSystem(content=text)] if text else []
