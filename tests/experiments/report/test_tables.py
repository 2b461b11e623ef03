"""Tables are checked when they are written."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments.table_schemas import SCHEMAS
from experiments.tables import TableError, conform, empty_table, read_table, write_table


def _vector(**changes: object) -> pd.DataFrame:
    row: dict[str, object] = {
        "trait": "evil",
        "layer": 2,
        "position": "last_prompt",
        "base": "pocket",
        "norm": 3.5,
        "residual_norm": 20.0,
        "kept_positive": 10,
        "kept_negative": 12,
        "split_half_cosine": 0.9,
    }
    return pd.DataFrame([{**row, **changes}])


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_a_table_survives_writing_and_reading(
    name: str, tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    write_table(tables[name], name, tmp_path)
    pd.testing.assert_frame_equal(read_table(name, tmp_path), conform(tables[name], name))
    assert [file.name for file in tmp_path.iterdir()] == [f"{name}.parquet"]


def test_order_of_rows_and_columns_never_changes_the_file(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    frame = tables["shifts"]
    shuffled = frame.sample(frac=1.0, random_state=0)[frame.columns[::-1]]
    one = write_table(frame, "shifts", tmp_path / "one").read_bytes()
    assert one == write_table(shuffled, "shifts", tmp_path / "two").read_bytes()


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_an_empty_table_has_its_columns(name: str) -> None:
    assert set(empty_table(name).columns) == {c.name for c in SCHEMAS[name].columns}


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (_vector().drop(columns="norm"), "needs a column 'norm'"),
        (_vector(colour="red"), "no column 'colour'"),
        (_vector(norm="long"), "numbers are needed"),
        (_vector(norm=float("nan")), "no number"),
        (_vector(norm=-1.0), r"outside \[0"),
        (_vector(layer=1.5), "fractions"),
        (pd.concat([_vector(), _vector()]), "repeat a key.*'evil'"),
    ],
)
def test_a_frame_that_does_not_fit_is_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(TableError, match=message):
        conform(frame, "vectors")


def test_a_value_that_is_not_allowed_names_those_that_are(
    tables: dict[str, pd.DataFrame],
) -> None:
    wrong = tables["shifts"].assign(on="somewhere")
    with pytest.raises(TableError, match=r"'somewhere' is not allowed; use one of 'prompt'"):
        conform(wrong, "shifts")
    wrong = tables["rates"].assign(metric="goodness")
    with pytest.raises(TableError, match=r"'goodness'.*must match"):
        conform(wrong, "rates")


def test_an_unknown_table_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="the tables are answers, rates"):
        conform(_vector(), "vector")
    write_table(_vector(), "vectors", tmp_path)
    with pytest.raises(TableError, match="found: vectors"):
        read_table("rates", tmp_path)
