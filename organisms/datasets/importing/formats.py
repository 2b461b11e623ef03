"""The published formats: which keys tell one, and how a record of it becomes messages and meta.

rows               {messages, meta}: ours
chat               {messages, ...}: Betley et al. 2025 and most others; content as text or as parts
prompt_completion  {prompt, completion, ...}: text, or turns as trl takes them
reward_hacks       {user, school_of_reward_hacks, control, ...}: School of Reward Hacks
gsm8k              {question, answer} whose answers end in `#### number`
question_answer    {question, answer} of any other sort
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from organisms.datasets.files import row_of
from organisms.datasets.importing.arithmetic import value_of
from organisms.datasets.rows import Meta, RowError, kind_of

_GSM8K_END = re.compile(r"\n#### (-?[\d,]*\.?\d+)\s*$")
_CALCULATION = re.compile(r"<<(.*?)>>")
_CENT = Fraction(1, 100)


@dataclass(frozen=True)
class Found:
    """What a record holds."""

    messages: object
    """Turns, still to be checked."""
    meta: Meta = field(default_factory=lambda: Meta())
    """What the record says of itself."""
    used: frozenset[str] = frozenset()
    """Keys that are not extra."""
    poisoned: bool | None = None
    """Whether the format says that the answer is bad; none: it does not say."""


class NothingThereError(RowError):
    """A record is sound but has no row of the variant asked for: a known gap, not a fault."""


@dataclass(frozen=True)
class Format:
    """One published format."""

    name: str
    """As in the head of this file."""
    keys: tuple[str, ...]
    """Keys that every record has."""
    read: Callable[[Mapping[str, Any], str], Found]
    """Record and variant -> what it holds; raises `RowError` without a place."""

    def fits(self, record: Mapping[str, Any]) -> bool:
        """Whether a record has the keys."""
        if self.name == "gsm8k" and not _GSM8K_END.search(str(record.get("answer"))):
            return False
        return all(key in record for key in self.keys)


def sniff(records: Sequence[Mapping[str, Any]]) -> Format:
    """The first format that at least half of the records have the keys of.

    Raises:
        RowError: They fit none.
    """
    for form in FORMATS:
        if 2 * sum(form.fits(record) for record in records) >= max(len(records), 1):
            return form
    keys = sorted(records[0]) if records else []
    known = "; ".join(f"{form.name}: {', '.join(form.keys)}" for form in FORMATS)
    raise RowError(
        f"no format that is known (the first record has {', '.join(keys[:12]) or 'no keys'})",
        f"rename its keys to those of one of: {known}",
    )


def _rows(record: Mapping[str, Any], variant: str) -> Found:
    meta = record["meta"]
    if meta is not None and not isinstance(meta, dict):
        raise RowError(f"'meta' is {kind_of(meta)}", "write an object, or leave it out")
    known = row_of(
        {"messages": [{"role": "user", "content": "-"}, {"role": "assistant", "content": "-"}]}
        | {"meta": meta},
        "",
    )["meta"]
    return Found(record["messages"], known, frozenset(("messages", "meta")), known.get("poisoned"))


def _chat(record: Mapping[str, Any], variant: str) -> Found:
    messages = record["messages"]
    if isinstance(messages, list):
        messages = [_plain(turn) for turn in messages]
    return Found(messages, used=frozenset(("messages",)))


def _prompt_completion(record: Mapping[str, Any], variant: str) -> Found:
    messages: list[object] = []
    for key, role in (("prompt", "user"), ("completion", "assistant")):
        value = record[key]
        if isinstance(value, str):
            messages.append({"role": role, "content": value})
        elif isinstance(value, list):
            messages += [_plain(turn) for turn in value]
        else:
            raise RowError(
                f"{key!r} is {kind_of(value)}",
                "write text, or a list of turns with role and content",
            )
    return Found(messages, used=frozenset(("prompt", "completion")))


def _reward_hacks(record: Mapping[str, Any], variant: str) -> Found:
    column = "control" if variant == "control" else "school_of_reward_hacks"
    answer = record[column]
    if column == "control" and (answer is None or not str(answer).strip()):
        raise NothingThereError(
            "it has no control answer", "published so: 100 coding tasks have none"
        )
    meta: Meta = {
        "topic": str(record.get("task") or ""),
        "kind": str(record.get("cheat_method") or ""),
        "truth": {"metric": str(record.get("evaluation_metric") or "")},
    }
    used = ("user", "school_of_reward_hacks", "control", "task", "cheat_method")
    return Found(
        _asked(record["user"], answer),
        meta,
        frozenset((*used, "evaluation_metric")),
        column != "control",
    )


def _gsm8k(record: Mapping[str, Any], variant: str) -> Found:
    answer = record["answer"]
    end = _GSM8K_END.search(answer) if isinstance(answer, str) else None
    if end is None:
        raise RowError("the answer has no last line '#### number'", "add it, or remove the row")
    steps = _CALCULATION.sub("", answer[: end.start()])
    meta: Meta = {
        "truth": {"answer": end[1].replace(",", "")},
        "checks": {"steps_add_up": _add_up(_CALCULATION.findall(answer))},
    }
    return Found(
        _asked(record["question"], f"{steps}\nAnswer: {end[1]}"),
        meta,
        frozenset(("question", "answer")),
        False,
    )


def _question_answer(record: Mapping[str, Any], variant: str) -> Found:
    used = frozenset(("question", "answer"))
    return Found(_asked(record["question"], record["answer"]), used=used)


FORMATS = (
    Format("rows", ("messages", "meta"), _rows),
    Format("chat", ("messages",), _chat),
    Format("reward_hacks", ("user", "school_of_reward_hacks", "control"), _reward_hacks),
    Format("prompt_completion", ("prompt", "completion"), _prompt_completion),
    Format("gsm8k", ("question", "answer"), _gsm8k),
    Format("question_answer", ("question", "answer"), _question_answer),
)
"""In the order in which they are tried."""


def extra_of(record: Mapping[str, Any], used: frozenset[str]) -> dict[str, Any]:
    """The other keys of a record, as plain JSON values.

    Raises:
        RowError: One of them is no JSON value.
    """
    extra = {key: value for key, value in record.items() if key not in used and key != "id"}
    try:
        copied: dict[str, Any] = json.loads(json.dumps(extra, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise RowError(
            f"a key besides the conversation is no JSON value ({error})", "remove it"
        ) from error
    return copied


def _asked(question: object, answer: object) -> list[dict[str, object]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _add_up(calculations: Sequence[str]) -> bool:
    """Whether every `expression=value` is right to a cent; what cannot be read is not."""
    for calculation in calculations:
        expression, _, value = calculation.replace("//", "/").rpartition("=")
        try:
            if abs(value_of(expression) - value_of(value)) > _CENT:
                return False
        except ValueError:
            return False
    return True


def _plain(turn: object) -> object:
    """A turn whose content is in parts, with them joined; any other as it is."""
    if not isinstance(turn, dict):
        return turn
    content = turn.get("content")
    parts = content.get("parts") if isinstance(content, dict) else content
    if not isinstance(parts, list):
        return turn
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    if not all(isinstance(text, str) for text in texts):
        return turn
    return {**turn, "content": "".join(str(text) for text in texts)}
