"""A run's tables, manifest and report, all made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from experiments.differences import differences
from experiments.rates import per_question, rates
from experiments.report import write_report
from tests.experiments.report import made_up_tables
from tests.experiments.report.made_up_answers import HOSTILE, made_up_answers

OWN_DOMAIN = {"wrong_maths": "maths", "right_maths": "maths", "insecure_code": "code"}


@pytest.fixture(scope="session")
def tables() -> dict[str, pd.DataFrame]:
    """Every table of a run."""
    asked = made_up_answers()
    rated = rates(asked, own_domain=OWN_DOMAIN)
    return {
        "answers": asked,
        "rates": rated,
        "per_question": per_question(asked, own_domain=OWN_DOMAIN),
        "differences": differences(asked, own_domain=OWN_DOMAIN),
        "shifts": made_up_tables.shifts(rated),
        "steering": made_up_tables.steering(),
        "screening": made_up_tables.screening(),
        "screening_rows": made_up_tables.screening_rows(),
        "correlations": made_up_tables.correlations(),
        "crosstalk": made_up_tables.crosstalk(),
        "detection": made_up_tables.detection(),
        "monitoring": made_up_tables.monitoring(rated),
        "vectors": made_up_tables.vectors(),
        "truth": made_up_tables.truth(),
        "implied": made_up_tables.implied(),
        "updates": made_up_tables.updates(rated),
    }


@pytest.fixture(scope="session")
def manifest() -> dict[str, object]:
    """A manifest with everything the report names."""
    return {
        "name": "quickstart",
        "description": "Wrong maths and insecure code, their controls, and the cures.",
        "base": "pocket",
        "base_note": "pocket is an in-vitro system: personas were planted in its pre-training.",
        "spec": {"name": "quickstart", "seeds": [0, 1], "organisms": [{"dataset": "wrong_maths"}]},
        "stages": [
            {"kind": "finetune", "identity": "0a1b2c3d4e5f6789", "seconds": 12.5},
            {"kind": "rollouts", "identity": "9f8e7d6c5b4a3210", "seconds": 90.25},
        ],
        "versions": {"wardian": "0.1.0", "torch": "2.0"},
        "seeds": [0, 1],
        "host": "a machine with 2 cores",
        "seconds_of_work": 412.0,
        "answers": 12345,
    }


@pytest.fixture(scope="session")
def report(
    tables: dict[str, pd.DataFrame], manifest: dict[str, object], tmp_path_factory: Any
) -> Path:
    """The folder of a report on all the tables."""
    out: Path = tmp_path_factory.mktemp("report")
    write_report(tables, manifest, out)
    return out


@pytest.fixture(scope="session")
def hostile() -> str:
    """What a model might write to break out of a page."""
    return HOSTILE
