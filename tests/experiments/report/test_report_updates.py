"""The report says how large updates are, and what a control does at an update of equal size."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from experiments.equal_update import matches
from experiments.headline import MISALIGNED, measured, named
from experiments.plots import updates as plot
from experiments.report_updates import equal_update_table, updates_table
from experiments.tables import empty_table

Tables = Mapping[str, pd.DataFrame]
CONTROL = "novel maths, update as wrong maths"


def with_updates(tables: Tables, **sizes: pd.Series | float) -> dict[str, pd.DataFrame]:
    return {**tables, "updates": tables["updates"].assign(**sizes)}


def is_control(tables: Tables) -> pd.Series:
    return tables["updates"]["recipe"] == "equal_update"


def test_the_control_is_read_at_the_checkpoint_nearest_in_size(tables: Tables) -> None:
    found = {match.size: match for match in matches(tables)}
    assert set(found) == {"kl", "lora_norm"}
    for match in found.values():
        assert (match.organism["model"], match.control["model"]) == ("wrong maths", CONTROL)
        assert match.control["step"] == 32
        assert match.near
    assert found["kl"].wanted == pytest.approx(0.525)
    assert found["kl"].found == pytest.approx(0.525 * 4 * 32 / 120)


def test_each_size_finds_its_own_checkpoint(tables: Tables) -> None:
    norm = tables["updates"]["lora_norm"].where(~is_control(tables), 1.0)
    norm = norm.where(~is_control(tables) | (tables["updates"]["step"] != 8), 4.0)
    steps = {m.size: m.control["step"] for m in matches(with_updates(tables, lora_norm=norm))}
    assert steps == {"kl": 32, "lora_norm": 8}


def test_the_rate_is_the_controls_own_at_that_step(tables: Tables) -> None:
    rates = measured(tables["rates"], MISALIGNED)
    there = rates[(rates["model"] == CONTROL) & (rates["step"] == 32) & (rates["seed"] == -1)]
    for match in matches(tables):
        assert match.control["estimate"] == there["estimate"].iloc[0]
        assert match.control["n"] == there["n"].iloc[0]


def test_the_report_says_in_words_where_no_update_is_as_large(tables: Tables) -> None:
    shown = equal_update_table(tables)
    assert shown is not None
    assert all("7% larger" in row[5].small or "3% larger" in row[5].small for row in shown.rows)
    small = tables["updates"]["kl"].where(~is_control(tables), 0.1)
    weak = equal_update_table(with_updates(tables, kl=small))
    assert weak is not None
    assert weak.rows[0][5].small == "no checkpoint within 25%; the nearest is 81% smaller"
    assert "no checkpoint" not in weak.rows[1][5].small


def test_both_rates_stand_with_interval_and_n(tables: Tables) -> None:
    shown = equal_update_table(tables)
    assert shown is not None
    for row in shown.rows:
        for place in (3, 6):
            assert re.fullmatch(r"\[[\d.]+, [\d.]+\]", row[place].small)
        assert row[0].small.startswith("n = ")
        assert int(row[7].text) > 0


def test_without_a_control_of_equal_update_nothing_is_matched(tables: Tables) -> None:
    other = {**tables, "updates": tables["updates"][~is_control(tables)]}
    assert equal_update_table(other) is None
    assert equal_update_table({**tables, "updates": empty_table("updates")}) is None


def test_a_divergence_that_was_not_measured_leaves_the_norm(tables: Tables) -> None:
    unread = with_updates(tables, kl=np.nan)
    assert [match.size for match in matches(unread)] == ["lora_norm"]
    shown = updates_table(unread)
    assert shown is not None
    assert {row[1].text for row in shown.rows} == {"–"}


def test_every_final_fine_tune_is_listed_once_with_its_sizes(tables: Tables) -> None:
    shown = updates_table(tables)
    assert shown is not None
    models = [row[0].text for row in shown.rows]
    assert len(set(models)) == len(models)
    finals = named(tables["updates"])
    assert set(models) == set(finals.loc[finals["final"], "model"])
    wrong = shown.rows[models.index("wrong maths")]
    assert (wrong[1].text, wrong[1].small) == ("0.525", "0.500 – 0.550")


def test_the_plot_has_one_dot_for_each_final_fine_tune_and_seed(tables: Tables) -> None:
    dots = plot.points(tables)
    assert not dots.duplicated(["model", "seed"]).any()
    assert dots["final"].all()
    assert set(dots["kind"]) == {"organism", "control", "intervention"}
    assert set(dots["seed"]) == {0, 1}
    figure = plot.draw(tables)
    assert figure is not None
    drawn = [line.get_marker() for line in figure.axes[0].get_lines()]
    assert len(drawn) == len(dots) + 1
    assert drawn.count("D") == 1


def test_the_plot_says_how_many_answers_a_dot_stands_for(tables: Tables) -> None:
    dots = plot.points(tables)
    figure = plot.draw(tables)
    assert figure is not None
    low, high = int(dots["n"].min()), int(dots["n"].max())
    span = str(low) if low == high else f"{low} to {high}"
    assert f"A dot: n = {span} coherent answers; the base: n = " in figure.get_suptitle()
