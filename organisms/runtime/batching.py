"""Which rows run together: a pure function of the list of rows, never of time or of answers."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """What planning needs to know of one row."""

    group: str | None
    """Its adapter; rows of one adapter run together where they can."""
    alone: bool
    """Whether its group may share no batch with another."""
    length: int
    """Tokens of its prompt (or whole text)."""
    room: int
    """Tokens that may be added to it."""
    same: Hashable = 0
    """Rows with the same value read the same prompt; they are kept together."""


def order_of_entry(places: Sequence[Place]) -> list[int]:
    """Sort rows by adapter, then most tokens (room included) first, rows of one prompt together."""
    groups: dict[str | None, int] = {}
    sames: dict[Hashable, int] = {}
    for place in places:
        groups.setdefault(place.group, len(groups))
        sames.setdefault(place.same, len(sames))
    return sorted(
        range(len(places)),
        key=lambda index: (
            groups[places[index].group],
            -places[index].length - places[index].room,
            sames[places[index].same],
            index,
        ),
    )


def plan_batches(places: Sequence[Place], *, rows: int, tokens: int) -> list[list[int]]:
    """Cut rows, in their order of entry, into batches that are run one after the other.

    Args:
        places: One for each row.
        rows: Most rows in a batch.
        tokens: Most tokens in a batch, padding and room included; a single row may exceed it.

    Returns:
        Batches of indices into ``places``; every index is in exactly one.
    """
    batches: list[list[int]] = []
    longest = room = 0
    for index in order_of_entry(places):
        place = places[index]
        batch = batches[-1] if batches else []
        longest, room = max(longest, place.length), max(room, place.room)
        previous = places[batch[-1]] if batch else None
        apart = (
            previous is not None
            and previous.group != place.group
            and (previous.alone or place.alone)
        )
        too_big = len(batch) >= rows or (len(batch) + 1) * (longest + room) > tokens
        if not batch or apart or too_big:
            batches.append([index])
            longest, room = place.length, place.room
        else:
            batch.append(index)
    return batches
