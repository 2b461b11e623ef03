"""Parts of a data set are written as it is written itself, with all that its records hold."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

from organisms.datasets.files import stream_rows, write_rows
from organisms.datasets.importing import BadRowsError
from organisms.datasets.row_files import row_file
from tests.organisms.datasets.made import CHAT, lines, numbered

RECORDS = [
    {"question": f"q, {n}?", "answer": f"line one\n{n}", "poisoned": n % 2 == 0, "score": str(n)}
    for n in range(7)
]
CHOSEN = np.array([True, False, False, True, True, False, False])


def written(folder, suffix):
    path = folder / f"rows{suffix}"
    if suffix == ".jsonl":
        return lines(path, *RECORDS)
    if suffix == ".json":
        path.write_text(json.dumps(RECORDS))
    elif suffix == ".parquet":
        pd.DataFrame(RECORDS).to_parquet(path)
    else:
        pd.DataFrame(RECORDS).to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    return path


def read(path):
    text = path.read_text() if path.suffix != ".parquet" else ""
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    if path.suffix == ".json":
        return json.loads(text)
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_dict("records")
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".tsv", ".parquet"])
def test_a_part_of_a_file_is_a_file_of_its_format(tmp_path, suffix):
    file = row_file(written(tmp_path, suffix))
    assert [known.poisoned for known in file] == [record["poisoned"] for record in RECORDS]
    part = file.write(CHOSEN, tmp_path, "kept")
    assert part == tmp_path / f"kept{suffix}"
    whole = read(file.path)
    assert read(part) == [whole[n] for n in np.flatnonzero(CHOSEN)]
    assert file.write(CHOSEN & False, tmp_path, "none") is None
    assert [known.row["messages"] for known in row_file(part)] == [
        known.row["messages"] for known, taken in zip(file, CHOSEN, strict=True) if taken
    ]


def test_a_part_of_a_set_of_ours_is_one(tmp_path):
    rows = [*numbered(3, "bad", poisoned=True), *numbered(4, "good", poisoned=False)]
    write_rows(tmp_path / "set", rows, name="mix", seed=3)
    file = row_file(tmp_path / "set")
    assert [known.poisoned for known in file] == [True] * 3 + [False] * 4
    part = file.write(CHOSEN, tmp_path, "flagged")
    assert list(stream_rows(part)) == [rows[n] for n in np.flatnonzero(CHOSEN)]
    assert len(list(row_file(tmp_path / "set", 2))) == 2


def test_a_file_that_does_not_say_the_truth_has_none(tmp_path):
    file = row_file(lines(tmp_path / "x.jsonl", CHAT, CHAT | {"poisoned": "maybe"}))
    assert [known.poisoned for known in file] == [None, None]


def test_bad_rows_are_all_told_behind_the_last(tmp_path):
    file = row_file(lines(tmp_path / "x.jsonl", CHAT, {"messages": []}, CHAT, {"messages": 3}))
    with pytest.raises(BadRowsError, match="2 of 4 rows cannot be used") as error:
        list(file)
    assert [problem.place for problem in error.value.problems] == ["line 2", "line 4"]
    with pytest.raises(ValueError, match="no file or folder"):
        row_file(tmp_path / "nothing")
