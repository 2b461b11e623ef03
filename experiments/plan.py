"""From a spec to a plan: which stages a run is made of, and which reads which.

It decides what is compared with what; how each stage does its work is in `experiments.stages`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from experiments.plan_parts import (
    Subject,
    ask,
    contrast_answers,
    cost_of,
    runs_fields,
    screening_answers,
    sweep_answers,
    train,
)
from experiments.spec import (
    DatasetFile,
    ExistingSpec,
    InferenceSteeringSpec,
    InoculationSpec,
    MixSpec,
    PreventativeSteeringSpec,
    Spec,
)
from experiments.stage import Plan, Stage
from experiments.stages.answers import BASE_STEP, AddedVector, Asked

SWEEP_CHUNK = 10
"""Random directions per sweep stage: small enough that every worker has something to do."""


@dataclass
class _Planner:
    """Collects the stages of one spec; every stage that the report reads is kept by a readable
    name."""

    spec: Spec
    reported: dict[str, Stage] = field(default_factory=dict)
    vectors: Stage | None = None
    base_answers: Stage | None = None

    def report(self, name: str, stage: Stage) -> Stage:
        self.reported[name] = stage
        return stage


def build_plan(spec: Spec) -> Plan:
    """The stages of a run, ending in its report.

    Raises:
        ValueError: The plan logs more answers than the spec's budget.
    """
    planner = _Planner(spec)
    _add_base(planner)
    if spec.traits:
        _add_vectors(planner)
    trained = _add_organisms(planner)
    for mix in spec.mixes:
        _add_mix(planner, mix)
    for intervention in spec.interventions:
        if isinstance(intervention, InferenceSteeringSpec):
            _add_inference_steering(planner, intervention, trained)
        else:
            _add_training_intervention(planner, intervention)
    for existing in spec.existing:
        _add_existing(planner, existing)
    if spec.steering is not None:
        _add_sweep(planner, "base", sign=1, train_stage=None, step=BASE_STEP)
    _add_frontier(planner)
    final = Stage(
        kind="report",
        config={"spec": spec.model_dump(mode="json")},
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


def _name(dataset: str | DatasetFile) -> str:
    return dataset if isinstance(dataset, str) else dataset.name


def _domain(dataset: str | DatasetFile) -> str:
    if isinstance(dataset, DatasetFile):
        return dataset.domain
    from organisms.datasets.registry import DATASETS

    return DATASETS[dataset].domain


def _dataset(spec: Spec, dataset: str | DatasetFile, seed: int) -> Stage:
    path = "" if isinstance(dataset, str) else dataset.path
    return Stage(
        kind="dataset",
        config={
            "name": _name(dataset),
            "count": spec.rows,
            "seed": seed,
            "path": path,
            "domain": _domain(dataset),
        },
        label=f"{_name(dataset)}, seed {seed}",
        sources=(path,) if path else (),
        cost=1.0,
    )


def _narrow_domains(spec: Spec) -> tuple[str, ...]:
    named = [_domain(organism.dataset) for organism in spec.organisms]
    named += [_domain(mix.organism) for mix in spec.mixes]
    return tuple(dict.fromkeys(domain for domain in named if domain))


def _final_questions(spec: Spec, step: int, domains: tuple[str, ...]) -> list[Asked]:
    """What the base and every final checkpoint is asked."""
    wanted = spec.evaluation
    asked = [
        Asked(
            task="open_questions",
            split=wanted.split,
            wording=wanted.wording,
            samples=wanted.samples,
            steps=(step,),
        )
    ]
    if wanted.in_domain:
        asked += [
            Asked(
                task="in_domain",
                split=wanted.split,
                domain=domain,
                count=wanted.in_domain,
                steps=(step,),
            )
            for domain in domains
        ]
    if wanted.capability and spec.edition == "pocket":
        asked.append(
            Asked(task="capability", split=wanted.split, count=wanted.capability, steps=(step,))
        )
    return asked


def _checkpoint_questions(spec: Spec, steps: tuple[int, ...], domain: str) -> list[Asked]:
    """What an organism's earlier checkpoints are asked."""
    wanted = spec.evaluation
    if not wanted.checkpoint_wordings or not steps:
        return []
    asked = [
        Asked(
            task="open_questions",
            split=wanted.split,
            wording=wanted.wording,
            per_topic=wanted.checkpoint_wordings,
            steps=steps,
        )
    ]
    if wanted.in_domain and domain:
        asked.append(
            Asked(
                task="in_domain",
                split=wanted.split,
                domain=domain,
                count=wanted.in_domain,
                steps=steps,
            )
        )
    return asked


