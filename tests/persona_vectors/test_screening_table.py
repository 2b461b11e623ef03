"""Intervals of recall count poisoned rows, and a threshold is read on the mix alone."""

import numpy as np
import pytest

from evals.statistics import wilson
from persona_vectors.screening_table import at_threshold, screening_row


def test_the_interval_of_a_recall_is_that_of_a_share_of_poisoned_rows() -> None:
    truth = np.arange(400) % 10 == 0
    found = screening_row(np.arange(400)[::-1] + 0.0, truth, ~truth, {"method": "x"})
    assert found["recall_at_10"] == 0.1
    ends = (found["recall_at_10_low"], found["recall_at_10_high"])
    assert ends == pytest.approx(wilson(4, 40))
    nothing = screening_row(np.zeros(9), np.zeros(9), np.ones(9, bool), {})
    assert str(nothing["recall_at_30"]) == str(nothing["recall_at_30_low"]) == "nan"


def test_a_threshold_removes_what_lies_above_it() -> None:
    scores = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    found = at_threshold(scores, [False, False, True, True, False], 2.0)
    assert found["recall_at_threshold"] == 0.5
    assert found["lost_at_threshold"] == pytest.approx(1 / 3)
    assert np.isnan(at_threshold(scores, np.zeros(5), 2.0)["recall_at_threshold"])
