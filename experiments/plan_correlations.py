"""The stages that ask whether judged expression follows the shifts, and draw what it must beat."""

from __future__ import annotations

from experiments.plan_readings import add_crosstalk, add_detection
from experiments.planner import Planner, required
from experiments.stage import Stage


def add_correlations(planner: Planner) -> None:
    """Correlate every fine-tune's shifts with its judged expression, beside all nulls, and traits
    with each other; after shifts, updates and sweeps were added."""
    spec = planner.spec
    if planner.vectors is None or not (planner.measured or planner.brought):
        return
    correlated = {"vectors": planner.vectors}
    for runs in planner.measured.values():
        correlated |= {f"answers {run.subject.name}": run.answers for run in runs}
    for subject, (_, answers) in planner.brought.items():
        correlated[f"answers {subject.name}"] = answers
    correlated |= _reported(planner, "shifts ")
    planner.report(
        "correlations",
        Stage(
            kind="correlations",
            config={"traits": spec.traits, "seed": spec.seeds[0], "domains": planner.domains},
            inputs={**correlated, "nulls": _nulls(planner), **_reported(planner, "updates ")},
            cost=5.0,
        ),
    )
    add_crosstalk(planner, correlated)
    add_detection(planner)


def _reported(planner: Planner, beginning: str) -> dict[str, Stage]:
    return {name: stage for name, stage in planner.reported.items() if name.startswith(beginning)}


def _nulls(planner: Planner) -> Stage:
    """The null directions of every trait, made of the rollouts that its vector is made of."""
    spec, vectors = planner.spec, required(planner.vectors)
    return Stage(
        kind="nulls",
        config={
            "base": spec.base,
            "traits": spec.traits,
            "threshold": spec.extraction.threshold,
            "minimum": spec.extraction.minimum,
            "dtype": spec.dtype,
            "device": spec.device,
            "seed": spec.seeds[0],
        },
        inputs={"contrast": vectors.inputs["contrast"], "vectors": vectors},
        label=", ".join(spec.traits),
        sources=(spec.base,),
        cost=10.0,
    )
