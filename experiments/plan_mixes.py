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
from experiments.spec import Spec
from experiments.spec.subjects import MixSpec
from experiments.stage import Stage
from experiments.stages.screening import rows_of


def add_mix(planner: Planner, mix: MixSpec) -> None:
    """One mix at each of its shares, trained on as it is and after each of its filters."""
    spec = planner.spec
    name = dataset_name(mix.organism)
    for seed in spec.seeds:
        mixed = {share: _mixed(spec, mix, share, seed) for share in mix.share}
        screening: Stage | None = None
        if set(mix.filters) - {"none"}:
            screening = _screening(planner, mix, mixed, seed)
        for share, rows in mixed.items():
            for method in mix.filters:
                kept = rows
                if method != "none":
                    kept = Stage(
                        kind="filter",
                        config={"method": method, "share": share, "removal": mix.removal},
                        inputs={"rows": rows, "screening": required(screening)},
                        label=f"{name} {share:.0%}, {method}, seed {seed}",
                    )
                subject = Subject(
                    name,
                    "organism",
                    seed,
                    poisoned_share=share,
                    intervention="none" if method == "none" else f"filter_{method}",
                )
                add_trained(planner, subject, kept, domain_of(mix.organism))


def _mixed(spec: Spec, mix: MixSpec, share: float, seed: int) -> Stage:
    return Stage(
        kind="mix",
        config={"share": share, "count": spec.rows, "seed": seed},
        inputs={
            "organism": dataset_stage(spec, mix.organism, seed),
            "control": dataset_stage(spec, mix.control, seed, control=True),
        },
        label=f"{dataset_name(mix.organism)} {share:.0%}, seed {seed}",
    )


def _screening(planner: Planner, mix: MixSpec, mixed: dict[float, Stage], seed: int) -> Stage:
    """One stage scores the mixes of all shares, whose prompts are mostly the same."""
    spec = planner.spec
    clean = dataset_stage(spec, mix.control, seed + 1000, control=True)
    count = screening_answers(spec, 1 if _same_prompts(mix) else len(mixed))
    name = dataset_name(mix.organism)
    stage = Stage(
        kind="screening",
        config={
            **runs_fields(spec),
            "dataset": name,
            "trait": mix.trait,
            "layer": mix.layer,
            "position": mix.position,
            "shares": mix.share,
            "removal": mix.removal,
            "judged": "judge" in mix.filters,
            "seed": seed,
        },
        inputs={
            **{rows_of(share): rows for share, rows in mixed.items()},
            "clean": clean,
            "vectors": required(planner.vectors),
        },
        label=f"{name} {', '.join(f'{share:.0%}' for share in mix.share)}, seed {seed}",
        sources=(spec.base,),
        answers=count,
        cost=cost_of(count),
    )
    shares = " ".join(f"{share:g}" for share in mix.share)
    return planner.report(f"screening {name} {shares} {seed}", stage)


def _same_prompts(mix: MixSpec) -> bool:
    """Whether the mixes of all shares are known to have the same prompts at the same places."""
    if not isinstance(mix.organism, str) or not isinstance(mix.control, str):
        return False
    from organisms.datasets.registry import DATASETS

    control = DATASETS[mix.control]
    return control.variant == "control" and control.control_of == mix.organism
