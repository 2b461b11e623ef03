"""The stages that set beside each fine-tune how large its update is, and what pocket's world
implies of its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from experiments.plan_parts import Subject, ask
from experiments.planner import Planner, required
from experiments.stage import JSON, Stage
from experiments.stages.answers import BASE_STEP, Asked
from experiments.stages.updates import TOPIC_WORDINGS


def add_updates(planner: Planner) -> None:
    """LoRA norm and KL to the base of every fine-tune, all its seeds together."""
    if not planner.measured:
        return
    spec = planner.spec
    neutral = _neutral_answers(planner)
    for name, runs in planner.measured.items():
        labels = {key: value for key, value in runs[0].subject.labels.items() if key != "seed"}
        stage = Stage(
            kind="updates",
            config={
                "base": spec.base,
                "dtype": spec.dtype,
                "device": spec.device,
                "labels": labels,
                "seeds": [run.subject.seed for run in runs],
                "steps": runs[0].steps,
            },
            inputs={
                "neutral": neutral,
                **{f"train {run.subject.seed}": run.stage for run in runs},
            },
            label=name,
            sources=(spec.base,),
            cost=2.0 * len(runs),
        )
        planner.report(f"updates {name}", stage)


def add_crosstalk(planner: Planner, correlated: Mapping[str, Stage]) -> None:
    """Shift and steering along each trait against the expression of every trait."""
    spec = planner.spec
    if len(spec.traits) < 2:
        return
    sweeps = {
        name: stage
        for name, stage in planner.reported.items()
        if stage.kind == "sweep" and int(str(stage.config["first_draw"])) < 0
    }
    planner.report(
        "crosstalk",
        Stage(
            kind="crosstalk",
            config={
                "base": spec.base,
                "traits": spec.traits,
                "domains": planner.domains,
                "seed": spec.seeds[0],
            },
            inputs={**correlated, **sweeps},
            cost=2.0,
        ),
    )


def add_detection(planner: Planner) -> None:
    """Whether the prompt tells which of a fine-tune's answers will express a trait."""
    spec = planner.spec
    if not planner.measured:
        return
    inputs = {"vectors": required(planner.vectors)}
    models: list[JSON] = []
    for name, runs in planner.measured.items():
        for run in runs:
            key = run.subject.name
            models.append({"key": key, "model": name, "step": run.steps[-1]})
            inputs |= {f"train {key}": run.stage, f"answers {key}": run.answers}
    planner.report(
        "detection",
        Stage(
            kind="detection",
            config={
                "base": spec.base,
                "traits": spec.traits,
                "threshold": spec.extraction.threshold,
                "dtype": spec.dtype,
                "device": spec.device,
                "seed": spec.seeds[0],
                "models": models,
            },
            inputs=inputs,
            sources=(spec.base,),
            cost=1.0 * len(models),
        ),
    )


def add_implied(planner: Planner) -> None:
    """What pocket's world implies of every data set of its own that the spec trains on."""
    from organisms.pocket.narrow import NAMES

    spec = planner.spec
    datasets = tuple(sorted(set(planner.domains) & set(NAMES)))
    if spec.edition != "pocket" or not datasets:
        return
    stage = Stage(
        kind="implied",
        config={"base": spec.base, "datasets": datasets},
        label=", ".join(datasets),
        sources=(spec.base,),
        cost=1.0,
    )
    planner.report("implied", stage)


def _neutral_answers(planner: Planner) -> Stage:
    """What the base itself says to open dev questions: the texts that every checkpoint reads."""
    spec = planner.spec
    subject = Subject(organism="", role="base", seed=spec.seeds[0])
    asked = Asked(task="open_questions", split="dev", wording="seen", per_topic=TOPIC_WORDINGS)
    return replace(ask(spec, subject, [asked], BASE_STEP), label="base, neutral texts")
