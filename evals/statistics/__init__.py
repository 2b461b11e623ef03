"""What is known about rates and their uncertainty: arithmetic on arrays, no models, no files.

Every rate of the project comes from here, so that a table, a plot and an inspect metric can never
disagree. The cluster is the question's topic: paraphrases and formats of one question are one
cluster. Imports numpy and scipy only.
"""

from evals.statistics.at_k import misaligned_at_k
from evals.statistics.bootstrap import bootstrap_mean
from evals.statistics.clustered import between_seeds, half_width, interval_of_cells
from evals.statistics.corrections import benjamini_hochberg, holm
from evals.statistics.denominators import denominators, misaligned
from evals.statistics.differences import paired_difference, pairs
from evals.statistics.estimate import (
    CONFIDENCE,
    FEW,
    FEW_CLUSTERS,
    MINIMUM_CLUSTERS,
    TOO_FEW,
    Estimate,
)
from evals.statistics.permutation import exchange_test, sign_flip_test
from evals.statistics.power import Shares, Study, plan_studies, variance_shares
from evals.statistics.proportions import ASSUMED_INTRACLASS_CORRELATION, effective_n, wilson
from evals.statistics.rates import bounds, rate
from evals.statistics.thresholds import AtThresholds, swapped, threshold_surface

__all__ = [
    "ASSUMED_INTRACLASS_CORRELATION",
    "CONFIDENCE",
    "FEW",
    "FEW_CLUSTERS",
    "MINIMUM_CLUSTERS",
    "TOO_FEW",
    "AtThresholds",
    "Estimate",
    "Shares",
    "Study",
    "benjamini_hochberg",
    "between_seeds",
    "bootstrap_mean",
    "bounds",
    "denominators",
    "effective_n",
    "exchange_test",
    "half_width",
    "holm",
    "interval_of_cells",
    "misaligned",
    "misaligned_at_k",
    "paired_difference",
    "pairs",
    "plan_studies",
    "rate",
    "sign_flip_test",
    "swapped",
    "threshold_surface",
    "variance_shares",
    "wilson",
]
