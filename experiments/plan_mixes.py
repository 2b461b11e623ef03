"""The stages of mixes: poisoned rows among clean ones, screened, filtered and trained on."""

from __future__ import annotations

from experiments.plan_parts import Subject, cost_of, runs_fields, screening_answers
from experiments.planner import (
    Planner,
    add_trained,
    dataset_name,
    dataset_stage,
    domain_of,
    required,
)
from experiments.spec.subjects import MixSpec
from experiments.stage import Stage


def add_mix(planner: Planner, mix: MixSpec) -> None:
    """One mix, trained on as it is and after each of its filters."""
    spec = planner.spec
    name = dataset_name(mix.organism)
    for seed in spec.seeds:
        rows = Stage(
            kind="mix",
            config={"share": mix.share, "count": spec.rows, "seed": seed},
            inputs={
                "organism": dataset_stage(spec, mix.organism, seed),
                "control": dataset_stage(spec, mix.control, seed, control=True),
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
                    inputs={"rows": rows, "screening": required(screening)},
                    label=f"{method}, seed {seed}",
                )
            subject = Subject(
                name,
                "organism",
                seed,
                poisoned_share=mix.share,
                intervention="none" if method == "none" else f"filter_{method}",
            )
            add_trained(planner, subject, kept, domain_of(mix.organism))


def _screening(planner: Planner, mix: MixSpec, rows: Stage, seed: int) -> Stage:
    spec = planner.spec
    clean = dataset_stage(spec, mix.control, seed + 1000, control=True)
    count = screening_answers(spec)
    stage = Stage(
        kind="screening",
        config={
            **runs_fields(spec),
            "dataset": dataset_name(mix.organism),
            "trait": mix.trait,
            "layer": mix.layer,
            "position": mix.position,
            "removal": mix.removal,
            "poisoned_share": mix.share,
            "seed": seed,
        },
        inputs={"rows": rows, "clean": clean, "vectors": required(planner.vectors)},
        label=f"{dataset_name(mix.organism)} {mix.share:.0%}, seed {seed}",
        sources=(spec.base,),
        answers=count,
        cost=cost_of(count),
    )
    return planner.report(f"screening {dataset_name(mix.organism)} {mix.share} {seed}", stage)
