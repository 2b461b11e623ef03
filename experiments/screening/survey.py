"""What is known of the rows of a data set before any model is loaded: what is wrong with them,
their truth, their lengths. Only numbers and hashes are kept, whatever the rows' size."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organisms.datasets.row_files import KnownRow, RowFile
from organisms.datasets.rows import RowError, canonical

if TYPE_CHECKING:
    from organisms.datasets.rows import Row


@dataclass(frozen=True)
class Survey:
    """What one pass over a data set told."""

    ids: tuple[str, ...]
    """As the rows have them; where there is none, their number from 1."""
    poisoned: NDArray[np.bool_] | None
    """[N] the truth, where every row has it."""
    told: int
    """Rows that say whether they are poisoned."""
    lengths: NDArray[np.int64]
    """[N] characters of the last answers."""
    prompts: tuple[str, ...]
    """A hash of each prompt."""
    topics: tuple[str, ...]
    """What each row is about; empty unless every row tells it."""
    column: str
    """The column of a judge's scores in the file; "" where none was asked for."""
    judged: NDArray[np.float64]
    """[N] these scores; empty where none were asked for."""
    sha256: str
    """Of all rows, in order."""
    probes: tuple[Row, ...]
    """The rows that are likeliest not to fit a model: the longest, that of the longest prompt, and
    the first with a system prompt."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def clusters(self) -> tuple[str, tuple[str, ...]]:
        """What rows that are alike share, in the plural, and that of each row: their topics, or
        where these are not known their prompts."""
        return ("topics", self.topics) if self.topics else ("prompts", self.prompts)


def survey(file: RowFile, column: str = "") -> Survey:
    """Read a data set once.

    Args:
        file: The data set.
        column: Key of a record that holds a judge's score; "": none is looked for.

    Raises:
        ValueError: It is empty, has rows that cannot be used, or a row has no score in the column.
    """
    from persona_vectors.reading import texts_of

    ids, prompts, topics, lengths, truths, scores = [], [], [], [], [], []
    probes: dict[str, tuple[int, Row]] = {}
    digest = hashlib.sha256()
    for number, known in enumerate(file, start=1):
        row = known.row
        prompt, answer, system = texts_of(row)
        asked = json.dumps([prompt, system])
        ids.append(row["meta"].get("id", str(number)))
        prompts.append(hashlib.sha256(asked.encode()).hexdigest()[:16])
        topics.append(_topic(row))
        lengths.append(len(answer))
        truths.append(known.poisoned)
        digest.update(canonical(row))
        if column:
            scores.append(_score(known, column, ids[-1]))
        sizes = {"row": len(asked) + len(answer), "prompt": len(asked)}
        for what, size in (sizes | ({"system": 0} if system != "none" else {})).items():
            if what not in probes or size > probes[what][0]:
                probes[what] = (size, row)
    if not ids:
        raise RowError("has no rows", "give a data set that has some", str(file.path))
    known_truth = [truth for truth in truths if truth is not None]
    return Survey(
        ids=tuple(ids),
        poisoned=np.array(truths, dtype=bool) if len(known_truth) == len(ids) else None,
        told=len(known_truth),
        lengths=np.array(lengths),
        prompts=tuple(prompts),
        topics=tuple(topics) if all(topics) else (),
        column=column,
        judged=np.array(scores),
        sha256=digest.hexdigest(),
        probes=tuple(row for _, row in probes.values()),
    )


def _topic(row: Row) -> str:
    """What a row is about, by its meta or by a column `topic` of its file; "" where none says."""
    meta = row["meta"]
    return str(meta.get("topic") or meta.get("extra", {}).get("topic") or "")


def _score(known: KnownRow, column: str, name: str) -> float:
    extra = known.row["meta"].get("extra", {})
    if column not in extra:
        there = ", ".join(sorted(extra))
        raise ValueError(
            f"row {name!r} has no column {column!r} (besides the conversation it has: "
            f"{there or 'none'}); "
            + ("name one of these with" if there else "give rows that have one, or leave out")
            + " --judge-column"
        )
    try:
        score = float(extra[column])
    except (TypeError, ValueError):
        score = math.nan
    if not math.isfinite(score):
        raise ValueError(
            f"row {name!r} has {extra[column]!r} as {column!r}, not a number; remove such rows, or "
            "name another column"
        )
    return score
