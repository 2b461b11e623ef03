"""The choice of a steering cell: coherent first, then most extreme, and never by order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from persona_vectors.steering_choice import choose_cell

BASE = {"unsteered_rate": 0.1, "unsteered_coherence": 0.95, "floor": 0.85}


def cells(*rows: tuple[int, str, float, float, float]) -> pd.DataFrame:
    columns = ["layer", "scope", "coefficient", "rate", "coherence"]
    return pd.DataFrame(rows, columns=columns).assign(position="last_prompt", unit="norm")


def test_the_highest_rate_among_coherent_cells_wins() -> None:
    table = cells((1, "all", 1, 0.5, 0.86), (2, "all", 2, 0.9, 0.84), (2, "prompt", 1, 0.6, 0.85))
    choice = choose_cell(table, **BASE)
    assert (choice.layer, choice.scope, choice.rate, choice.eligible) == (2, "prompt", 0.6, 2)


def test_lowering_takes_the_lowest() -> None:
    table = cells((1, "all", -1, 0.05, 0.9), (2, "all", -2, 0.01, 0.9), (3, "all", -3, 0.0, 0.5))
    assert choose_cell(table, goal="lower", **BASE).coefficient == -2


def test_a_direction_that_only_harms_is_left_alone() -> None:
    choice = choose_cell(cells((2, "all", 1, 0.05, 0.9), (1, "prompt", 2, 1.0, 0.1)), **BASE)
    assert not choice.steers
    assert (choice.coefficient, choice.rate, choice.coherence) == (0.0, 0.1, 0.95)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(6)))
def test_ties_are_broken_by_size_not_by_order(order: list[int]) -> None:
    table = cells(
        (3, "all", 2, 0.5, 0.9),
        (2, "all", 1, 0.5, 0.9),
        (2, "last_prompt", 1, 0.5, 0.9),
        (1, "last_prompt", 2, 0.5, 0.9),
        (3, "last_prompt", 1, 0.5, 0.9),
        (1, "all", 1, np.nan, 0.9),
    )
    choice = choose_cell(table.iloc[order], **BASE)
    assert (choice.layer, choice.scope, choice.coefficient) == (2, "last_prompt", 1)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="lack the columns"):
        choose_cell(cells((1, "all", 1, 0.5, 0.9)).drop(columns="unit"), **BASE)
    with pytest.raises(ValueError, match="unknown scope"):
        choose_cell(cells((1, "some", 1, 0.5, 0.9)), **BASE)
    with pytest.raises(ValueError, match="without steering"):
        choose_cell(cells((1, "all", 1, 0.5, 0.9)), **{**BASE, "unsteered_rate": float("nan")})
