"""Watching a fine-tune from within: the shift along persona vectors on fixed texts, step by step,
and an alarm when it leaves what directions without a meaning shift by.

drift.jsonl    one line a reading and trait: step, trait, shift, null_sd, drift, alarm
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from finetune.adapter import Base
from finetune.progress import RunFolder
from organisms.runtime import Transcript
from organisms.runtime.adapter_bank import AdapterBank
from organisms.runtime.capture import ActivationReader
from organisms.runtime.chat import ChatTemplate
from organisms.runtime.texts import TextBatches
from persona_vectors.drift import DRAWS, Drift
from persona_vectors.vector import PersonaVector

DRIFT = "drift.jsonl"
"""The readings, in the run's folder."""


class MonitorConfig(BaseModel):
    """What is watched, and what happens when it drifts."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    vector_files: tuple[str, ...] = Field(min_length=1)
    """Persona vector files, each of another trait."""
    layer: int = Field(ge=0)
    """Layer k at which texts and vectors are read."""
    position: Literal["last_prompt", "prompt_mean", "response_mean"] = "last_prompt"
    """Where; response_mean needs texts with answers."""
    threshold: float = Field(default=3.0, gt=0)
    """Alarm when a shift reaches so many standard deviations of the null's shifts."""
    on_alarm: Literal["warn", "stop"] = "warn"
    """`warn`: say so and go on; `stop`: keep the adapter as it is and end the training."""
    every: int = Field(default=1, ge=1)
    """Read after every so many steps, and after the last."""
    draws: int = Field(default=DRAWS, ge=100)
    """Null directions."""


class DriftMonitor:
    """Reads fixed texts while an adapter is trained; `finetune.train` calls it."""

    def __init__(self, config: MonitorConfig, texts: Sequence[Transcript]) -> None:
        """Take the settings and the fixed texts, the same at every reading."""
        self.config = config
        self._texts = tuple(texts)
        self.alarms: dict[str, int] = {}
        """Trait -> step of its first alarm."""

    def record(self) -> dict[str, Any]:
        """What makes it another monitor than its like: settings, vectors' content, texts."""
        files = [
            hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in self.config.vector_files
        ]
        texts = repr([(text.chat, text.system, text.answer) for text in self._texts])
        return {
            **self.config.model_dump(mode="json"),
            "vector_files": files,
            "texts": hashlib.sha256(texts.encode()).hexdigest(),
        }

    def read_base(self, base: Base) -> None:
        """Read the base, before any adapter is on it.

        Raises:
            ValueError: a vector is of another base or trait twice, the layer, position or texts
                cannot be read, or too few texts are given.
        """
        vectors = [
            PersonaVector.load(
                path,
                base=base.name,
                width=base.width,
                number_of_layers=base.number_of_layers,
                directions=(),
            )
            for path in self.config.vector_files
        ]
        along = {
            found.trait: found.at(self.config.layer, self.config.position) for found in vectors
        }
        if len(along) < len(vectors):
            raise ValueError(
                f"vectors of {', '.join(found.trait for found in vectors)}: watch each trait once"
            )
        if self.config.position == "response_mean" and not all(one.answer for one in self._texts):
            raise ValueError(
                "position 'response_mean' reads answers, and a fixed text has none: give texts "
                "with answers, or watch last_prompt"
            )
        template = ChatTemplate(base.tokenizer, base.name)
        bank = AdapterBank(base.model, base.name)
        self._model = base.model
        batches = TextBatches(base.model, base.tokenizer, template, bank)
        self._reader = ActivationReader(base.model, bank, batches)
        self._drift = Drift(self._activations(), along, draws=self.config.draws)

    def start(self, run: RunFolder, done: int) -> None:
        """Begin after `done` steps; readings of later ones are dropped."""
        self._run = run
        self.alarms = {}
        self._file = run.out / DRIFT
        lines = self._file.read_text().splitlines() if done and self._file.exists() else []
        kept = [line for line in lines if json.loads(line)["step"] <= done]
        self._file.write_text("".join(line + "\n" for line in kept))
        for line in map(json.loads, kept):
            if line["alarm"]:
                self.alarms.setdefault(line["trait"], line["step"])
        self._announce()

    def read(self, step: int) -> bool:
        """Read after `step`, write it down, warn at a first alarm; whether training is to stop."""
        if step % self.config.every and step != self._run.steps:
            return False
        new = []
        with self._file.open("a") as file:
            for found in self._drift.read(self._activations()):
                alarm = found.drift >= self.config.threshold
                line = {"step": step, **vars(found), "alarm": alarm}
                file.write(json.dumps(line) + "\n")
                if alarm and found.trait not in self.alarms:
                    self.alarms[found.trait] = step
                    new.append(found)
        self._announce()
        for found in new:
            self._run.tell(
                f"drift alarm at step {step}: {found.trait} shift {found.shift:.3g}, "
                f"{found.drift:.1f} standard deviations of the null"
                + ("; training stops" if self.config.on_alarm == "stop" else "")
            )
        return bool(new) and self.config.on_alarm == "stop"

    def _announce(self) -> None:
        first = min(self.alarms.items(), key=lambda item: item[1], default=None)
        self._run.note = "" if first is None else f", {first[0]} drift alarm at step {first[1]}"

    def _activations(self) -> Any:
        """[N, D] of the model as it is; it is left in the mode that it was in."""
        training = self._model.training
        self._model.eval()
        try:
            read = self._reader.capture(
                self._texts, (self.config.layer,), (self.config.position,), batch_size=64
            )
        finally:
            self._model.train(training)
        return read[:, 0, 0]
