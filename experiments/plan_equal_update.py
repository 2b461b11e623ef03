"""The control of equal update: trained on harmless rows, asked at every checkpoint."""

from __future__ import annotations

from typing import Any

from experiments.plan_parts import Subject
from experiments.planner import Planner, add_trained, dataset_name, dataset_stage
from experiments.spec import Spec
from experiments.spec.subjects import EqualUpdateSpec


def add_equal_update(
    planner: Planner, control: EqualUpdateSpec, organism: str, domain: str, seed: int
) -> None:
    """Train and ask the control of one organism, with one seed.

    Args:
        planner: what the stages are added to.
        control: its rows, and what differs from the spec's recipe.
        organism: the organism's name in tables.
        domain: the organism's narrow domain.
        seed: fine-tuning seed.
    """
    subject = Subject(
        dataset_name(control.dataset),
        "control",
        seed,
        control_of=organism,
        learning_rate=control.learning_rate,
        equal_update=True,
    )
    rows = dataset_stage(planner.spec, control.dataset, seed, control=True)
    changes = _changes(planner.spec, control)
    add_trained(planner, subject, rows, domain, curve=True, changes=changes)


def _changes(spec: Spec, control: EqualUpdateSpec) -> dict[str, Any]:
    """What differs from the recipe; checkpoints stand at the same shares of a longer or shorter
    run."""
    from finetune.config import preset

    changes = control.model_dump(exclude={"dataset"}, exclude_none=True)
    if control.max_steps is not None:
        recipe = preset(spec.finetune.preset, **spec.finetune.overrides)
        total = recipe.steps_for(spec.rows)
        share = control.max_steps / total
        places = {max(1, round(step * share)) for step in recipe.checkpoints_for(total)}
        changes |= {"epochs": None, "checkpoint_steps": tuple(sorted(places))}
    return changes