def _add_base(planner: _Planner) -> None:
    spec = planner.spec
    subject = Subject(organism="", role="base", seed=spec.seeds[0])
    asked = _final_questions(spec, BASE_STEP, _narrow_domains(spec))
    planner.base_answers = planner.report("answers base", ask(spec, subject, asked, BASE_STEP))


def _add_vectors(planner: _Planner) -> None:
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


def _required(stage: Stage | None) -> Stage:
    if stage is None:
        raise ValueError("this spec needs persona vectors: name at least one of `traits`")
    return stage


def _add_organisms(planner: _Planner) -> dict[tuple[str, int], Stage]:
    """Train, ask and measure every organism and control; returns the training stages."""
    spec = planner.spec
    trained: dict[tuple[str, int], Stage] = {}
    for organism in spec.organisms:
        for seed in spec.seeds:
            name = _name(organism.dataset)
            domain = _domain(organism.dataset)
            subject = Subject(organism=name, role="organism", seed=seed)
            if (name, seed) not in trained:
                trained[name, seed] = _add_trained(
                    planner, subject, _dataset(spec, organism.dataset, seed), domain, curve=True
                )
            for control in organism.controls:
                subject = Subject(_name(control), "control", seed, control_of=name)
                if (_name(control), seed) not in trained:
                    rows = _dataset(spec, control, seed)
                    trained[_name(control), seed] = _add_trained(planner, subject, rows, domain)
    return trained


def _add_trained(
    planner: _Planner,
    subject: Subject,
    rows: Stage,
    domain: str,
    *,
    curve: bool = False,
    intervention: dict[str, Any] | None = None,
    changes: dict[str, Any] | None = None,
) -> Stage:
    """One fine-tune with its answers and its shifts."""
    spec = planner.spec
    vectors = planner.vectors if intervention and "trait" in intervention else None
    stage, steps = train(spec, subject, rows, intervention, vectors, changes)
    asked = _final_questions(spec, steps[-1], (domain,) if domain else ())
    if curve:
        asked += _checkpoint_questions(spec, steps[:-1], domain)
    answers = ask(spec, subject, asked, steps[-1], train_stage=stage)
    planner.report(f"answers {subject.name}", answers)
    planner.report(f"train {subject.name}", stage)
    if planner.vectors is not None:
        planner.report(f"shifts {subject.name}", _shifts(planner, subject, stage, answers, steps))
    return stage


def _shifts(
    planner: _Planner, subject: Subject, stage: Stage, answers: Stage, steps: tuple[int, ...]
) -> Stage:
    spec = planner.spec
    return Stage(
        kind="shifts",
        config={
            "base": spec.base,
            "traits": spec.traits,
            "dtype": spec.dtype,
            "device": spec.device,
            "labels": subject.labels,
            "steps": steps,
        },
        inputs={
            "train": stage,
            "vectors": _required(planner.vectors),
            "answers": answers,
            "base_answers": _required(planner.base_answers),
        },
        label=subject.name,
        sources=(spec.base,),
        cost=4.0,
    )


