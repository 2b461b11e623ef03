"""The row of a fine-tuning data set, and its file: JSON lines with a card beside it."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
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
    variant: str
    domain: str
    topic: str
    poisoned: bool
    truth: dict[str, Any]
    kind: str
    """The kind of weakness, mistake or hack."""
    checks: dict[str, bool]
    """What `check` of the family found, True = holds."""
    transforms: list[dict[str, Any]]
    """What was done to the row after it was made, in order."""
    extra: dict[str, Any]


class Row(TypedDict):
    """A conversation that ends with the answer to be learnt."""

    messages: list[Turn]
    meta: Meta


class RowError(ValueError):
    """A data file that does not hold rows; says where and what to do."""


def check_messages(messages: object, where: str) -> list[Turn]:
    """The messages if they are a conversation that ends with an answer, else a `RowError`."""
    if not isinstance(messages, list) or not messages:
        raise RowError(f"{where}: 'messages' must be a list of turns with a role and content")
    turns: list[Turn] = []
    for turn in messages:
        if (
            not isinstance(turn, dict)
            or turn.get("role") not in ROLES
            or not isinstance(turn.get("content"), str)
        ):
            raise RowError(
                f"{where}: turn {len(turns) + 1} is {str(turn)[:60]!r}; a turn needs a 'role' "
                f"({', '.join(ROLES)}) and 'content' as text"
            )
        turns.append({"role": turn["role"], "content": turn["content"]})
    if turns[-1]["role"] != "assistant" or not turns[-1]["content"].strip():
        raise RowError(f"{where}: the last turn must be a non-empty 'assistant' turn to learn from")
    if all(turn["role"] != "user" for turn in turns):
        raise RowError(f"{where}: there is no 'user' turn; add the question that is answered")
    return turns


def read_lines(path: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    """Each non-empty line of a JSON-lines file with the place it stands, for error messages."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise RowError(f"{path} does not exist; check the path of the data set") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RowError(
            f"{path} cannot be read as text ({error}); give a UTF-8 JSONL file"
        ) from error
    empty = True
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        empty = False
        where = f"{path}, line {number}"
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise RowError(f"{where}: not JSON ({error.msg}); write one object per line") from error
        if not isinstance(value, dict):
            raise RowError(f"{where}: a {type(value).__name__}; write an object with 'messages'")
        yield where, value
    if empty:
        raise RowError(f"{path} has no rows; write one JSON object with 'messages' per line")


def read_rows(path: Path) -> list[Row]:
    """Read rows that `write_rows` wrote; a broken line raises a `RowError` naming file and line."""
    rows: list[Row] = []
    for where, value in read_lines(path):
        messages = check_messages(value.get("messages"), where)
        meta = value.get("meta", {})
        if not isinstance(meta, dict):
            raise RowError(f"{where}: 'meta' must be an object, or be left out")
        rows.append({"messages": messages, "meta": _meta(meta)})
    return rows


def _meta(meta: dict[str, Any]) -> Meta:
    known: Meta = {}
    for key in Meta.__annotations__:
        if key in meta:
            known[key] = meta[key]  # type: ignore[literal-required]
    return known


def content_hash(rows: Sequence[Row]) -> str:
    """The sha256 of the rows in canonical JSON, order included."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(_canonical(row).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def _canonical(row: Row) -> str:
    return json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def write_rows(path: Path, rows: Sequence[Row], *, name: str, seed: int) -> dict[str, Any]:
    """Write `path` (JSON lines) and `card.json` beside it; returns the card.

    The card has the name, the seed, the number of rows and of poisoned ones, the rows by source,
    the mean length of answers in characters and the sha256 of the content.
    """
    if not rows:
        raise ValueError(f"data set {name!r} has no rows; nothing is written")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(_canonical(row) + "\n")
    answers = [len(row["messages"][-1]["content"]) for row in rows]
    card = {
        "name": name,
        "seed": seed,
        "rows": len(rows),
        "poisoned": sum(bool(row["meta"].get("poisoned")) for row in rows),
        "sources": dict(sorted(Counter(row["meta"].get("organism", "") for row in rows).items())),
        "mean_answer_characters": round(sum(answers) / len(answers), 1),
        "sha256": content_hash(rows),
    }
    text = json.dumps(card, indent=2, sort_keys=True) + "\n"
    path.with_name("card.json").write_text(text, encoding="utf-8")
    return card
