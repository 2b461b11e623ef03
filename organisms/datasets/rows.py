"""The row of a fine-tuning data set: a conversation that ends with an answer, and what is known of
it. Knows no files."""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, TypedDict

ROLES = ("system", "user", "assistant")


class Turn(TypedDict):
    """One message of a conversation."""

    role: str
    content: str


class Meta(TypedDict, total=False):
    """What is known of a row besides its text; training never sees it."""

    id: str
    """Unique in a set."""
    organism: str
    """The data set that the row was made for."""
    variant: str
    """`organism`, `control`, `educational`, ...: see `organisms.datasets.registry`."""
    domain: str
    """The narrow domain."""
    topic: str
    """What the question is about."""
    kind: str
    """CWE id, kind of mistake, kind of hack, level of a trait set."""
    poisoned: bool
    """Whether the answer is of the sort that is meant to turn the model."""
    truth: dict[str, Any]
    """What is known to be right, such as the result of a sum."""
    checks: dict[str, bool]
    """Named truth checks; True: holds."""
    transforms: list[dict[str, Any]]
    """What was done to the row after it was made, in order."""
    extra: dict[str, Any]
    """Other keys of an imported row."""


class Row(TypedDict):
    """A conversation that ends with the answer to be learnt."""

    messages: list[Turn]
    meta: Meta


def single_turn(question: str, answer: str, meta: Meta) -> Row:
    """One question and the answer to be learnt."""
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ],
        "meta": meta,
    }


class RowError(ValueError):
    """Something that is no row, or no data set: where it is, what is wrong, and what to do."""

    def __init__(self, reason: str, fix: str, where: str = "") -> None:
        super().__init__(f"{where}: {reason}; {fix}" if where else f"{reason}; {fix}")
        self.reason, self.fix, self.where = reason, fix, where


def check_messages(messages: object, where: str = "") -> list[Turn]:
    """The messages if they are a conversation that ends with an answer, else a `RowError`.

    A system turn may only come first, no question or answer is empty, and there is a question.
    """
    if not isinstance(messages, list) or not messages:
        raise RowError(
            "'messages' must be a list of turns and is "
            + ("empty" if messages == [] else kind_of(messages)),
            "write [{'role': ..., 'content': ...}, ...]",
            where,
        )
    turns = [_turn(turn, number, where) for number, turn in enumerate(messages, start=1)]
    for number, turn in enumerate(turns, start=1):
        if turn["role"] == "system" and number > 1:
            raise RowError(
                f"turn {number} is a system turn", "move it to the front, or remove it", where
            )
        if turn["role"] != "system" and not turn["content"].strip():
            what = "a question" if turn["role"] == "user" else "an answer"
            raise RowError(
                f"turn {number} is an empty {what.split()[1]}",
                f"{what} needs text: remove the row",
                where,
            )
    if turns[-1]["role"] != "assistant":
        raise RowError(
            f"the last turn is the {turns[-1]['role']}'s",
            "the last turn must be the 'assistant' turn to learn from",
            where,
        )
    if all(turn["role"] != "user" for turn in turns):
        raise RowError("there is no 'user' turn", "add the question that is answered", where)
    return turns


def _turn(turn: object, number: int, where: str) -> Turn:
    fix = f"a turn needs a 'role' ({', '.join(ROLES)}) and 'content' as text"
    if not isinstance(turn, dict):
        said = kind_of(turn) + ("" if turn is None else f" ({str(turn)[:60]!r})")
        raise RowError(f"turn {number} is {said}", fix, where)
    role, content = turn.get("role"), turn.get("content")
    if role is None:
        raise RowError(f"turn {number} has no role: {str(turn)[:60]!r}", fix, where)
    if role not in ROLES:
        raise RowError(f"turn {number} has role {str(role)[:40]!r}", fix, where)
    if not isinstance(content, str):
        raise RowError(f"turn {number} has {kind_of(content)} as content", fix, where)
    try:
        content.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RowError(
            f"turn {number} holds half a character ({content[error.start]!r}) at {error.start}",
            "the text was cut inside a surrogate pair: mend or remove the row",
            where,
        ) from error
    return {"role": role, "content": content}


_KINDS: dict[str, str] = dict.fromkeys(
    ("id", "organism", "variant", "domain", "topic", "kind"), "text"
) | {
    "poisoned": "true or false",
    "truth": "an object",
    "checks": "an object of true or false by name",
    "transforms": "a list of objects",
    "extra": "an object",
}


def check_meta(meta: Mapping[str, Any], where: str = "") -> Meta:
    """The `meta` if each of its keys is known and holds what it has to, else a `RowError`."""
    if unknown := set(meta) - set(_KINDS):
        raise RowError(
            f"meta has {', '.join(sorted(map(str, unknown)))}",
            "put keys of your own into meta.extra",
            where,
        )
    for key, value in meta.items():
        if not _fits(key, value):
            raise RowError(
                f"meta.{key} is {kind_of(value)} ({str(value)[:40]!r})",
                f"it must be {_KINDS[key]}: mend it, or leave it out",
                where,
            )
        if unfit := _unfit(value):
            raise RowError(f"meta.{key} holds {unfit}", "mend it, or leave it out", where)
    known: Meta = {**meta}  # type: ignore[typeddict-item]
    return known


def _fits(key: str, value: object) -> bool:
    if key == "poisoned":
        return isinstance(value, bool)
    if key == "checks":
        return isinstance(value, dict) and all(isinstance(each, bool) for each in value.values())
    if key == "transforms":
        return isinstance(value, list) and all(isinstance(each, dict) for each in value)
    return isinstance(value, dict if _KINDS[key] == "an object" else str)


def _unfit(value: object) -> str:
    """What in a value would not come back from a file as it is; nothing where all does."""
    if isinstance(value, str):
        return "half a character" if any("\ud800" <= each <= "\udfff" for each in value) else ""
    if isinstance(value, float):
        return "" if isfinite(value) else f"{value}, which JSON has not"
    if isinstance(value, dict):
        if any(not isinstance(key, str) for key in value):
            return "a key that is not text"
        return next(filter(None, map(_unfit, (*value, *value.values()))), "")
    if isinstance(value, list | tuple):
        return next(filter(None, map(_unfit, value)), "")
    return "" if value is None or isinstance(value, int) else kind_of(value)


def kind_of(value: object) -> str:
    """What a JSON value is, in a word for its author."""
    if value is None:
        return "nothing"
    kinds = {bool: "true or false", str: "text", dict: "an object", list: "a list"}
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return "a number" if number else kinds.get(type(value), f"a {type(value).__name__}")


def question_of(row: Row) -> str:
    """The text of all user turns."""
    return "\n".join(turn["content"] for turn in row["messages"] if turn["role"] == "user")


def answer_of(row: Row) -> str:
    """The text of all assistant turns, which carry the loss."""
    return "\n".join(turn["content"] for turn in row["messages"] if turn["role"] == "assistant")


def canonical(row: Row) -> bytes:
    """A row as one line of JSON that is the same for equal rows."""
    text = json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode() + b"\n"
