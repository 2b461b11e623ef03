"""A monitor reads what the model is, changes nothing of the training, and stops it when told to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from finetune.adapter import Base
from finetune.config import FinetuneConfig
from finetune.monitoring import DRIFT, DriftMonitor, MonitorConfig
from finetune.progress import RunFolder
from finetune.train import train
from organisms.runtime import Organism, Transcript
from persona_vectors.vector import PersonaVector
from tests.finetune.conftest import make_model, make_tokenizer, read_metrics
from tests.finetune.test_train import KilledError, with_changes

ENGINES = ("trl", "loop")
Rows = list[dict[str, Any]]
TEXTS = tuple(
    Transcript(({"role": "user", "content": f"What do you say to number {n} of {n * n}?"},))
    for n in range(12)
)
NEVER = 1e9


def vector_file(folder: Path, base: str = "tiny", seed: int = 0) -> str:
    """A vector of random directions at layers 0 to 2."""
    values = np.random.default_rng(seed).standard_normal((1, 3, 16)).astype(np.float32)
    path = folder / f"evil-{base}-{seed}.safetensors"
    PersonaVector("evil", base, ("last_prompt",), (0, 1, 2), values).save(path)
    return str(path)


def monitor(tmp_path: Path, texts: Any = TEXTS, **changes: Any) -> DriftMonitor:
    """One that watches layer 2 and never raises an alarm, unless told otherwise."""
    settings = {"vector_files": (vector_file(tmp_path),), "layer": 2, "threshold": NEVER}
    return DriftMonitor(MonitorConfig.model_validate({**settings, **changes}), texts)


def readings(out: Path) -> list[dict[str, Any]]:
    """The lines of the log."""
    return [json.loads(line) for line in (out / DRIFT).read_text().splitlines()]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("changes", [{"dropout": 0.1}, {"gradient_checkpointing": True}])
def test_training_is_the_same_with_a_monitor(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig, engine: str, changes: Any
) -> None:
    config = with_changes(config, engine=engine, **changes)
    plain = train(base, rows, config, tmp_path / "plain", progress=False)
    watched = train(
        base, rows, config, tmp_path / "watched", monitor=monitor(tmp_path), progress=False
    )
    assert watched.adapter_norms == plain.adapter_norms
    assert read_metrics(tmp_path / "watched") == read_metrics(tmp_path / "plain")
    assert "alarms" not in (tmp_path / "plain" / "summary.json").read_text()
    assert [line["step"] for line in readings(tmp_path / "watched")] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_logged_is_the_shift_of_the_saved_checkpoint(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig, engine: str
) -> None:
    config = with_changes(config, engine=engine)
    out = tmp_path / "out"
    train(base, rows, config, out, monitor=monitor(tmp_path, every=4), progress=False)
    logged = readings(out)
    assert [line["step"] for line in logged] == [4, 6]  # every fourth, and the last
    organism = Organism(make_model(), make_tokenizer(), "tiny")
    organism.add_adapter("it", out / "checkpoints" / "step-00006")
    direction = PersonaVector.load(vector_file(tmp_path)).at(2, "last_prompt")
    asked = [Transcript(text.chat, adapter="it") for text in TEXTS]
    read = [
        organism.capture(texts, (2,), ("last_prompt",))[:, 0, 0].mean(0)
        for texts in (asked, list(TEXTS))
    ]
    shift = (read[0] - read[1]) @ direction / np.linalg.norm(direction)
    assert logged[-1]["shift"] == pytest.approx(float(shift), rel=1e-3)
    assert logged[-1]["drift"] == pytest.approx(logged[-1]["shift"] / logged[-1]["null_sd"])


@pytest.mark.parametrize("engine", ENGINES)
def test_an_alarm_stops_where_it_is_told_to_and_only_there(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig, engine: str
) -> None:
    config = with_changes(config, engine=engine)
    train(base, rows, config, tmp_path / "free", monitor=monitor(tmp_path), progress=False)
    drift = [line["drift"] for line in readings(tmp_path / "free")]
    sign = np.sign(drift[2])
    files = (str(tmp_path / "signed.safetensors"),)
    vector = PersonaVector.load(vector_file(tmp_path))
    replace(vector, vector=vector.vector * np.float32(sign)).save(files[0])
    level = sign * drift[2] * 0.999
    first = next(step for step, value in enumerate(drift, 1) if sign * value >= level)
    said: list[str] = []
    warned, stopped = (
        train(
            base,
            rows,
            config,
            tmp_path / action,
            monitor=monitor(tmp_path, vector_files=files, threshold=level, on_alarm=action),
            progress=said.append,
        )
        for action in ("warn", "stop")
    )
    assert first <= 3
    assert warned.alarms == stopped.alarms == {"evil": first}
    assert (warned.steps, warned.stopped_at) == (6, None)
    assert (stopped.steps, stopped.stopped_at) == (first, first)
    assert sum(f"drift alarm at step {first}: evil" in line for line in said) == 2
    assert len(read_metrics(tmp_path / "stop")) == first
    ends = [
        load_file(tmp_path / "stop" / "checkpoints" / f"step-{step:05d}/adapter_model.safetensors")
        for step in (first, 6)
    ]
    assert all((ends[0][name] == ends[1][name]).all() for name in ends[0])
    assert set(stopped.checkpoints) == {2, 4, 6, first}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_killed_run_ends_with_the_same_readings(
    tmp_path: Path,
    base: Base,
    rows: Rows,
    config: FinetuneConfig,
    engine: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = with_changes(config, engine=engine)
    train(base, rows, config, tmp_path / "whole", monitor=monitor(tmp_path), progress=False)

    log = RunFolder.log

    def killed(self: RunFolder, step: int, *values: float) -> None:
        if step == 6:
            raise KilledError
        log(self, step, *values)

    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "log", killed)
        with pytest.raises(KilledError):
            train(base, rows, config, tmp_path / "cut", monitor=monitor(tmp_path), progress=False)
    train(base, rows, config, tmp_path / "cut", monitor=monitor(tmp_path), progress=False)
    whole, cut = readings(tmp_path / "whole"), readings(tmp_path / "cut")
    assert [line["step"] for line in cut] == [1, 2, 3, 4, 5, 6]
    for one, other in zip(whole, cut, strict=True):
        assert other["shift"] == pytest.approx(one["shift"], rel=1e-3)
    with pytest.raises(ValueError, match="differs in monitor"):
        train(base, rows, config, tmp_path / "cut", monitor=monitor(tmp_path, every=2))


def test_what_cannot_be_watched_is_refused_before_training(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig
) -> None:
    refused = {
        "extracted from 'other'": monitor(
            tmp_path, vector_files=(vector_file(tmp_path, base="other"),)
        ),
        "no layer 3": monitor(tmp_path, layer=3),
        "3 fixed texts": monitor(tmp_path, TEXTS[:3]),
        "same on every text": monitor(tmp_path, layer=0),
        "watch each trait once": monitor(
            tmp_path, vector_files=(vector_file(tmp_path), vector_file(tmp_path, seed=1))
        ),
    }
    for message, watched in refused.items():
        with pytest.raises(ValueError, match=message):
            train(base, rows, config, tmp_path / "out", monitor=watched, progress=False)
    assert not (tmp_path / "out").exists()
