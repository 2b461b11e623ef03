"""An estimate with its 95% interval, and when there are too few topics for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

CONFIDENCE: Final = 0.95
FEW_CLUSTERS: Final = 20  # from here on the t interval is given without a remark
MINIMUM_CLUSTERS: Final = 8  # below this no interval is given

TOO_FEW: Final = "too few questions"
FEW: Final = "few clusters"


@dataclass(frozen=True)
class Estimate:
    """A rate or a difference with its 95% interval.

    Attributes:
        estimate: the pooled mean, a fraction; NaN without answers.
        low: lower end of the interval; NaN where none can be given.
        high: upper end of the interval; NaN where none can be given.
        n: answers (for a paired difference: pairs) that the estimate is made of.
        clusters: distinct topics among them.
        note: "" or why the interval is missing or weak.
    """

    estimate: float
    low: float
    high: float
    n: int
    clusters: int
    note: str = ""


def nothing(note: str) -> Estimate:
    """The estimate of no data at all."""
    return Estimate(np.nan, np.nan, np.nan, 0, 0, note)


def note_on(clusters: int) -> str:
    """What is to be said about an interval from so many topics: "" from 20 on."""
    if clusters < MINIMUM_CLUSTERS:
        return TOO_FEW
    return FEW if clusters < FEW_CLUSTERS else ""
