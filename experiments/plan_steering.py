"""The stages of steering: sweeps whose cell is chosen on dev, and organisms asked under the
chosen cell."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.plan_parts import Subject, ask, cost_of, runs_fields, sweep_answers
from experiments.planner import Planner, Trained, domain_of, final_questions, required
from experiments.spec.interventions import InferenceSteeringSpec
from experiments.stage import Stage
from experiments.stages.answers import AddedVector

SWEEP_CHUNK = 10
"""Random directions per sweep stage: small enough that every worker has something to do."""


def add_inference_steering(
    planner: Planner,
    intervention: InferenceSteeringSpec,
    trained: Mapping[tuple[str, int], Trained],
) -> None:
    """Choose a cell on dev with the first seed's organism, then ask every seed's under it."""
    spec = planner.spec
    for name in intervention.on:
        if (name, spec.seeds[0]) not in trained:
            raise ValueError(
                f"intervention steering on {name!r}: no such organism in this spec; add "
                f"`- dataset: {name}` under organisms"
            )
        first = trained[name, spec.seeds[0]]
        sweep: Stage | None = None
        position, unit = intervention.position, intervention.unit
        if intervention.layer is None or intervention.coefficient is None:
            sweep = add_sweep(planner, name, sign=-1, train_stage=first.stage, step=first.steps[-1])
            assert spec.steering is not None
            position, unit = spec.steering.position, spec.steering.unit
        for seed in spec.seeds:
            added = AddedVector(
                trait=intervention.trait,
                position=position,
                layer=intervention.layer,
                coefficient=intervention.coefficient,
                unit=unit,
                scope=intervention.scope,
            )
            subject = Subject(name, "organism", seed, intervention="steering")
            asked = final_questions(spec, first.steps[-1], (domain_of(name),))
            inputs = {"vectors": required(planner.vectors)}
            if sweep is not None:
                inputs["sweep"] = sweep
            answers = ask(
                spec,
                subject,
                asked,
                first.steps[-1],
                train_stage=trained[name, seed].stage,
                steering=(added,),
                inputs=inputs,
            )
            planner.report(f"answers {subject.name}", answers)


def add_sweep(
    planner: Planner, name: str, *, sign: int, train_stage: Stage | None, step: int
) -> Stage:
    """The steering sweep with the vector, and with random directions in chunks; returns the
    first."""
    spec = planner.spec
    if spec.steering is None:
        raise ValueError(
            "choosing a steering cell on dev needs the `steering` section: add it, or give the "
            "intervention its layer, scope and coefficient"
        )
    seed = spec.seeds[0]
    organism = "" if train_stage is None else name
    role = "base" if train_stage is None else "organism"
    chunks: list[tuple[int, int]] = [(-1, 0)]
    draws = spec.steering.draws
    chunks += [(at, min(at + SWEEP_CHUNK, draws)) for at in range(0, draws, SWEEP_CHUNK)]
    stages = []
    for first, last in chunks:
        count = sweep_answers(spec, 0 if first < 0 else last - first)
        inputs = {"vectors": required(planner.vectors)}
        if train_stage is not None:
            inputs["train"] = train_stage
        what = "vector" if first < 0 else f"random {first}-{last - 1}"
        stage = Stage(
            kind="sweep",
            config={
                **runs_fields(spec),
                "labels": Subject(organism, role, seed).labels,
                "step": step,
                "sign": sign,
                "trait": spec.steering.trait,
                "layers": spec.steering.layers,
                "scopes": spec.steering.scopes,
                "coefficients": spec.steering.coefficients,
                "position": spec.steering.position,
                "unit": spec.steering.unit,
                "samples": spec.steering.samples,
                "capability": spec.steering.capability if first < 0 else 0,
                "report_samples": spec.evaluation.samples,
                "split": spec.evaluation.split,
                "wording": spec.evaluation.wording,
                "maximum_coherence_loss": spec.steering.maximum_coherence_loss,
                "first_draw": first,
                "last_draw": last,
            },
            inputs=inputs,
            label=f"{name} {'+' if sign > 0 else '-'}{spec.steering.trait}, {what}",
            sources=(spec.base,),
            answers=count,
            cost=cost_of(count),
        )
        stages.append(planner.report(f"sweep {name} {what}", stage))
    return stages[0]
