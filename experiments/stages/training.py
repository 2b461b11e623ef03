"""The stage that fine-tunes one adapter, under an intervention or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from experiments.stages.answers import vector_file


class TrainConfig(BaseModel):
    """One fine-tune."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    """Base model: embedded name, folder or hub id."""
    finetune: dict[str, Any]
    """The whole `FinetuneConfig`, written out."""
    intervention: dict[str, Any] | None
    """What is done to the rows or the training step; none: nothing."""
    seed: int
    """The seed in `finetune`, for the manifest."""


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Train on the rows and leave a PEFT folder per checkpoint."""
    from finetune.config import FinetuneConfig
    from finetune.train import train
    from organisms.datasets.files import read_rows

    parsed = TrainConfig.model_validate(config)
    train(
        parsed.base,
        read_rows(inputs["rows"]),
        FinetuneConfig.model_validate(parsed.finetune),
        out,
        interventions=_interventions(parsed, inputs),
        progress=False,
    )


def _interventions(config: TrainConfig, inputs: Mapping[str, Path]) -> tuple[Any, ...]:
    if config.intervention is None:
        return ()
    from finetune.interventions import intervention

    settings = dict(config.intervention)
    if "trait" in settings:
        settings["vector_file"] = str(vector_file(inputs["vectors"], settings.pop("trait")))
    return (intervention(**settings),)
