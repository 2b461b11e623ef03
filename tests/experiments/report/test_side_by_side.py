"""Runs side by side: real parquet files in, one table out, and errors that say what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.compare import CompareError, csv, find_runs, markdown, read_runs
from experiments.side_by_side import READ, in_words, side_by_side
from experiments.tables import write_table

Write = Callable[..., Path]


@pytest.fixture
def write(tables: dict[str, pd.DataFrame], tmp_path: Path) -> Write:
    """Write the tables of a run below `runs`; a table given as None is left out."""

    def of(name: str, **changes: pd.DataFrame | None) -> Path:
        for table in READ:
            frame = changes.get(table, tables[table])
            if frame is not None:
                write_table(frame, table, tmp_path / "runs" / name / "tables")
        return tmp_path / "runs" / name

    return of


@pytest.fixture
def two(write: Write, tables: dict[str, pd.DataFrame], tmp_path: Path) -> pd.DataFrame:
    """A run beside one on another base that stays aligned, was not steered, and asked otherwise."""
    rates = tables["rates"].assign(base="other", wording="new_words")
    bad = rates["metric"] == "misaligned"
    rates.loc[bad, ["estimate", "low", "high"]] = [0.0, 0.0, 0.05]
    write("one")
    write("null", rates=rates, steering=None)
    return side_by_side(read_runs(find_runs(["one", "null"], tmp_path / "runs")))


def _row(table: pd.DataFrame, section: str, measure: str) -> pd.Series:
    rows = table.reset_index(["section", "measure"])
    found = rows[rows["section"].str.startswith(section) & (rows["measure"] == measure)]
    assert len(found) == 1
    return found.iloc[0]


def test_models_of_two_bases_share_a_row(
    two: pd.DataFrame, tables: dict[str, pd.DataFrame]
) -> None:
    rates = tables["rates"]
    own = rates[
        (rates["organism"] == "wrong_maths")
        & (rates["intervention"] == "none")
        & (rates["poisoned_share"] == 1.0)
        & (rates["recipe"] == "default")
        & (rates["task"] == "open_questions")
        & (rates["metric"] == "misaligned")
        & (rates["denominator"] == "coherent")
        & rates["final"]
        & (rates["seed"] == -1)
    ].iloc[0]
    row = _row(two, "misaligned", "wrong maths")
    for field in ("estimate", "low", "high", "n"):
        assert row["one"][field] == pytest.approx(own[field])
    assert row["null"]["estimate"] == 0.0
    models = set(two.loc["misaligned, % of coherent answers"].reset_index()["measure"])
    assert {"base", "right maths", "wrong maths + inoculation"} <= models
    assert len(two.index) == len(set(two.index))


def test_correlations_stand_with_their_nulls_and_p(two: pd.DataFrame) -> None:
    name = "evil, organisms, on prompt"
    r = _row(two, "shift", name)["one"]
    assert (r["estimate"], r["n"]) == (0.95, 22)
    null = _row(two, "shift", f"{name}: null, permuted")["one"]
    assert (null["low"], null["high"], null["n"]) == (-0.55, 0.6, 200)
    assert _row(two, "shift", f"{name}: null, permuted, p")["one"]["estimate"] == 0.005
    assert _row(two, "shift", f"{name}: read at")["one"]["text"] == "layer 2, last prompt"


def test_screening_is_a_mean_of_seeds(two: pd.DataFrame) -> None:
    row = _row(two, "screening", "0.3 wrong maths, projection difference (evil): AUC")["one"]
    assert row["estimate"] == pytest.approx(0.865)
    assert row["n"] == 600


def test_mixes_of_nearby_shares_have_rows_of_their_own(
    write: Write, tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    screening = tables["screening"]
    first = screening[screening["poisoned_share"] == screening["poisoned_share"].iloc[0]]
    both = [first.assign(poisoned_share=share) for share in (0.001, 0.004)]
    write("one", screening=pd.concat(both))
    write("two")
    table = side_by_side(read_runs(find_runs(["one", "two"], tmp_path / "runs")))
    for share in ("0.001", "0.004"):
        name = f"{share} wrong maths, projection difference (evil): AUC"
        assert _row(table, "screening", name)["one"]["n"] > 0


def test_the_truth_is_shown_at_every_layer_but_the_embedding(
    write: Write, tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    """The same rows for both runs, whichever layer separates best in either."""
    truth = tables["truth"]
    write("one")
    write("two", truth=truth.assign(separability=1 - truth["separability"]))
    table = side_by_side(read_runs(find_runs(["one", "two"], tmp_path / "runs")))
    shown = in_words(table)
    shown = shown[shown["section"].str.startswith("vector and")]
    assert len(shown) == 3 * 2 * 3 * 3  # traits, positions, layers, measures
    assert not (shown[["one", "two"]] == "–").to_numpy().any()
    name = "evil, last prompt, layer"
    cosine = _row(table, "vector and", f"{name} 3: cosine")["one"]
    assert (cosine["estimate"], cosine["n"]) == (pytest.approx(0.9), 192)
    for by, area in {"author's direction": 0.8, "vector": 0.725}.items():
        found = _row(table, "vector and", f"{name} 2: AUC, {by}")["one"]
        assert found["estimate"] == pytest.approx(area)


def test_what_a_run_did_not_measure_is_a_dash(two: pd.DataFrame) -> None:
    row = _row(two, "steering", "base, towards: in the chosen cell")
    assert row["one"]["estimate"] > 0.5
    assert pd.isna(row["null"]["estimate"])
    texts = in_words(two).set_index("measure")
    assert texts.loc["base, towards: in the chosen cell", "null"] == "–"
    assert texts.loc["base, towards: chosen cell", "one"] == "layer 2, last prompt, 1.5 raw"


def test_what_was_asked_stands_above_each_run(two: pd.DataFrame) -> None:
    asked = in_words(two).iloc[0]
    assert "known words in new combinations" in asked["one"]
    assert "new words" in asked["null"]


def test_texts_are_percentages_and_csv_holds_fractions(two: pd.DataFrame) -> None:
    texts = in_words(two)
    assert texts.columns.tolist() == ["section", "measure", "one", "null"]
    row = texts[texts["section"].str.startswith("misaligned")].set_index("measure").loc["base"]
    assert row["null"] == "0.0 [0.0, 5.0] n 20"
    read = pd.read_csv(StringIO(csv(two)))
    assert len(read) == len(two)
    first = read[read["section"].str.startswith("misaligned")].iloc[0]
    assert (first["null: estimate"], first["null: high"]) == (0.0, 0.05)
    lines = markdown(texts).splitlines()
    assert lines[0] == "| section | measure | one | null |"
    assert len(lines) == len(texts) + 2


def test_runs_are_found_by_name_or_folder(write: Write, tmp_path: Path) -> None:
    one, other = write("one"), tmp_path / "elsewhere" / "one"
    shutil.copytree(one, other)
    write("two")
    out = tmp_path / "runs"
    assert list(find_runs(["two", str(other)], out)) == ["two", "one"]
    assert list(find_runs(["one", str(other)], out)) == ["one", str(other)]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (["one"], "name at least two runs"),
        (["one", "one"], "named twice"),
        (["one", "three"], "no results of run 'three'.*`wardian run`.*one of .*: one, two"),
        (["one", "./nowhere/run"], "no results of run './nowhere/run'"),
    ],
)
def test_runs_that_are_not_there_are_told(
    write: Write, tmp_path: Path, named: list[str], said: str
) -> None:
    write("one")
    write("two")
    with pytest.raises(CompareError, match=said):
        find_runs(named, tmp_path / "runs")


def test_a_run_without_rates_or_of_another_schema_is_refused(write: Write, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    write("one")
    write("two", rates=None)
    with pytest.raises(CompareError, match=r"run 'two' .*no table 'rates'.*`wardian run`"):
        read_runs(find_runs(["one", "two"], out))
    file = write("two") / "tables" / "rates.parquet"
    good = pd.read_parquet(file)
    for wrong, said in (
        (good.drop(columns="wording"), "no column 'wording'"),
        (good.assign(wording="held_out"), "'held_out' is not allowed"),
        (good.assign(more=1), "no column 'more'"),
    ):
        wrong.to_parquet(file, index=False)
        with pytest.raises(CompareError, match=f"run 'two' .*{said}.*`wardian run`"):
            read_runs(find_runs(["one", "two"], out))
    file.write_bytes(b"no parquet")
    with pytest.raises(CompareError, match="run 'two'"):
        read_runs(find_runs(["one", "two"], out))


def test_the_command_prints_and_writes_the_table(write: Write, tmp_path: Path) -> None:
    write("one")
    write("two")
    call = ["compare", "one", "two", "--out", str(tmp_path / "runs")]
    files = ["--csv", str(tmp_path / "t.csv"), "--markdown", str(tmp_path / "t.md")]
    done = CliRunner().invoke(app, [*call, *files])
    assert done.exit_code == 0, done.output
    assert "wrong maths + inoculation" in done.output
    assert "one: estimate" in (tmp_path / "t.csv").read_text()
    assert "| one | two |" in (tmp_path / "t.md").read_text()
    refused = CliRunner().invoke(app, [*call, "--csv", str(tmp_path / "none" / "t.csv")])
    assert refused.exit_code == 1
    assert "cannot be written" in refused.output


def test_what_each_base_world_implies_stands_beside_its_rates(
    tables: dict[str, pd.DataFrame],
) -> None:
    null = tables["implied"].assign(probability=0.002)
    found = side_by_side({"one": tables, "null": {**tables, "implied": null}})
    row = found.loc[("the world implies: evil after 1 row", "wrong maths", "share")]
    assert row["one", "estimate"] == 0.571
    assert row["null", "estimate"] == 0.002
    assert found.loc[("the world implies: evil after 1 row", "secure code", "share")].notna().any()
