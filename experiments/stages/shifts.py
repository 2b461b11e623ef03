"""The stage that measures how far each checkpoint of one fine-tune moved, on every kind of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from experiments.stages.answers import ANSWERS, checkpoint, vector_file

CHANGES = "changes.safetensors"
"""Mean activation changes on the prompts, from which any direction's shift follows."""


class ShiftsConfig(BaseModel):
    """One fine-tune and the vectors it is measured along."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    """Base model: embedded name, folder or hub id."""
    traits: tuple[str, ...]
    """Names of traits."""
    dtype: str
    """Number format of the weights."""
    device: str
    """Where the model runs."""
    labels: dict[str, Any]
    """Columns of the tables: who is measured."""
    steps: tuple[int, ...]
    """Checkpoints, increasing; the last one is final."""


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write the shifts of all checkpoints, and the mean changes on the prompts."""
    import pandas as pd

    from organisms import resolve_base
    from organisms.runtime import Organism
    from persona_vectors.measuring import POSITIONS_ON, Checkpoint, measure
    from persona_vectors.shift import ON, ActivationChanges, QuestionChange, shift_rows
    from persona_vectors.vector import PersonaVector

    parsed = ShiftsConfig.model_validate(config)
    organism = Organism.load(resolve_base(parsed.base), dtype=parsed.dtype, device=parsed.device)
    layers = tuple(range(organism.number_of_layers + 1))
    vectors = [
        PersonaVector.load(vector_file(inputs["vectors"], trait), directions=())
        for trait in parsed.traits
    ]
    texts = _open_answers(pd.read_parquet(inputs["base_answers"] / ANSWERS))
    own = _open_answers(pd.read_parquet(inputs["answers"] / ANSWERS))
    steps = {
        step: Checkpoint(
            key=f"step-{step}",
            labels={
                "base": parsed.base,
                **parsed.labels,
                "step": step,
                "final": step == parsed.steps[-1],
            },
            adapter=checkpoint(inputs["train"], step),
        )
        for step in parsed.steps
    }
    asked = sorted(set(own["step"]) & set(steps))
    tables = []
    for on in ON:
        progress(f"shift on {on}")
        reads_own = on in ("own", "own_under_base")
        measured: list[QuestionChange] = measure(
            organism,
            [steps[step] for step in (asked if reads_own else parsed.steps)],
            texts.drop_duplicates("question") if on == "prompt" else texts,
            on,
            own={f"step-{step}": own[own["step"] == step] for step in asked},
        )
        tables.append(shift_rows(measured, vectors, POSITIONS_ON[on], layers))
        if on == "prompt":
            changes = ActivationChanges.of(measured, POSITIONS_ON[on], layers)
            changes.save(out / CHANGES)
    pd.concat(tables, ignore_index=True).to_parquet(out / "shifts.parquet", index=False)


def _open_answers(answers: Any) -> Any:
    """The answers to open questions that have text to read."""
    return answers[(answers["task"] == "open_questions") & (answers["answer"] != "")]
