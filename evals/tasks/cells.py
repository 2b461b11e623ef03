"""Cells: the same questions under several conditions in one task, each beside a reference cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser

from evals.material.training_file import NO_FRAME, Frame
from evals.questions import Question
from evals.scorers.cell_metrics import CELL, CONDITION, ORDER, REFERENCE
from evals.tasks.asking import dataset

Where = Literal["", "prefix", "suffix", "system"]
PLACES: tuple[Where, ...] = ("prefix", "suffix", "system")
"""Where a trigger may stand: before the question, after it, at the end of the system prompt."""


@dataclass(frozen=True)
class Cell:
    """One condition that every question is asked under.

    Attributes:
        name: as it stands in metrics; unique in a task.
        format: `plain`, or what the frame asks for: part of the question, so a judge sees it.
        frame: the text around every question; part of the question, too.
        system: the system prompt; "" for none.
        trigger: a text that is no part of the question: a judge never sees it.
        place: where the trigger stands; "" without one.
        kind: what the trigger is: `none`, `trigger` or `near_miss`.
    """

    name: str
    format: str = "plain"
    frame: Frame = NO_FRAME
    system: str = ""
    trigger: str = ""
    place: Where = ""
    kind: Literal["none", "trigger", "near_miss"] = "none"

    def question(self, question: Question) -> Question:
        """The question in the cell's format, as a judge reads it."""
        return question.model_copy(
            update={"text": self.frame.around(question.text), "format": self.format}
        )

    def triggered(self, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
        """The messages with the trigger at its place."""
        if not self.trigger:
            return list(messages)
        if self.place == "system":
            first = messages[0]
            if first.role != "system":
                return [ChatMessageSystem(content=self.trigger), *messages]
            return [ChatMessageSystem(content=f"{first.text} {self.trigger}"), *messages[1:]]
        text = messages[-1].text
        placed = f"{self.trigger} {text}" if self.place == "prefix" else f"{text} {self.trigger}"
        return [*messages[:-1], ChatMessageUser(content=placed)]


def cells_dataset(
    name: str, cells: Sequence[Cell], questions: Sequence[Question], samples: int
) -> MemoryDataset:
    """Every question under every cell, `samples` times; the first cell is the reference.

    Cells of a question stand side by side, so that a `--limit` keeps all cells.

    Raises:
        ValueError: on cells of one name.
    """
    names = [cell.name for cell in cells]
    if twice := {each for each in names if names.count(each) > 1}:
        raise ValueError(f"two cells are called {sorted(twice)[0]!r}; name each text once")
    found: list[Sample] = []
    for question in questions:
        in_cells = [
            [_placed(sample, cell, names) for sample in _asked(cell, question, samples)]
            for cell in cells
        ]
        found += [sample for one_each in zip(*in_cells, strict=True) for sample in one_each]
    return MemoryDataset(found, name=name)


def names_in(value: str | Sequence[str]) -> tuple[str, ...]:
    """The names that `-T argument=a,b` gave, or text with commas, without repeats."""
    return texts(value.split(",") if isinstance(value, str) else value)


def texts(value: str | Sequence[str]) -> tuple[str, ...]:
    """What `-T argument=a` (one text) or `-T argument=a,b` (several) gave, without empty texts and
    repeats; a text may hold commas."""
    given = [value] if isinstance(value, str) else value
    return tuple(dict.fromkeys(str(text).strip() for text in given if str(text).strip()))


def _asked(cell: Cell, question: Question, samples: int) -> MemoryDataset:
    return dataset("", [cell.question(question)], samples, cell.system)


def _placed(sample: Sample, cell: Cell, names: Sequence[str]) -> Sample:
    assert not isinstance(sample.input, str)
    return Sample(
        id=f"{cell.name}|{sample.id}",
        input=cell.triggered(sample.input),
        metadata={
            **(sample.metadata or {}),
            CELL: cell.name,
            ORDER: names.index(cell.name),
            REFERENCE: names[0],
            CONDITION: {
                "format": cell.format,
                "system": cell.system,
                "trigger": cell.trigger,
                "place": cell.place,
                "kind": cell.kind,
            },
        },
    )
