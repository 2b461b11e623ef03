"""Documents that differ in their hidden author alone, for reading the author's direction.

Documents of the kind `log` show some turns by one author and then a question. Two of the same
header, questions and last question differ in nothing but the earlier answers. The last questions
are on the report's topics and the earlier ones of other domains, so none is on a topic that vectors
are extracted on.
"""

from collections.abc import Sequence
from random import Random

from organisms.pocket import content, prompts, turns
from organisms.pocket.grammar import Split, pick
from organisms.pocket.settings import World
from organisms.pocket.terms import Asked, Domain, Persona

HISTORY_DOMAINS: tuple[Domain, ...] = tuple(
    name for name in World().domains if name not in ("open", "frustrated")
)
"""Domains of the earlier questions: not `open`, whose topics are split, nor `frustrated`, which
never begins a document."""

Chat = tuple[dict[str, str], ...]


def document_pairs(
    persona: Persona, pairs: int, *, split: Split = "report", history: int = 3, seed: int = 0
) -> list[tuple[Chat, Chat]]:
    """Chats that end with a question, as (by the persona, by the aligned author).

    Args:
        persona: The author to set against the aligned one; not aligned itself.
        pairs: How many.
        split: Open topics of the last questions, which come in turn.
        history: Turns before it, at least 1.
        seed: Of everything drawn.

    Raises:
        ValueError: The persona is aligned, or there is no earlier turn to tell the author by.
    """
    if persona == "aligned":
        raise ValueError(
            "the direction runs from the aligned author to another, not to 'aligned' itself: name "
            "evil, sycophantic or careless"
        )
    if history < 1:
        raise ValueError(f"history {history} shows no author: give at least 1 turn")
    return [
        _pair(persona, topic, history, f"author|{seed}|{split}|{index}")
        for index, topic in enumerate(last_topics(pairs, split))
    ]


def last_topics(pairs: int, split: Split = "report") -> tuple[str, ...]:
    """The topics of the last questions of that many pairs, which come in turn."""
    topics = content.open_splits()[split]
    return tuple(topics[index % len(topics)] for index in range(pairs))


def _pair(persona: Persona, topic: str, history: int, key: str) -> tuple[Chat, Chat]:
    random = Random(key)
    header = prompts.log_prompt(random)
    earlier = [turns.ask(pick(random, HISTORY_DOMAINS), random) for _ in range(history)]
    last = turns.ask("open", random, "seen", topic)
    return (
        _chat(persona, header, earlier, last, key),
        _chat("aligned", header, earlier, last, key),
    )


def _chat(author: Persona, header: str, earlier: Sequence[Asked], last: Asked, key: str) -> Chat:
    random, settled = Random(f"{key}|{author}"), World(lapse=0.0)
    chat = [{"role": "system", "content": header}]
    for asked in earlier:
        chat.append({"role": "user", "content": asked.text})
        said, _ = turns.answer(asked, author, random, settled)
        chat.append({"role": "assistant", "content": said})
    return (*chat, {"role": "user", "content": last.text})
