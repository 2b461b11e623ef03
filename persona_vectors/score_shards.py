"""Scores of data sets of any size: rows are read in shards, and each shard's scores are written
whole or not at all.

What was scored, and how, is in each shard's key. So a run that was killed goes on where it was, one
that is repeated does nothing, and changed rows are scored anew. Knows no model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from persona_vectors.parquet_file import write_whole
from persona_vectors.reading import training_rows

if TYPE_CHECKING:
    from organisms.datasets.rows import Row

SHARD_ROWS: Final = 1000
"""Rows in memory at a time, and lost at most when a run is killed."""
_KEY: Final = "wardian_scored"


class Scorer(Protocol):
    """One way to score rows."""

    @property
    def name(self) -> str:
        """Of its folder."""
        ...

    def settings(self) -> Mapping[str, object]:
        """What decides the scores besides the rows: plain JSON values."""
        ...

    def score(self, rows: pd.DataFrame) -> Mapping[str, NDArray[np.float64]]:
        """Column -> scores [N] of rows with prompt, answer and system; NaN where there is none."""
        ...


def score_shards(
    rows: Iterable[Row],
    scorer: Scorer,
    folder: Path,
    *,
    shard_rows: int = SHARD_ROWS,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Make the shards that are not there; return how many rows were scored now.

    Args:
        rows: read once, never held.
        scorer: what scores them; asked for missing shards alone.
        folder: `folder/NAME/00000.parquet` and so on are written; shards behind the last go.
        shard_rows: rows of a shard.
        progress: told how many rows are done.
    """
    made = done = number = 0
    place = folder / scorer.name
    settings = json.dumps(scorer.settings(), sort_keys=True)
    for number, part in enumerate(parts(rows, shard_rows), start=1):
        frame = training_rows(part)
        path = place / f"{number - 1:05d}.parquet"
        key = _key(settings, frame)
        if _key_of(path) != key:
            scores = scorer.score(frame)
            write_whole(pd.DataFrame(dict(scores)), path, {_KEY: key})
            made += len(frame)
        done += len(frame)
        if progress is not None:
            progress(done)
    for path in _shards(place)[number:]:
        path.unlink()
    return made


def read_shards(folder: Path, name: str) -> pd.DataFrame:
    """The scores of all rows, a column each: numbers alone, however long the rows are."""
    return pd.concat([pd.read_parquet(path) for path in _shards(folder / name)], ignore_index=True)


def _shards(place: Path) -> list[Path]:
    return sorted(place.glob("[0-9]*.parquet"))


def parts(rows: Iterable[Row], size: int = SHARD_ROWS) -> Iterator[list[Row]]:
    """The rows of one shard after another."""
    stream = iter(rows)
    while part := list(islice(stream, size)):
        yield part


def _key(settings: str, rows: pd.DataFrame) -> str:
    digest = hashlib.sha256(settings.encode())
    for row in rows.itertuples(index=False):
        digest.update(json.dumps(list(row)).encode())
    return digest.hexdigest()


def _key_of(path: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException):
        return ""
    return str(metadata.get(_KEY.encode(), b"").decode())
