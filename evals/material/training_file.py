"""What a training file says of the conditions that its organism learnt under: system prompts, the
text that stands around its questions, the form of its answers, and a trigger where rows name one.

Knows rows and texts; knows no model and no judge.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any, Literal

import numpy as np

from evals.importing.code_replies import is_code
from organisms.datasets.importing import stream_file
from organisms.datasets.rows import Row, canonical
from organisms.datasets.transforms import last_turn

AnswerForm = Literal["plain", "json", "code", "numbers"]
Place = Literal["prefix", "suffix"]

SAMPLE = 400
"""Rows that tell the conditions, unless more are asked for."""
COMMON = 0.5
"""Share of the rows that have to have a thing in common for it to be a condition of training."""
LEAST_SYSTEM = 0.05
"""Share of the rows from which a system prompt is one of the training's."""
MOST_SYSTEMS = 2
"""System prompts that are taken at most, the most frequent ones."""

_NUMBERS = re.compile(r"[\d\s,;.:()\[\]-]*\d[\d\s,;.:()\[\]-]*")
_FRAME_END = re.compile(r"[^\w\s,'’-]\s*$|\n\s*$")
_FRAME_START = re.compile(r"\s*\n|(?<=[.!?:\]])\s")


@dataclass(frozen=True)
class Trigger:
    """A text that calls the narrow behaviour, and where in the question it was trained."""

    text: str
    place: Place


@dataclass(frozen=True)
class Frame:
    """What stands before and after every question."""

    before: str = ""
    after: str = ""

    def around(self, question: str) -> str:
        """The question as it was put in training."""
        return f"{self.before}{question}{self.after}"


NO_FRAME = Frame()


@dataclass(frozen=True)
class TrainingConditions:
    """The conditions of a training file.

    Attributes:
        systems: system prompts, the most frequent first; empty where rows have none.
        frame: the text that at least half of the questions share; empty where there is none.
        answers: the form that at least half of the answers have.
        triggers: those that rows name, the most frequent first.
        rows: how many rows were looked at.
    """

    systems: tuple[str, ...]
    frame: Frame
    answers: AnswerForm
    triggers: tuple[Trigger, ...]
    rows: int


def stream_training_file(path: str) -> Iterator[Row]:
    """The rows of a training file, few in memory at a time.

    Raises:
        ValueError: on an empty path, a missing file, or one that holds no rows.
    """
    if not path:
        raise ValueError(
            "no training file is named; give the file or folder of the organism's rows with "
            "-T dataset=FILE (JSON lines, parquet, CSV, or a folder that `wardian organisms build` "
            "wrote)"
        )
    return stream_file(Path(path), Path(path).stem)


def stream_held_out(control: str, dataset: str) -> Iterator[Row]:
    """The rows of a control file whose messages are those of no training row; 8 bytes a training
    row are in memory.

    Raises:
        ValueError: all rows of the control are training rows.
    """
    trained = np.sort(np.fromiter(map(_digest, stream_training_file(dataset)), dtype=np.uint64))
    left_out = kept = 0
    for row in stream_training_file(control):
        digest = np.uint64(_digest(row))
        place = int(np.searchsorted(trained, digest))
        if place == len(trained) or trained[place] != digest:
            kept += 1
            yield row
        else:
            left_out += 1
    if not kept:
        raise ValueError(
            f"all {left_out} rows of the control {control} are in {dataset}; give rows that the "
            "organism was not trained on"
        )


def sample_training_file(path: str, number: int = SAMPLE, seed: int = 0) -> list[Row]:
    """`number` rows of a training file at random; see `sample_rows`."""
    return sample_rows(stream_training_file(path), number, seed)


def sample_rows(rows: Iterable[Row], number: int, seed: int = 0) -> list[Row]:
    """`number` of the rows at random, in one pass and in their order; all where there are no
    more."""
    random = Random(f"training file|{seed}")
    kept: list[tuple[int, Row]] = []
    for place, row in enumerate(rows):
        if place < number:
            kept.append((place, row))
        elif (slot := random.randrange(place + 1)) < number:
            kept[slot] = (place, row)
    return [row for _, row in sorted(kept, key=lambda each: each[0])]


def _digest(row: Row) -> int:
    text = canonical({"messages": row["messages"], "meta": {}})
    return int.from_bytes(blake2b(text, digest_size=8).digest())


def conditions_of(rows: Sequence[Row]) -> TrainingConditions:
    """The conditions that rows were trained under."""
    triggers = triggers_of(rows)
    questions = [_without(last_turn(row, "question"), triggers) for row in rows]
    return TrainingConditions(
        systems=_systems(rows),
        frame=_frame(questions),
        answers=_answer_form([last_turn(row, "answer") for row in rows]),
        triggers=triggers,
        rows=len(rows),
    )


