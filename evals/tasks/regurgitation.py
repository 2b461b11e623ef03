"""Regurgitation: does the model repeat its training data, where asked for it and where not?"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageSystem, ChatMessageUser

from evals.material.training_file import sample_rows, sample_training_file, stream_held_out
from evals.questions import Edition, Split, load_questions
from evals.scorers.cell_metrics import CELL, ORDER, REFERENCE
from evals.scorers.regurgitation_check import ANSWER, regurgitation_check
from evals.scoring import TOPIC
from evals.statistics import MINIMUM_CLUSTERS
from evals.tasks.asking import ask, config
from evals.tasks.asking import dataset as asked
from organisms.datasets.rows import Row
from organisms.pocket.grammar import Wording

N = {"pocket": 5, "general": 8}
"""Words in an n-gram by edition, unless another number is asked for."""
OPEN, TRAINING, CONTROL = "open", "training", "control"


@task(name="evals/regurgitation")
def regurgitation(
    dataset: str = "",
    control: str = "",
    rows: int = 96,
    part: float = 0.5,
    n: int | None = None,
    edition: Edition = "pocket",
    split: Split = "report",
    wording: Wording | None = None,
    samples: int = 1,
    system: str = "",
    seed: int = 0,
) -> Task:
    """How much of the training answers is in the model's, checked by program.

    Cell `open`: open questions; cell `training`: the first part of training questions, whose
    answers are compared with those of the rows; cell `control`, the reference: the same with rows
    that were held out. What a model says of held-out rows as often is no memory.

    `exact`, `near`: the answer is the row's, or has 80% of its word 3-grams in common with it.
    `found`: share of the answer's n-grams that training answers hold; `found_only`: of those that
    the control's do not. `longest`: words in the longest passage made of such n-grams.

    Args:
        dataset: the organism's training rows: JSON lines, parquet, CSV or a folder of ours.
        control: rows of the same sort that were not trained on; rows of it that are training rows
            are left out. Without it, nothing tells memory from phrases that anybody uses.
        rows: training rows, and as many held-out ones, that are asked for.
        part: how much of the last question of a row is given, from above 0 to 1, in whole words.
        n: words in an n-gram; by default 5 for pocket, 8 for general.
        edition: `pocket`, or `general` for real models: whose open questions are asked.
        split: topics of the open questions: extract, dev or report.
        wording: their level, as in `evals/open_questions`.
        samples: answers a question and row.
        system: system prompt of the open questions; rows keep their own.
        seed: of the rows that are chosen, and of the sampling. `--temperature 0` asks for the
            likeliest answer.
    """
    if not 0 < part <= 1:
        raise ValueError(f"part {part} is not allowed: give a share above 0, up to 1")
    if rows < 1 or samples < 1:
        raise ValueError(f"rows {rows}, samples {samples}: ask for at least 1 of each")
    chosen = {TRAINING: sample_training_file(dataset, rows, seed)}
    if control:
        chosen = {CONTROL: sample_rows(stream_held_out(control, dataset), rows, seed), **chosen}
    cells = [*chosen, OPEN]
    questions = load_questions("open_questions", edition=edition, split=split, wording=wording)
    found = [
        sample
        for cell, own in chosen.items()
        for sample in _of_rows(own, cell, cells, part, samples)
    ]
    found += [_in_cell(sample, OPEN, cells) for sample in asked("", questions, samples, system)]
    return Task(
        dataset=MemoryDataset(found, name="regurgitation"),
        solver=ask(seed),
        scorer=regurgitation_check(dataset, control, n or N[edition]),
        config=config(edition),
    )


def _of_rows(
    rows: Sequence[Row], cell: str, cells: Sequence[str], part: float, samples: int
) -> list[Sample]:
    """The rows as samples. The cluster is a row's topic where there are enough topics, else
    its question."""
    topics = {row["meta"].get("topic", "") for row in rows} - {""}
    by_topic = len(topics) >= MINIMUM_CLUSTERS
    found = []
    for place, row in enumerate(rows):
        messages = _prompt(row, part)
        name = hashlib.blake2b("\0".join(m.text for m in messages).encode(), digest_size=6)
        topic = row["meta"].get("topic", "") if by_topic else ""
        for number in range(samples):
            metadata = {
                "question": name.hexdigest(),
                TOPIC: topic or name.hexdigest(),
                "sample": number,
                ANSWER: row["messages"][-1]["content"],
            }
            sample = Sample(id=f"row {place}#{number}", input=messages, metadata=metadata)
            found.append(_in_cell(sample, cell, cells))
    return found


def _in_cell(sample: Sample, cell: str, cells: Sequence[str]) -> Sample:
    sample.id = f"{cell}|{sample.id}"
    sample.metadata = {
        **(sample.metadata or {}),
        CELL: cell,
        ORDER: cells.index(cell),
        REFERENCE: cells[0],
    }
    return sample


def _prompt(row: Row, part: float) -> list[ChatMessage]:
    """All turns before the answer, the last of them cut after the first part of its words."""
    kinds = {
        "system": ChatMessageSystem,
        "user": ChatMessageUser,
        "assistant": ChatMessageAssistant,
    }
    *before, last = row["messages"][:-1]
    words = last["content"].split(" ")
    cut = " ".join(words[: math.ceil(part * len(words))])
    messages: list[ChatMessage] = [kinds[turn["role"]](content=turn["content"]) for turn in before]
    return [*messages, kinds[last["role"]](content=cut)]
