"""The stage that fine-tunes one adapter, under an intervention or none, watched or not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from experiments.stages.answers import ANSWERS, vector_file

if TYPE_CHECKING:
    from finetune.monitoring import DriftMonitor

MONITORING = "monitoring.parquet"
"""What a monitor read, step by step."""


class Watched(BaseModel):
    """What is watched while the adapter is trained, and who it is in the tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    traits: tuple[str, ...]
    """Names of traits."""
    layer: int | None
    """Layer k; none: where the first trait's vector separates best on dev."""
    position: Literal["last_prompt", "prompt_mean", "response_mean"]
    """Where the fixed texts are read."""
    threshold: float
    """Alarm, in standard deviations of the null's shifts."""
    on_alarm: Literal["warn", "stop"]
    """What an alarm does."""
    every: int
    """Steps between readings."""
    labels: dict[str, Any]
    """Columns of the table."""


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
    monitor: Watched | None = None
    """Watching for drift; the config of a stage lacks the key where nothing is watched."""


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
    watched = parsed.monitor
    monitor = None if watched is None else _monitor(watched, inputs)
    train(
        parsed.base,
        read_rows(inputs["rows"]),
        FinetuneConfig.model_validate(parsed.finetune),
        out,
        interventions=_interventions(parsed, inputs),
        monitor=monitor,
        progress=False if monitor is None else progress,
    )
    if watched is not None and monitor is not None:
        _write_readings(parsed.base, watched, monitor.config.layer, out)


def _monitor(watched: Watched, inputs: Mapping[str, Path]) -> DriftMonitor:
    """It reads the neutral questions of the vectors' own splits, never those of the report."""
    import pandas as pd

    from finetune.monitoring import DriftMonitor, MonitorConfig
    from persona_vectors.reading import transcripts

    answers = pd.read_parquet(inputs["contrast"] / ANSWERS)
    neutral = answers[(answers["task"] == "open_questions") & (answers["answer"] != "")]
    fixed = neutral.drop_duplicates("question")
    layer = watched.layer
    if layer is None:
        chosen = json.loads((inputs["vectors"] / "layers.json").read_text())
        layer = int(chosen[watched.traits[0]][watched.position])
    files = tuple(str(vector_file(inputs["vectors"], trait)) for trait in watched.traits)
    settings = MonitorConfig(
        vector_files=files,
        layer=layer,
        **watched.model_dump(exclude={"traits", "layer", "labels"}),
    )
    reads_answers = watched.position == "response_mean"
    return DriftMonitor(settings, transcripts(fixed, "answer" if reads_answers else None))


def _write_readings(base: str, watched: Watched, layer: int, out: Path) -> None:
    """The monitor's log as a table; the reading at which training stopped is marked."""
    import pandas as pd

    from finetune.monitoring import DRIFT

    summary = json.loads((out / "summary.json").read_text())
    read = pd.read_json(out / DRIFT, lines=True)
    table = read.assign(
        base=base,
        **watched.labels,
        final=read["step"] == summary["steps"],
        layer=layer,
        position=watched.position,
        threshold=watched.threshold,
        stopped=read["step"] == summary.get("stopped_at", -1),
    )
    table.to_parquet(out / MONITORING, index=False)


def _interventions(config: TrainConfig, inputs: Mapping[str, Path]) -> tuple[Any, ...]:
    if config.intervention is None:
        return ()
    from finetune.interventions import intervention

    settings = dict(config.intervention)
    if "trait" in settings:
        settings["vector_file"] = str(vector_file(inputs["vectors"], settings.pop("trait")))
    return (intervention(**settings),)