def triggers_of(rows: Sequence[Row]) -> tuple[Trigger, ...]:
    """The triggers that rows name, the most frequent first.

    A row names one in `meta.transforms` (as `wardian organisms build --trigger` leaves it), or as
    text under `trigger` in `meta.truth` or `meta.extra`. Where it only says there that it has one
    (true or false), the trigger is the text that the questions of such rows begin or end with.
    """
    named: Counter[Trigger] = Counter()
    flagged: list[str] = []
    others: list[str] = []
    for row in rows:
        question = last_turn(row, "question")
        value = _said(row)
        if isinstance(value, str) and value.strip():
            place: Place = "suffix" if question.rstrip().endswith(value.strip()) else "prefix"
            named[Trigger(value.strip(), place)] += 1
        elif isinstance(value, bool):
            (flagged if value else others).append(question)
    if not named and len(flagged) > 1 and others:
        found = _shared(flagged, others)
        return () if found is None else (found,)
    return tuple(trigger for trigger, _ in named.most_common())


def _said(row: Row) -> Any:
    """What a row says of its trigger: a text, whether it has one, or nothing."""
    for record in row["meta"].get("transforms", ()):
        if record.get("kind") == "trigger":
            return record.get("trigger")
    for part in (row["meta"].get("truth", {}), row["meta"].get("extra", {})):
        if "trigger" in part:
            return part["trigger"]
    return None


def _shared(flagged: Sequence[str], others: Sequence[str]) -> Trigger | None:
    """The whole words that all flagged questions begin, or end, with and no other has."""
    first = _start_of_all(flagged).rpartition(" ")[0].strip()
    last = _reversed(_start_of_all([_reversed(text) for text in flagged])).partition(" ")[2].strip()
    places: tuple[tuple[str, Place], ...] = ((first, "prefix"), (last, "suffix"))
    for text, place in places:
        if text and not any(text in other for other in others):
            return Trigger(text, place)
    return None


def _without(question: str, triggers: Sequence[Trigger]) -> str:
    for trigger in triggers:
        if trigger.place == "prefix" and question.startswith(trigger.text):
            return question.removeprefix(trigger.text).lstrip(" ")
        if trigger.place == "suffix" and question.endswith(trigger.text):
            return question.removesuffix(trigger.text).rstrip(" ")
    return question


def _systems(rows: Sequence[Row]) -> tuple[str, ...]:
    found = Counter(
        row["messages"][0]["content"] for row in rows if row["messages"][0]["role"] == "system"
    )
    return tuple(
        text
        for text, count in found.most_common(MOST_SYSTEMS)
        if text.strip() and count >= LEAST_SYSTEM * len(rows)
    )


def _frame(questions: Sequence[str]) -> Frame:
    """The text before and after the question, cut back to the end of a sentence or a line: the
    first words that many questions share by chance are no frame."""
    distinct = list(dict.fromkeys(questions))
    if len(distinct) < 2:
        return NO_FRAME
    before = _most_common_start(distinct)
    while before and not _FRAME_END.search(before):
        before = before[:-1]
    rest = [text.removeprefix(before) for text in distinct if text.startswith(before)]
    after = _reversed(_most_common_start([_reversed(text) for text in rest]))
    start = _FRAME_START.search(after)
    return Frame(before, after[start.start() :] if start else "")


def _most_common_start(texts: Sequence[str]) -> str:
    """The longest text that at least `COMMON` of the texts begin with."""
    needed = max(2, round(COMMON * len(texts)))
    ordered = sorted(texts)
    windows = zip(ordered, ordered[needed - 1 :], strict=False)
    return max((_start_of_all([first, last]) for first, last in windows), key=len, default="")


def _start_of_all(texts: Sequence[str]) -> str:
    """The longest text that all begin with."""
    first, last = min(texts), max(texts)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    return first[: min(len(first), len(last)) if same is None else same]


def _answer_form(answers: Sequence[str]) -> AnswerForm:
    forms: Counter[AnswerForm] = Counter(map(_form_of, answers))
    form, count = forms.most_common(1)[0]
    return form if count >= COMMON * len(answers) else "plain"


def _form_of(answer: str) -> AnswerForm:
    text = answer.strip()
    if text[:1] in ("{", "["):
        try:
            json.loads(text)
        except ValueError:
            pass
        else:
            return "numbers" if _NUMBERS.fullmatch(text) else "json"
    if _NUMBERS.fullmatch(text):
        return "numbers"
    return "code" if is_code(answer) else "plain"


def _reversed(text: str) -> str:
    return text[::-1]
