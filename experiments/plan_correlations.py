"""The stages that ask whether judged expression follows the shifts, and draw what it must beat."""

from __future__ import annotations

from experiments.planner import Planner, required
from experiments.stage import Stage


def add_correlations(planner: Planner) -> None:
    """Correlate every fine-tune's shifts with its judged expression, beside all nulls; after shifts
    and updates were added."""
    spec = planner.spec
    if planner.vectors is None or not planner.measured:
        return
    inputs = {"vectors": planner.vectors, "nulls": _nulls(planner)}
    for runs in planner.measured.values():
        inputs |= {f"answers {run.subject.name}": run.answers for run in runs}
    inputs |= {
        name: stage
        for name, stage in planner.reported.items()
        if name.startswith(("shifts ", "updates "))
    }
    planner.report(
        "correlations",
        Stage(
            kind="correlations",
            config={"traits": spec.traits, "seed": spec.seeds[0]},
            inputs=inputs,
            cost=5.0,
        ),
    )


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
