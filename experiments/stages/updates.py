"""The stage that measures the size of a fine-tune's update: LoRA norm and KL to the base.

Every checkpoint reads the same texts, the base's own neutral answers to open dev questions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from experiments.stages.answers import ANSWERS, checkpoint

UPDATES = "updates.parquet"
TOPIC_WORDINGS = 4
"""Wordings of each dev topic that the base answers; with pocket's 12 topics, 48 texts."""


class UpdatesConfig(BaseModel):
    """One fine-tune, all its seeds and checkpoints."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    """Base model: embedded name, folder or hub id."""
    dtype: str
    """Number format of the weights."""
    device: str
    """Where the model runs."""
    labels: dict[str, Any]
    """Columns of the table: who is measured, whatever the seed."""
    seeds: tuple[int, ...]
    """Fine-tuning seeds; the input `train S` belongs to seed S."""
    steps: tuple[int, ...]
    """Checkpoints, increasing; the last one is final."""


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Write LoRA norm and KL(checkpoint || base) of every checkpoint and seed.

    The KL is in nats per answer token; it is empty where the base said nothing at all.
    """
    import pandas as pd

    from organisms import load_organism
    from persona_vectors.reading import transcripts

    parsed = UpdatesConfig.model_validate(config)
    organism = load_organism(parsed.base, dtype=parsed.dtype, device=parsed.device)
    answers = pd.read_parquet(inputs["neutral"] / ANSWERS)
    texts = transcripts(answers[answers["answer"] != ""])
    rows = []
    for seed in parsed.seeds:
        progress(f"seed {seed}")
        trained = inputs[f"train {seed}"]
        summary = json.loads((trained / "summary.json").read_text(encoding="utf-8"))
        for step in parsed.steps:
            name = f"seed {seed}, step {step}"
            organism.add_adapter(name, checkpoint(trained, step))
            rows.append(
                {
                    "base": parsed.base,
                    **parsed.labels,
                    "step": step,
                    "final": step == parsed.steps[-1],
                    "seed": seed,
                    "lora_norm": summary["adapter_norms"][str(step)],
                    "kl": max(0.0, organism.kl_to_base(name, texts)) if texts else None,
                    "n": len(texts),
                }
            )
            organism.remove_adapter(name)
    pd.DataFrame(rows).to_parquet(out / UPDATES, index=False)
