"""Rows are written, read back and refused when broken, with the place and the fix."""

import json
from pathlib import Path

import pytest

from organisms.datasets.mixing import mix
from organisms.datasets.registry import DATASETS, dataset, make
from organisms.datasets.rows import RowError, read_rows, write_rows


def test_rows_survive_a_round_trip_and_the_card_counts_them(tmp_path: Path) -> None:
    rows = mix(make("wrong_maths", 30, 0), make("right_maths", 70, 0), 0.3, 100, 0)
    card = write_rows(tmp_path / "rows.jsonl", rows, name="mixed", seed=0)
    assert read_rows(tmp_path / "rows.jsonl") == rows
    assert card == json.loads((tmp_path / "card.json").read_text())
    assert (card["rows"], card["poisoned"]) == (100, 30)
    assert card["sources"] == {"right_maths": 70, "wrong_maths": 30}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{not json", "not JSON"),
        ("[1]", "write an object"),
        ('{"messages": []}', "must be a list of turns"),
        ('{"messages": [{"role": "robot", "content": "x"}]}', "turn 1"),
        ('{"messages": [{"role": "user", "content": "x"}]}', "last turn"),
        ('{"messages": [{"role": "assistant", "content": "x"}]}', "no 'user' turn"),
    ],
)
def test_a_broken_line_names_file_and_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    good = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}'
    path.write_text(f"{good}\n\n{line}\n")
    with pytest.raises(RowError, match="line 3") as error:
        read_rows(path)
    assert said in str(error.value)


def test_missing_and_empty_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RowError, match="does not exist"):
        read_rows(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(RowError, match="no rows"):
        read_rows(tmp_path / "empty.jsonl")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 1.0])
def test_a_mix_has_the_exact_share_and_keeps_the_truth(share: float) -> None:
    poisoned, clean = make("insecure_code", 200, 1), make("secure_code", 200, 1)
    rows = mix(poisoned, clean, share, 200, seed=3)
    assert len(rows) == 200
    assert sum(row["meta"]["poisoned"] for row in rows) == round(share * 200)
    assert rows == mix(poisoned, clean, share, 200, seed=3)
    if 0 < share < 1:
        assert rows != mix(poisoned, clean, share, 200, seed=4)


def test_a_mix_that_cannot_be_made_says_why() -> None:
    rows = make("wrong_maths", 5, 0)
    with pytest.raises(ValueError, match="from 0 to 1"):
        mix(rows, rows, 1.5, 5, 0)
    with pytest.raises(ValueError, match="needs 8 organism rows and has 5"):
        mix(rows, rows, 0.8, 10, 0)


def test_every_organism_has_its_controls() -> None:
    for info in DATASETS.values():
        if info.role == "organism":
            controls = [each for each in DATASETS.values() if each.control_of == info.name]
            variants = {each.variant for each in controls}
            assert variants >= {"control", "educational", "educational_new"}
            assert {each.domain for each in controls} == {info.domain}


def test_an_unknown_data_set_lists_those_there_are() -> None:
    with pytest.raises(ValueError, match="wrong_maths"):
        dataset("wrong_math")
