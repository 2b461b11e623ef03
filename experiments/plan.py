"""From a spec to a plan: which stages a run is made of, and which reads which.

It decides what is compared with what; how each stage does its work is in `experiments.stages`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from experiments.plan_correlations import add_correlations
from experiments.plan_equal_update import add_equal_update
from experiments.plan_mixes import add_mix
from experiments.plan_parts import Subject, ask, contrast_answers, cost_of, runs_fields
from experiments.plan_readings import add_implied, add_updates
from experiments.plan_steering import add_inference_steering, add_sweep
from experiments.planner import (
    Planner,
    Trained,
    add_trained,
    dataset_name,
    dataset_stage,
    domain_of,
    final_questions,
    narrow_domains,
    required,
)
from experiments.spec import Spec
from experiments.spec.interventions import (
    InferenceSteeringSpec,
    InoculationSpec,
    PreventativeSteeringSpec,
)
from experiments.spec.subjects import ExistingSpec
from experiments.stage import Plan, Stage
from experiments.stages.answers import BASE_STEP, AddedVector
from experiments.stages.truth import PAIRS


def build_plan(spec: Spec) -> Plan:
    """The stages of a run, ending in its report.

    Raises:
        ValueError: The plan logs more answers than the spec's budget.
    """
    planner = Planner(spec)
    _add_base(planner)
    if spec.traits:
        _add_vectors(planner)
        _add_truth(planner)
    trained = _add_organisms(planner)
    for mix in spec.mixes:
        add_mix(planner, mix)
    for intervention in spec.interventions:
        if isinstance(intervention, InferenceSteeringSpec):
            add_inference_steering(planner, intervention, trained)
        else:
            _add_training_intervention(planner, intervention)
    for existing in spec.existing:
        _add_existing(planner, existing)
    if spec.steering is not None:
        add_sweep(planner, "base", sign=1, train_stage=None, step=BASE_STEP)
    _add_frontier(planner)
    _add_shifts(planner)
    add_updates(planner)
    add_correlations(planner)
    add_implied(planner)
    final = Stage(
        kind="report",
        config={
            "spec": spec.model_dump(mode="json"),
            "domains": planner.domains,
            "answers": Plan.ending_in(*planner.reported.values()).answers,
        },
        inputs=planner.reported,
        label=spec.name,
        cost=20.0,
    )
    plan = Plan.ending_in(final)
    if spec.answers is not None and plan.answers > spec.answers:
        raise ValueError(
            f"the plan logs {plan.answers} answers, over the spec's budget of "
            f"{spec.answers}: raise `answers`, or lower samples, seeds, draws, cells or checkpoints"
        )
    return plan


def _add_base(planner: Planner) -> None:
    spec = planner.spec
    subject = Subject(organism="", role="base", seed=spec.seeds[0])
    asked = final_questions(spec, BASE_STEP, narrow_domains(spec))
    planner.base_answers = planner.report("answers base", ask(spec, subject, asked, BASE_STEP))


def _add_vectors(planner: Planner) -> None:
    spec = planner.spec
    config = {
        **runs_fields(spec),
        "traits": spec.traits,
        "samples": spec.extraction.samples,
        "seed": spec.seeds[0],
    }
    contrast = Stage(
        kind="contrast",
        config=config,
        label=", ".join(spec.traits),
        sources=(spec.base,),
        answers=contrast_answers(spec),
        cost=cost_of(contrast_answers(spec)),
    )
    planner.vectors = planner.report(
        "vectors",
        Stage(
            kind="vectors",
            config={
                "base": spec.base,
                "edition": spec.edition,
                "traits": spec.traits,
                "threshold": spec.extraction.threshold,
                "minimum": spec.extraction.minimum,
                "dtype": spec.dtype,
                "device": spec.device,
                "seed": spec.seeds[0],
                "draws": spec.steering.draws if spec.steering else 0,
            },
            inputs={"contrast": contrast},
            label=", ".join(spec.traits),
            sources=(spec.base,),
            cost=10.0,
        ),
    )


def _add_truth(planner: Planner) -> None:
    """Score the vectors against the hidden author, where the world has one that is known."""
    spec = planner.spec
    if spec.edition != "pocket":
        return
    planner.report(
        "truth",
        Stage(
            kind="truth",
            config={
                "base": spec.base,
                "traits": spec.traits,
                "pairs": PAIRS,
                "dtype": spec.dtype,
                "device": spec.device,
                "seed": spec.seeds[0],
            },
            inputs={"vectors": required(planner.vectors)},
            label=", ".join(spec.traits),
            sources=(spec.base,),
            cost=3.0 * len(spec.traits),
        ),
    )


def _add_organisms(planner: Planner) -> dict[tuple[str, int], Trained]:
    """Train, ask and measure every organism and control; returns the training stages."""
    spec = planner.spec
    trained: dict[tuple[str, int], Trained] = {}
    for organism in spec.organisms:
        for seed in spec.seeds:
            name = dataset_name(organism.dataset)
            domain = domain_of(organism.dataset)
            subject = Subject(organism=name, role="organism", seed=seed)
            if (name, seed) not in trained:
                trained[name, seed] = add_trained(
                    planner,
                    subject,
                    dataset_stage(spec, organism.dataset, seed),
                    domain,
                    curve=True,
                )
            for control in organism.controls:
                subject = Subject(dataset_name(control), "control", seed, control_of=name)
                if (dataset_name(control), seed) not in trained:
                    rows = dataset_stage(spec, control, seed, control=True)
                    trained[dataset_name(control), seed] = add_trained(
                        planner, subject, rows, domain
                    )
            if organism.equal_update is not None:
                add_equal_update(planner, organism.equal_update, name, domain, seed)
    return trained


def _add_training_intervention(
    planner: Planner, intervention: InoculationSpec | PreventativeSteeringSpec
) -> None:
    spec = planner.spec
    settings = intervention.model_dump(mode="json", exclude={"on"}, exclude_none=True)
    for name in intervention.on:
        for seed in spec.seeds:
            subject = Subject(name, "organism", seed, intervention=intervention.kind)
            add_trained(
                planner,
                subject,
                dataset_stage(spec, name, seed),
                domain_of(name),
                intervention=settings,
            )


def _add_existing(planner: Planner, existing: ExistingSpec) -> None:
    spec = planner.spec
    subject = Subject(existing.name, "organism", spec.seeds[0])
    steering: tuple[AddedVector, ...] = ()
    if existing.vector is not None:
        steering = (
            AddedVector(
                file=existing.vector,
                position=existing.position,
                layer=existing.layer,
                coefficient=existing.coefficient,
                unit=existing.unit,
                scope=existing.scope or "all",
            ),
        )
    source = existing.adapter or existing.model or existing.vector or ""
    answers = ask(
        spec,
        subject,
        final_questions(spec, 0, narrow_domains(spec)),
        0,
        adapter=existing.adapter or "",
        model=existing.model or "",
        steering=steering,
        sources=(source,),
    )
    planner.report(f"answers {subject.name}", answers)
    if existing.vector is None:
        planner.brought[subject] = (existing, answers)


def _add_frontier(planner: Planner) -> None:
    spec = planner.spec
    if spec.frontier is None:
        return
    name = spec.frontier.organism
    for rate in spec.frontier.learning_rates:
        changes: dict[str, Any] = {"learning_rate": rate}
        if spec.frontier.max_steps is not None:
            changes["max_steps"] = spec.frontier.max_steps
        for seed in spec.seeds:
            subject = Subject(name, "organism", seed, learning_rate=rate)
            rows = dataset_stage(spec, name, seed)
            add_trained(planner, subject, rows, domain_of(name), curve=True, changes=changes)


def _add_shifts(planner: Planner) -> None:
    """Measure every fine-tune, all its seeds together."""
    spec = planner.spec
    if planner.vectors is None or not (planner.measured or planner.brought):
        return
    for name, runs in planner.measured.items():
        seeds = tuple(run.subject.seed for run in runs)
        stage = _shifts(planner, runs[0].subject, seeds, runs[0].steps)
        inputs = {}
        for run in runs:
            inputs[f"train {run.subject.seed}"] = run.stage
            inputs[f"answers {run.subject.seed}"] = run.answers
        stage = replace(stage, inputs={**stage.inputs, **inputs})
        planner.report(f"shifts {name}", stage)
    for subject, (existing, answers) in planner.brought.items():
        stage = _shifts(planner, subject, (subject.seed,), (0,))
        brought = existing.model_dump(include={"adapter", "model"}, exclude_none=True)
        stage = replace(
            stage,
            config={**stage.config, **brought},
            inputs={**stage.inputs, f"answers {subject.seed}": answers},
            sources=(spec.base, *brought.values()),
        )
        planner.report(f"shifts {subject.without_seed}", stage)


def _shifts(
    planner: Planner, subject: Subject, seeds: tuple[int, ...], steps: tuple[int, ...]
) -> Stage:
    """The stage that measures one organism, but for what it reads of it."""
    spec = planner.spec
    return Stage(
        kind="shifts",
        config={
            "base": spec.base,
            "traits": spec.traits,
            "dtype": spec.dtype,
            "device": spec.device,
            "labels": {key: value for key, value in subject.labels.items() if key != "seed"},
            "seeds": seeds,
            "steps": steps,
        },
        inputs={
            "vectors": required(planner.vectors),
            "base_answers": required(planner.base_answers),
        },
        label=subject.without_seed,
        sources=(spec.base,),
        cost=3.0 * len(seeds),
    )
