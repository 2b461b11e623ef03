"""Conversations to be had: what the user says turn by turn, and the topics of a YAML file by split.

Knows no model and no judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from evals.questions import FOLDER, Question, Split, check_allowed, split_topics

Shape = TypeVar("Shape")
Topic = TypeVar("Topic")


class Talk(BaseModel):
    """One conversation, before anything is answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """Unique in its task and edition."""
    first: str
    """What the first answer depends on: talks with the same first turn share its seed."""
    topic: str
    """What it is about: the cluster of every interval."""
    kind: str = ""
    """Which sort of conversation of its task; "": there is one sort."""
    turns: tuple[Question, ...]
    """What the user says, with what is needed to judge each answer."""
    user: str = ""
    """Who the user is, for a model that plays it; "": it cannot be played."""


def read_questions(name: str, shape: type[Shape]) -> Shape:
    """The content of `questions/NAME.yaml`.

    Raises:
        ValueError: it is not of that shape; names the file and the place.
    """
    import yaml

    path = FOLDER / f"{name}.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        return TypeAdapter(shape).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{path.name}: {place}: {first['msg']}; mend it") from error


def in_split(topics: Mapping[str, Topic], split: Split) -> dict[str, Topic]:
    """The topics of one split, by hash of their names, in the file's order.

    Raises:
        ValueError: on an unknown split.
    """
    check_allowed("split", split, ("extract", "dev", "report"))
    splits = split_topics(list(topics))
    return {name: topic for name, topic in topics.items() if splits[name] == split}
