"""Where a conversation stands along persona vectors, turn by turn: before each answer (the last
prompt token, from which what will be said can be told), and in the answer itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from persona_vectors.projection import project
from persona_vectors.reading import CHUNK
from persona_vectors.vector import PersonaVector

if TYPE_CHECKING:
    from organisms.runtime import Message, Organism, Transcript


Conversation = Sequence[Mapping[str, object]]
"""Turns with a role (system first, then user and assistant) and a content."""


def follow(
    organism: Organism,
    conversations: Sequence[Conversation],
    vectors: Sequence[PersonaVector],
    layer: int,
    *,
    positions: Sequence[str] = ("last_prompt", "response_mean"),
    adapter: str | None = None,
    batch_size: int = 64,
) -> pd.DataFrame:
    """The projection of every turn of the assistant along every vector at one layer.

    Args:
        organism: the loaded base.
        conversations: each is read up to and with each of its answers; one that ends with the
            user's turn is read before the answer that is to come, too.
        vectors: one a trait.
        layer: k.
        positions: where; the activation and the vector are both taken there.
        adapter: name of the loaded adapter that reads them; None is the base.
        batch_size: texts read at a time.

    Returns:
        One row a turn, trait and position: conversation and turn (numbers from 0), trait, layer,
        position, projection in residual units; NaN for `response_mean` where no answer is there.

    Raises:
        ValueError: a conversation has no user turn before its first answer, or a vector does not
            fit the base.
    """
    for vector in vectors:
        vector.check(
            f"the {vector.trait!r} vector",
            width=organism.width,
            number_of_layers=organism.number_of_layers,
        )
    directions_K_P_D = np.stack(
        [[vector.at(layer, position) for position in positions] for vector in vectors]
    )
    turns = [
        (number, turn, text)
        for number, conversation in enumerate(conversations)
        for turn, text in enumerate(_turns(conversation, number, adapter))
    ]
    tables = []
    for start in range(0, len(turns), CHUNK):
        part = turns[start : start + CHUNK]
        texts = [text for _, _, text in part]
        read_N_P_D = organism.capture(texts, (layer,), positions, batch_size=batch_size)[:, :, 0]
        projected_N_K_P = project(read_N_P_D[:, None], directions_K_P_D)
        tables += [
            {
                "conversation": number,
                "turn": turn,
                "trait": vector.trait,
                "layer": layer,
                "position": position,
                "projection": float(row[k, p]),
            }
            for (number, turn, _), row in zip(part, projected_N_K_P, strict=True)
            for k, vector in enumerate(vectors)
            for p, position in enumerate(positions)
        ]
    return pd.DataFrame(tables)


def _turns(conversation: Conversation, number: int, adapter: str | None) -> Iterator[Transcript]:
    """A transcript for each answer, and for the one that is to come."""
    from organisms.runtime import Transcript

    system = "none"
    chat: list[Message] = []
    for turn in conversation:
        role, content = str(turn["role"]), str(turn["content"])
        if role == "system":
            system = content
            continue
        if role == "assistant":
            if not chat or chat[-1]["role"] != "user":
                raise ValueError(
                    f"conversation {number}: an answer follows no user turn; give turns that "
                    "alternate, the user's first"
                )
            yield Transcript(tuple(chat), content or None, adapter, system)
        chat.append({"role": role, "content": content})
    if chat and chat[-1]["role"] == "user":
        yield Transcript(tuple(chat), None, adapter, system)
