"""The stage that measures how far each checkpoint of one fine-tune moved, on every kind of text.

All seeds of a fine-tune are measured together, so that they can be pooled question by question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from experiments.stages.answers import ANSWERS, checkpoint, vector_file

if TYPE_CHECKING:
    from persona_vectors.measuring import Checkpoint

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
    """Columns of the tables: who is measured, whatever the seed."""
    seeds: tuple[int, ...]
    """Fine-tuning seeds; the inputs `train S` and `answers S` belong to seed S."""
    steps: tuple[int, ...]
    """Checkpoints, increasing; the last one is final."""
    adapter: str = ""
    """Of an organism that exists already: its adapter's folder, in place of the inputs `train`."""
    model: str = ""
    """Likewise, the full model."""


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write the shifts of all checkpoints, and the mean changes on the prompts."""
    import pandas as pd

    from organisms import load_organism
    from persona_vectors.measuring import POSITIONS_ON, measure
    from persona_vectors.shift import ON, ActivationChanges, pooled_shift_rows, shift_rows
    from persona_vectors.vector import PersonaVector

    parsed = ShiftsConfig.model_validate(config)
    organism = load_organism(parsed.base, dtype=parsed.dtype, device=parsed.device)
    layers = tuple(range(organism.number_of_layers + 1))
    vectors = [
        PersonaVector.load(vector_file(inputs["vectors"], trait), directions=())
        for trait in parsed.traits
    ]
    texts = _open_answers(pd.read_parquet(inputs["base_answers"] / ANSWERS))
    checkpoints: list[Checkpoint] = []
    own: dict[str, pd.DataFrame] = {}
    for seed in parsed.seeds:
        answers = _open_answers(pd.read_parquet(inputs[f"answers {seed}"] / ANSWERS))
        for step in parsed.steps:
            key = f"seed {seed}, step {step}"
            labels = {"base": parsed.base, **parsed.labels, "seed": seed, "step": step}
            labels["final"] = step == parsed.steps[-1]
            checkpoints.append(_checkpoint(parsed, inputs, key, labels))
            if (answers["step"] == step).any():
                own[key] = answers[answers["step"] == step]
    tables = []
    for on in ON:
        progress(f"shift on {on}")
        read = [c for c in checkpoints if c.key in own or on in ("prompt", "fixed")]
        measured = measure(
            organism,
            read,
            texts.drop_duplicates("question") if on == "prompt" else texts,
            on,
            own=own,
        )
        places = (vectors, POSITIONS_ON[on], layers)
        tables += [shift_rows(measured, *places), pooled_shift_rows(measured, *places)]
        if on == "prompt":
            ActivationChanges.of(measured, POSITIONS_ON[on], layers).save(out / CHANGES)
    shifts = pd.concat(tables, ignore_index=True).drop(columns="change_norm")
    shifts.to_parquet(out / "shifts.parquet", index=False)


def _checkpoint(
    config: ShiftsConfig, inputs: Mapping[str, Path], key: str, labels: Mapping[str, Any]
) -> Checkpoint:
    from persona_vectors.measuring import Checkpoint

    if config.model:
        return Checkpoint(key=key, labels=labels, model=config.model)
    folder = Path(config.adapter)
    if not config.adapter:
        folder = checkpoint(inputs[f"train {labels['seed']}"], labels["step"])
    return Checkpoint(key=key, labels=labels, adapter=folder)


def _open_answers(answers: Any) -> Any:
    """The answers to open questions that have text to read."""
    return answers[(answers["task"] == "open_questions") & (answers["answer"] != "")]
