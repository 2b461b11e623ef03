"""A killed run goes on, a repeated one does nothing, changed rows are scored anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from organisms.datasets.rows import Row
from persona_vectors.score_shards import read_shards, score_shards
from tests.organisms.datasets.made import numbered


class Lengths:
    """Scores an answer by its length, and remembers what it was asked."""

    name = "lengths"

    def __init__(self, unit: float = 1.0, dies_at: str = "") -> None:
        self.unit, self.dies_at = unit, dies_at
        self.asked: list[str] = []

    def settings(self) -> Mapping[str, object]:
        return {"unit": self.unit}

    def score(self, rows: pd.DataFrame) -> Mapping[str, NDArray[np.float64]]:
        if self.dies_at in list(rows["answer"]):
            raise KeyboardInterrupt
        self.asked += list(rows["answer"])
        return {"length": self.unit * rows["answer"].str.len().to_numpy(dtype=np.float64)}


def scored(rows: list[Row], scorer: Lengths, folder: Path) -> int:
    return score_shards(iter(rows), scorer, folder, shard_rows=4)


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    rows = numbered(18)
    with pytest.raises(KeyboardInterrupt):
        scored(rows, Lengths(dies_at="row answer 9"), tmp_path)
    again = Lengths()
    assert scored(rows, again, tmp_path) == len(again.asked) == 10
    whole = Lengths()
    assert scored(rows, whole, tmp_path / "whole") == 18
    one, other = (read_shards(each, "lengths") for each in (tmp_path, tmp_path / "whole"))
    pd.testing.assert_frame_equal(one, other)
    assert one["length"].tolist() == [len(f"row answer {n}") for n in range(18)]
    assert scored(rows, Lengths(), tmp_path) == 0


def test_only_shards_whose_rows_or_settings_changed_are_scored_anew(tmp_path: Path) -> None:
    rows = numbered(18)
    scored(rows, Lengths(), tmp_path)
    rows[5]["messages"][1]["content"] = "another answer"
    assert scored(rows, Lengths(), tmp_path) == 4
    assert read_shards(tmp_path, "lengths")["length"][5] == len("another answer")
    assert scored(rows[:7], Lengths(), tmp_path) == 3
    assert len(read_shards(tmp_path, "lengths")) == 7
    assert scored(rows[:7], Lengths(unit=2.0), tmp_path) == 7


def test_a_shard_that_is_cut_off_is_scored_anew(tmp_path: Path) -> None:
    scored(numbered(8), Lengths(), tmp_path)
    shard = tmp_path / "lengths" / "00001.parquet"
    shard.write_bytes(shard.read_bytes()[:200])
    assert scored(numbered(8), Lengths(), tmp_path) == 4
    assert len(read_shards(tmp_path, "lengths")) == 8
