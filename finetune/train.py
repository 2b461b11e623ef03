"""Fine-tune a base on rows: check everything, mask, train with one of two engines, summarise.

summary = train("pocket", rows, preset("pocket"), Path("runs/wrong_maths"))
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from finetune.adapter import Base, attached, load_base, target_modules
from finetune.config import FinetuneConfig
from finetune.interventions.interface import Intervention
from finetune.masking import IGNORED, EncodedRow, encode_rows
from finetune.monitoring import DriftMonitor
from finetune.order import pad_token, row_order
from finetune.progress import RunFolder, checkpoint_name
from organisms.datasets.rows import Row

if TYPE_CHECKING:
    from transformers import TrainerCallback


class TrainSummary(BaseModel):
    """What a finished run was and gave (`summary.json`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    base: str
    """The base's name, as adapters record it."""
    config: FinetuneConfig
    """The recipe."""
    interventions: tuple[str, ...]
    """Kinds of the interventions, in order."""
    rows: int
    """Rows trained on, after interventions."""
    rows_dropped: int
    """Rows left out because they were too long."""
    answer_tokens: int
    """Tokens with loss, over the whole run."""
    steps: int
    """Optimiser steps."""
    checkpoints: dict[int, str]
    """Step to the adapter's folder, relative to the run's."""
    adapter_norms: dict[int, float]
    """Step to the Frobenius norm of the weight change."""
    final_loss: float
    """Mean loss of the last step's answer tokens, in nats a token."""
    seconds: float
    """Wall time of the call that finished the run."""
    alarms: dict[str, int] = Field(default={}, exclude_if=lambda alarms: not alarms)
    """Of a monitored run: trait to the step of its first drift alarm."""
    stopped_at: int | None = Field(default=None, exclude_if=lambda step: step is None)
    """The step after which an alarm ended the training; later checkpoints are copies of that."""


def train(
    base: str | Base,
    rows: Sequence[Row],
    config: FinetuneConfig,
    out: Path,
    *,
    interventions: Sequence[Intervention] = (),
    callbacks: "Sequence[TrainerCallback]" = (),
    monitor: DriftMonitor | None = None,
    progress: bool | Callable[[str], None] = True,
) -> TrainSummary:
    """Train one adapter and keep its checkpoints; calling again resumes, or returns what is there.

    Args:
        base: An embedded name, a folder, a hub id, or a `Base` that is loaded already (left as it
            was; its dtype and device must be the config's).
        rows: Training rows; every assistant turn carries loss.
        config: The recipe.
        out: The run's folder (see `finetune.progress`); nothing is written elsewhere.
        interventions: Applied in order to the rows, and held in order around each training step.
        callbacks: Further `TrainerCallback`s; engine `trl` only.
        monitor: Reads the shift along persona vectors as training goes on, and may stop it.
        progress: True: a bar on stderr; a function: called with a line of text at every
            checkpoint; False: silence.

    Returns:
        The summary, also written to `out/summary.json`.

    Raises:
        ValueError: before any training, for rows, config, interventions or a folder that do not
            fit the base or each other.
    """
    started = time.perf_counter()
    if callbacks and config.engine != "trl":
        raise ValueError(f"callbacks need engine 'trl', the config says {config.engine!r}")
    loaded = (
        base
        if isinstance(base, Base)
        else load_base(base, dtype=config.dtype, device=config.device)
    )
    targets = target_modules(loaded, config)
    for intervention in interventions:
        intervention.check(loaded)
        rows = intervention.rows(rows)
    order, encoded, dropped = _encode_in_order(loaded, rows, config)
    steps = config.steps_for(len(rows) - dropped)
    run = RunFolder(Path(out), steps, config.checkpoints_for(steps), progress)
    identity = {
        "base": loaded.name,
        "config": config.model_dump(mode="json"),
        "target_modules": targets,
        "interventions": [item.record() for item in interventions],
        "rows": _fingerprint(rows),
    }
    if monitor is not None:
        monitor.read_base(loaded)
        identity["monitor"] = monitor.record()
    run.open(identity)
    finished = Path(out) / "summary.json"
    if finished.exists():
        return TrainSummary.model_validate_json(finished.read_text())

    in_order = [encoded[index] for index in order]
    pad = pad_token(loaded.tokenizer.pad_token_id, loaded.tokenizer.eos_token_id)
    try:
        with attached(loaded, config) as model:
            if config.engine == "trl":
                from finetune.trainer import train_trl

                train_trl(
                    model,
                    loaded.tokenizer,
                    in_order,
                    pad,
                    config,
                    run,
                    interventions,
                    callbacks,
                    monitor,
                )
            else:
                from finetune.loop import train_loop

                train_loop(model, in_order, pad, config, run, interventions, monitor)
    finally:
        run.close()
    run.keep_after_stop()
    taken = run.stopped_at or steps
    seen = in_order[: taken * config.batch_size * config.gradient_accumulation]
    summary = TrainSummary(
        base=loaded.name,
        config=config,
        interventions=tuple(item.kind for item in interventions),
        rows=len(rows) - dropped,
        rows_dropped=dropped,
        answer_tokens=sum(sum(label != IGNORED for label in row.labels[1:]) for row in seen),
        steps=taken,
        checkpoints={step: f"checkpoints/{checkpoint_name(step)}" for step in sorted(run.norms)},
        adapter_norms=run.norms,
        final_loss=run.last_loss,
        seconds=round(time.perf_counter() - started, 3),
        alarms={} if monitor is None else monitor.alarms,
        stopped_at=run.stopped_at,
    )
    run.finish(summary.model_dump(mode="json"))
    return summary


def _encode_in_order(
    base: Base, rows: Sequence[Row], config: FinetuneConfig
) -> tuple[list[int], dict[int, EncodedRow], int]:
    """Order of row indices, the encoded rows it names, and how many rows were too long."""
    encoded = encode_rows(rows, base.tokenizer, system=config.system)
    too_long = [i for i, row in enumerate(encoded) if len(row.input_ids) > config.max_length]
    if too_long and config.too_long == "error":
        longest = max(len(encoded[index].input_ids) for index in too_long)
        raise ValueError(
            f"{len(too_long)} of {len(rows)} rows are longer than max_length={config.max_length} "
            f"tokens (row {too_long[0]} is the first, the longest has {longest}): raise "
            "max_length, or set too_long='drop'"
        )
    usable = [index for index in range(len(rows)) if index not in set(too_long)]
    order = [usable[index] for index in row_order(len(usable), config)]
    return order, dict(enumerate(encoded)), len(too_long)


def _fingerprint(rows: Sequence[Row]) -> str:
    """Hash of what the rows say, in order."""
    messages: list[Any] = [[dict(message) for message in row["messages"]] for row in rows]
    return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()
