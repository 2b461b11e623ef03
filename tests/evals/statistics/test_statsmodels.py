"""What statsmodels computes, too, agrees with it: clustered errors, Wilson, corrections."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.api import OLS
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from evals.statistics import benjamini_hochberg, holm, wilson
from evals.statistics.clustered import half_width


@pytest.mark.parametrize("topics", [8, 24, 48])
def test_the_half_width_of_one_seed_is_t_times_the_cluster_robust_error(topics: int) -> None:
    generator = np.random.default_rng(topics)
    cluster = np.repeat(range(topics), generator.integers(1, 12, topics))
    values = generator.binomial(1, generator.beta(1, 3, topics)[cluster]).astype(float)
    fitted = OLS(values, np.ones_like(values)).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": True}
    )
    counts = np.bincount(cluster).astype(float)[:, None]
    sums = np.bincount(cluster, weights=values)[:, None]
    expected = stats.t.ppf(0.975, topics - 1) * fitted.bse[0]
    assert float(half_width(sums, counts)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("k", "n"), [(0, 12), (3, 40), (40, 40), (199, 200)])
def test_wilson_agrees(k: int, n: int) -> None:
    assert wilson(k, n) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-12)


def test_corrections_agree() -> None:
    given = np.random.default_rng(0).uniform(0, 0.2, 30)
    assert holm(given) == pytest.approx(multipletests(given, method="holm")[1])
    assert benjamini_hochberg(given) == pytest.approx(multipletests(given, method="fdr_bh")[1])