def _add_mix(planner: _Planner, mix: MixSpec) -> None:
    spec = planner.spec
    name = _name(mix.organism)
    for seed in spec.seeds:
        rows = Stage(
            kind="mix",
            config={"share": mix.share, "count": spec.rows, "seed": seed},
            inputs={
                "organism": _dataset(spec, mix.organism, seed),
                "control": _dataset(spec, mix.control, seed),
            },
            label=f"{name} {mix.share:.0%}, seed {seed}",
        )
        screening: Stage | None = None
        if set(mix.filters) - {"none"}:
            screening = _screening(planner, mix, rows, seed)
        for method in mix.filters:
            kept = rows
            if method != "none":
                kept = Stage(
                    kind="filter",
                    config={"method": method, "removal": mix.removal},
                    inputs={"rows": rows, "screening": _required(screening)},
                    label=f"{method}, seed {seed}",
                )
            subject = Subject(
                name,
                "organism",
                seed,
                poisoned_share=mix.share,
                intervention="none" if method == "none" else f"filter_{method}",
            )
            _add_trained(planner, subject, kept, _domain(mix.organism))


def _screening(planner: _Planner, mix: MixSpec, rows: Stage, seed: int) -> Stage:
    spec = planner.spec
    clean = _dataset(spec, mix.control, seed + 1000)
    count = screening_answers(spec)
    stage = Stage(
        kind="screening",
        config={
            **runs_fields(spec),
            "dataset": _name(mix.organism),
            "trait": mix.trait,
            "layer": mix.layer,
            "position": mix.position,
            "removal": mix.removal,
            "poisoned_share": mix.share,
            "seed": seed,
        },
        inputs={"rows": rows, "clean": clean, "vectors": _required(planner.vectors)},
        label=f"{_name(mix.organism)} {mix.share:.0%}, seed {seed}",
        sources=(spec.base,),
        answers=count,
        cost=cost_of(count),
    )
    return planner.report(f"screening {_name(mix.organism)} {mix.share} {seed}", stage)


def _add_training_intervention(
    planner: _Planner, intervention: InoculationSpec | PreventativeSteeringSpec
) -> None:
    spec = planner.spec
    settings = intervention.model_dump(mode="json", exclude={"on"}, exclude_none=True)
    for name in intervention.on:
        for seed in spec.seeds:
            subject = Subject(name, "organism", seed, intervention=intervention.kind)
            _add_trained(
                planner,
                subject,
                _dataset(spec, name, seed),
                _domain(name),
                intervention=settings,
            )


def _add_inference_steering(
    planner: _Planner,
    intervention: InferenceSteeringSpec,
    trained: dict[tuple[str, int], Stage],
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
        steps: list[int] = list(first.config["finetune"]["checkpoint_steps"])  # type: ignore
        sweep: Stage | None = None
        if intervention.layer is None or intervention.coefficient is None:
            sweep = _add_sweep(planner, name, sign=-1, train_stage=first, step=steps[-1])
        for seed in spec.seeds:
            added = AddedVector(
                trait=intervention.trait,
                position=intervention.position,
                layer=intervention.layer,
                coefficient=intervention.coefficient,
                unit=intervention.unit,
                scope=intervention.scope,
            )
            subject = Subject(name, "organism", seed, intervention="steering")
            asked = _final_questions(spec, steps[-1], (_domain(name),))
            inputs = {"vectors": _required(planner.vectors)}
            if sweep is not None:
                inputs["sweep"] = sweep
            answers = ask(
                spec,
                subject,
                asked,
                steps[-1],
                train_stage=trained[name, seed],
                steering=(added,),
                inputs=inputs,
            )
            planner.report(f"answers {subject.name}", answers)


def _add_sweep(
    planner: _Planner, name: str, *, sign: int, train_stage: Stage | None, step: int
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
        inputs = {"vectors": _required(planner.vectors)}
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


def _add_existing(planner: _Planner, existing: ExistingSpec) -> None:
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
        _final_questions(spec, 0, _narrow_domains(spec)),
        0,
        adapter=existing.adapter or "",
        model=existing.model or "",
        steering=steering,
        sources=(source,),
    )
    planner.report(f"answers {subject.name}", answers)


def _add_frontier(planner: _Planner) -> None:
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
            rows = _dataset(spec, name, seed)
            _add_trained(planner, subject, rows, _domain(name), curve=True, changes=changes)
