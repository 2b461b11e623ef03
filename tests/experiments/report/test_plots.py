"""Figures are drawn from tables alone and cope with what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from experiments.plots import (
    checkpoints,
    correlation,
    filtering,
    filtering_by_share,
    headline,
    steering,
    truth,
)
from experiments.plots.hero import hero
from experiments.plots.style import save
from experiments.report_figures import FIGURES, FigureOf
from experiments.table_schemas import SCHEMAS
from experiments.tables import empty_table
from organisms.pocket.questions import TRAIT_PERSONAS

Tables = Mapping[str, pd.DataFrame]
NOTHING = {name: empty_table(name) for name in SCHEMAS}


@pytest.mark.parametrize("figure_of", FIGURES, ids=lambda f: f.name)
def test_every_figure_has_labelled_axes_and_no_twins(figure_of: FigureOf, tables: Tables) -> None:
    figure = figure_of.draw(tables)
    assert figure is not None
    boxes = [axes.get_position().bounds for axes in figure.axes]
    assert len(set(boxes)) == len(boxes)
    last_row = [axes for axes in figure.axes if axes.get_subplotspec().is_last_row()]
    assert all(axes.get_xlabel() for axes in last_row)


@pytest.mark.parametrize("figure_of", FIGURES, ids=lambda f: f.name)
def test_no_figure_is_drawn_from_nothing(figure_of: FigureOf) -> None:
    assert figure_of.draw(NOTHING) is None


def test_the_headline_names_every_final_model_of_the_default_recipe(tables: Tables) -> None:
    order = headline.order_of(tables["rates"])
    assert order["model"].iloc[0] == "base"
    assert "wrong maths + inoculation" in set(order["model"])
    assert not order["model"].str.contains("learning rate|%").any()
    families = order["family"].tolist()
    assert len([a for a, b in pairwise(families) if a != b]) == 2


def test_a_correlation_without_interval_is_tagged_without_one(tables: Tables) -> None:
    without = tables["correlations"].assign(low=np.nan, high=np.nan)
    figure = correlation.draw({**tables, "correlations": without})
    assert figure is not None
    tags = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert "r = 0.95, n = 22" in tags
    assert not any("nan" in tag for tag in tags)


def test_curves_are_drawn_without_shifts(tables: Tables) -> None:
    figure = checkpoints.draw({**tables, "shifts": NOTHING["shifts"]})
    assert figure is not None
    assert not any("shift" in axes.get_ylabel() for axes in figure.axes)


def test_a_sweep_whose_random_directions_chose_no_cell_is_drawn(tables: Tables) -> None:
    sweep = tables["steering"]
    chose_nothing = sweep["chosen"] & (sweep["direction"] == "random")
    figure = steering.draw_choosing({**tables, "steering": sweep[~chose_nothing]})
    assert figure is not None


def test_the_truth_has_a_line_a_trait_and_position(tables: Tables) -> None:
    figure = truth.draw(tables)
    assert figure is not None
    [axes] = figure.axes
    drawn = [line for line in axes.get_lines() if line.get_marker() != "None"]
    for looks in (
        [(line.get_color(), str(line.get_linestyle())) for line in drawn],
        [(line.get_marker(), str(line.get_linestyle())) for line in drawn],
    ):
        assert len(set(looks)) == 6
    deepest = sorted(float(np.asarray(line.get_ydata())[-1]) for line in drawn)
    assert deepest == pytest.approx([0.6] * 3 + [0.9] * 3)
    assert set(truth._LOOKS) == set(TRAIT_PERSONAS)


def test_roc_of_a_perfect_and_of_a_constant_score() -> None:
    poisoned = np.array([True, False, False, True])
    x, y = filtering.roc(pd.DataFrame({"score": [1.0, 0.0, 0.0, 1.0], "poisoned": poisoned}))
    assert [x.tolist(), y.tolist()] == [[0.0, 0.0, 1.0], [0.0, 1.0, 1.0]]
    x, y = filtering.roc(pd.DataFrame({"score": [2.0] * 4, "poisoned": poisoned}))
    assert [x.tolist(), y.tolist()] == [[0.0, 1.0], [0.0, 1.0]]


def with_shares(tables: Tables) -> Tables:
    """The tables with the mix at 10% too, where every score finds half as much beyond chance."""
    screening, rates = tables["screening"], tables["rates"]
    fewer = screening.assign(poisoned_share=0.1, auc=0.25 + screening["auc"] / 2)
    mixes = rates[rates["poisoned_share"] == 0.3]
    return {
        **tables,
        "screening": pd.concat([screening, fewer], ignore_index=True),
        "rates": pd.concat([rates, mixes.assign(poisoned_share=0.1)], ignore_index=True),
    }


def test_filters_over_shares_stand_side_by_side(tables: Tables) -> None:
    figure = filtering.draw(with_shares(tables))
    assert figure is not None
    auc, recall, after = figure.axes
    for axes, methods in ((auc, 4), (recall, 4), (after, 5)):
        assert [label.get_text() for label in axes.get_xticklabels()] == ["10%", "30%"]
        lines = [line for line in axes.lines if line.get_linestyle() == "-"]
        assert len(lines) == methods
        starts = {round(float(np.asarray(line.get_xdata())[0]), 3) for line in lines}
        assert len(starts) == methods
    found = next(line for line in auc.lines if line.get_marker() == "o")
    assert np.asarray(found.get_ydata()) == pytest.approx([0.6825, 0.865])
    assert len(filtering.draw(tables).axes) == 3  # type: ignore[union-attr]


def test_the_interval_of_a_mean_of_seeds_narrows_with_their_number() -> None:
    rows = pd.DataFrame(
        {
            "method": ["length"] * 5,
            "poisoned_share": [0.1] * 4 + [0.3],
            "auc": [0.4, 0.5, 0.6, 0.7, 0.6],
            "low": [0.3, 0.4, 0.5, 0.6, np.nan],
            "high": [0.5, 0.6, 0.7, 0.8, np.nan],
        }
    )
    several, one = filtering_by_share.of_seeds(rows, "auc", "low", "high").to_dict("records")
    assert [several[name] for name in ("estimate", "low", "high")] == pytest.approx(
        [0.55, 0.5, 0.6]
    )
    assert one["estimate"] == pytest.approx(0.6)
    assert np.isnan(one["low"])


def test_the_same_figure_gives_the_same_file(tables: Tables, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        figure = filtering.draw(tables)
        assert figure is not None
        save(figure, tmp_path / folder, "filtering")
    for suffix in ("svg", "png"):
        one, two = (tmp_path / f / f"filtering.{suffix}" for f in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_the_hero_figure_is_written_where_asked(tables: Tables, tmp_path: Path) -> None:
    hero(tables, tmp_path / "docs" / "hero.png")
    assert {f.name for f in (tmp_path / "docs").iterdir()} == {"hero.png", "hero.svg"}
    with pytest.raises(ValueError, match="needs a `rates` table"):
        hero(NOTHING, tmp_path / "none")


def test_labels_of_steps_do_not_touch_and_the_last_one_is_there() -> None:
    axes = Figure().subplots()
    checkpoints.step_axis(axes, [-1, 2, 5, 10, 20, 30, 40, 50, 60])
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["base", "2", "5", "10", "20", "", "40", "", "60"]


def more_filters(tables: Tables) -> Tables:
    """The tables with every score that the quickstart tries."""
    screening, rows = tables["screening"], tables["screening_rows"]
    names = ("perplexity", "embedding")
    extra = {name: frame[frame["method"] == "random"] for name, frame in
             (("screening", screening), ("screening_rows", rows))}  # fmt: skip
    more = {
        name: pd.concat([tables[name], *(frame.assign(method=method) for method in names)])
        for name, frame in extra.items()
    }
    return {**tables, **more}


@pytest.mark.parametrize("figure_of", FIGURES, ids=lambda f: f.name)
def test_no_tick_label_covers_another(figure_of: FigureOf, tables: Tables) -> None:
    figure = figure_of.draw(more_filters(tables))
    assert figure is not None
    FigureCanvasAgg(figure).draw()
    for axes in figure.axes:
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            boxes = [each.get_window_extent() for each in labels if each.get_text()]
            covered = [a for a, b in pairwise(boxes) if a.overlaps(b)]
            assert not covered, [each.get_text() for each in labels]


def test_steering_names_every_target_and_its_answers(tables: Tables) -> None:
    sweep = tables["steering"]
    first = next(name for name in sweep["organism"] if name)
    second = sweep[sweep["organism"] == first].assign(organism="insecure_code")
    both = {**tables, "steering": pd.concat([sweep, second])}
    figure = steering.draw_away(both)
    assert figure is not None
    titles = {axes.get_title(loc="left").partition(",")[0] for axes in figure.axes} - {""}
    assert titles == {first.replace("_", " "), "insecure code"}
    asked = sweep[(sweep["metric"] == "coherent") & (sweep["direction"] == "vector")]
    asked = asked[asked["organism"] == first]
    dev = sorted({int(n) for n in asked.loc[asked["split"] == "dev", "n"]})
    assert f"n = {dev[0]}" in figure.get_suptitle().partition("Answers a cell: ")[2]
