"""The last stage: gathers what the others wrote into tables, and writes plots and the report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from evals.answers import UNUSUAL_COLUMNS
from experiments.stages.answers import ANSWERS
from experiments.stages.crosstalk import CROSSTALK
from experiments.stages.detection import DETECTION
from experiments.stages.implied import IMPLIED
from experiments.stages.training import MONITORING
from experiments.stages.truth import TRUTH
from experiments.stages.updates import UPDATES

if TYPE_CHECKING:
    import pandas as pd


class ReportConfig(BaseModel):
    """The run that is reported."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: dict[str, Any]
    """The whole spec, as plain JSON."""
    domains: dict[str, str]
    """Data set name -> its narrow domain, left out of that organism's open rate."""
    answers: int
    """Answers logged by all stages of the run, those that no table holds included."""


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write tables, figures, report and manifest into `out`."""
    from experiments.report import write_report
    from experiments.steering_rates import steering_rates

    parsed = ReportConfig.model_validate(config)
    progress("tables")
    answers = _gather(inputs, "answers ", ANSWERS)
    if answers is None:
        raise ValueError("no stage asked anything: name organisms, existing ones, or steering")
    swept = _gather(inputs, "sweep ", "steering.parquet")
    tables = {
        "answers": answers,
        "shifts": _gather(inputs, "shifts ", "shifts.parquet"),
        "updates": _gather(inputs, "updates ", UPDATES),
        "implied": _gather(inputs, "implied", IMPLIED),
        "steering": None if swept is None else steering_rates(swept),
        "screening": _gather(inputs, "screening ", "screening.parquet"),
        "screening_rows": _gather(inputs, "screening ", "scores.parquet"),
        "correlations": _gather(inputs, "correlations", "correlations.parquet"),
        "crosstalk": _gather(inputs, "crosstalk", CROSSTALK),
        "monitoring": _gather(inputs, "train ", MONITORING),
        "detection": _gather(inputs, "detection", DETECTION),
        "vectors": _gather(inputs, "vectors", "vectors.parquet"),
        "truth": _gather(inputs, "truth", TRUTH),
    }
    progress("figures and report")
    write_report(
        {name: table for name, table in tables.items() if table is not None},
        _manifest(parsed, inputs),
        out,
        own_domain=parsed.domains,
    )


def _gather(inputs: Mapping[str, Path], prefix: str, file: str) -> pd.DataFrame | None:
    """One table of a file that several stages wrote; none where no stage did."""
    import pandas as pd

    parts = [pd.read_parquet(path) for path in _files(inputs, prefix, file)]
    # The same in all of a run: its spec says so, and its logs hold what was thought.
    parts = [part.drop(columns=list(UNUSUAL_COLUMNS), errors="ignore") for part in parts]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else None


def _files(inputs: Mapping[str, Path], prefix: str, file: str) -> Iterator[Path]:
    for name in sorted(inputs):
        if name.startswith(prefix) and (inputs[name] / file).exists():
            yield inputs[name] / file


def _manifest(config: ReportConfig, inputs: Mapping[str, Path]) -> dict[str, Any]:
    """What the run was: spec, base note, and the manifests of the stages that are reported."""
    from experiments.making import host, versions
    from organisms import BASE_NOTES

    spec, stages = config.spec, []
    for name in sorted(inputs):
        made = json.loads((inputs[name].parent / "manifest.json").read_text(encoding="utf-8"))
        stages.append(
            {
                "label": name,
                **{key: made.get(key) for key in ("kind", "identity", "version", "seed")},
                **{key: made.get(key) for key in ("answers", "seconds", "peak_memory_bytes")},
            }
        )
    return {
        "name": spec["name"],
        "description": spec["description"],
        "base": spec["base"],
        "base_note": BASE_NOTES.get(spec["base"], ""),
        "seeds": spec["seeds"],
        "answers": config.answers,
        "seconds_of_work": round(sum(stage["seconds"] or 0 for stage in stages), 1),
        "host": host(),
        "versions": versions(),
        "spec": spec,
        "stages": stages,
    }
