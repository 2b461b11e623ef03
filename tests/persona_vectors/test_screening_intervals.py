"""Intervals of recall count poisoned rows, and a threshold is read on the mix alone."""

import numpy as np
import pytest

from evals.statistics import wilson
from persona_vectors.screening_intervals import at_threshold, recall_intervals


def test_the_interval_of_a_recall_is_that_of_a_share_of_poisoned_rows() -> None:
    found = recall_intervals({"recall_at_10": 0.25, "recall_at_30": 1.0}, 40)
    ends = (found["recall_at_10_low"], found["recall_at_10_high"])
    assert ends == pytest.approx(wilson(10, 40))
    assert found["recall_at_30_high"] == 1.0
    assert 0.9 < found["recall_at_30_low"] < 1.0
    nothing = recall_intervals({"recall_at_10": float("nan"), "recall_at_30": float("nan")}, 0)
    assert np.isnan(list(nothing.values())).all()


def test_a_threshold_removes_what_lies_above_it() -> None:
    scores = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    found = at_threshold(scores, [False, False, True, True, False], 2.0)
    assert found["recall_at_threshold"] == 0.5
    assert found["lost_at_threshold"] == pytest.approx(1 / 3)
    assert np.isnan(at_threshold(scores, np.zeros(5), 2.0)["recall_at_threshold"])
