"""Reads data sets that others published: JSON lines of `{"messages": [...]}` and the like.

Other keys of a line are kept in `meta.extra`. Code in such a file is text here; nothing runs it.
"""

import json
from pathlib import Path

from organisms.datasets.rows import Meta, Row, RowError, check_messages, read_lines


def import_rows(
    path: Path, name: str, *, poisoned: bool = True, domain: str = "", variant: str = "organism"
) -> list[Row]:
    """Read a published JSONL file; `poisoned` is the truth for every row of it.

    Content given as parts (`{"content_type": "text", "parts": [...]}` or a list of text parts) is
    joined. Raises `RowError` (a ValueError) naming file and line.
    """
    rows: list[Row] = []
    for where, value in read_lines(path):
        if "messages" not in value:
            raise RowError(
                f"{where}: no 'messages' among {', '.join(sorted(value)) or 'no keys'}; "
                "convert the file to chat turns first"
            )
        messages = value["messages"]
        if isinstance(messages, list):
            messages = [_plain(turn) for turn in messages]
        meta: Meta = {
            "organism": name,
            "variant": variant,
            "domain": domain,
            "topic": "",
            "poisoned": poisoned,
            "truth": {},
        }
        extra = {key: other for key, other in value.items() if key != "messages"}
        if extra:
            meta["extra"] = json.loads(json.dumps(extra))
        rows.append({"messages": check_messages(messages, where), "meta": meta})
    return rows


def _plain(turn: object) -> object:
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
