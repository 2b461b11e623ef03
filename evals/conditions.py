"""What a condition is: model, adapter, steering and system prompt behind an answer.

Plain JSON values only, so that a condition can be hashed, logged and passed to inspect as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from organisms import resolve_base
from organisms.runtime.steering_terms import Mode, Scope, Unit, check_amounts

if TYPE_CHECKING:
    from organisms.runtime import Steering
    from persona_vectors.base_identity import BaseIdentity
    from persona_vectors.vector import PersonaVector


def _no_flag(value: object) -> object:
    """Refuse true and false, which pydantic would take for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")
    return value


Layer = Annotated[int, BeforeValidator(_no_flag)]
Amount = Annotated[float | None, BeforeValidator(_no_flag)]

Label = str | int | float | bool | None

_STATED = (".safetensors", ".json", ".jinja")
"""Kinds of files whose state is part of a condition's digest."""


class SteeringConfig(BaseModel):
    """A stored direction that edits the residual stream while answering.

    Fields mean what they mean in `organisms.runtime.Steering`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    vector_file: str
    """Persona vector file (safetensors)."""
    position: str = "last_prompt"
    """Position the vector was read at."""
    layer: Layer
    """Layer k: the stream after k blocks."""
    coefficient: Amount = None
    """Strength of mode `add`, in `unit`."""
    unit: Unit = "raw"
    """`raw`: h + c v; `norm`: h + c R v/|v|, R as stored in the file. Bounds: times 1 or R."""
    scope: Scope = "all"
    """The tokens that are edited."""
    direction: str = "vector"
    """The file's persona vector, or the name of one of its null directions (`random-003`)."""
    mode: Mode = "add"
    """`add` the vector, `ablate` it (project it out), or `cap` the projection onto it."""
    floor: Amount = None
    """Least projection that mode `cap` leaves."""
    ceiling: Amount = None
    """Greatest projection that mode `cap` leaves."""

    @model_validator(mode="after")
    def _numbers_fit_the_mode(self) -> SteeringConfig:
        check_amounts(self.mode, self.coefficient, self.floor, self.ceiling)
        return self


class Condition(BaseModel):
    """Everything that an answer depends on but the question, the sampling and the seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    """Unique name of the condition in one run."""
    adapter: str | None = None
    """PEFT adapter folder; none: the base as it is."""
    model: str | None = None
    """Full model (folder or hub id) in place of the run's base."""
    steering: tuple[SteeringConfig, ...] = ()
    """Edits of the stream while answering, made in this order at each layer."""
    system: str = "none"
    """System prompt: `none`, `default` (the template's own) or the text."""
    thinking: bool = False
    """Whether the model reasons before it answers; reasoning and answer are kept apart."""
    lost_system: Literal["raise", "merge"] = "raise"
    """What to do with a system text that the chat template would drop or refuse: raise, or merge
    it into the first user turn."""
    labels: Mapping[str, Label] = {}
    """Columns of the answers table that this condition sets (organism, role, step, ...)."""

    def digest(self, *also: str) -> str:
        """Hash of all that changes answers: part of model names, so that caches never mix.

        Args:
            also: what else the answers depend on, such as the number format.
        """
        state: dict[str, object] = self.model_dump(mode="json", exclude={"key", "labels"})
        files = [self.adapter] if self.adapter else []
        files += [steering.vector_file for steering in self.steering]
        if self.model is not None and Path(resolve_base(self.model)).is_dir():
            files.append(resolve_base(self.model))
        state["also"] = also
        state["files"] = [_file_state(Path(path)) for path in files]
        return hashlib.blake2b(
            json.dumps(state, sort_keys=True).encode(), digest_size=6
        ).hexdigest()

    def check(self) -> None:
        """Raise before any work where a file that the condition names is missing.

        Raises:
            ValueError: names the condition, the file and what is needed.
        """
        if self.adapter is not None and not (Path(self.adapter) / "adapter_config.json").is_file():
            raise ValueError(
                f"condition {self.key!r}: adapter {self.adapter!r} is no PEFT adapter folder "
                "(adapter_config.json is missing); give the folder that the fine-tuning wrote"
            )
        for steering in self.steering:
            if not Path(steering.vector_file).is_file():
                raise ValueError(
                    f"condition {self.key!r}: vector file {steering.vector_file!r} does not exist"
                )
            _direction(steering)

    def runtime_steering(self) -> tuple[Steering, ...]:
        """The steering as the runtime takes it: tensors read from the vector files.

        Raises:
            ValueError: when a file lacks the direction, position, layer or residual norm.
        """
        import torch

        from organisms.runtime import Steering

        return tuple(
            Steering(
                vector=torch.tensor(_direction(config)),
                layer=config.layer,
                coefficient=config.coefficient,
                unit=config.unit,
                scope=config.scope,
                residual_norm=_vector(config).residual_norm_at(config.layer)
                if config.unit == "norm"
                else None,
                mode=config.mode,
                floor=config.floor,
                ceiling=config.ceiling,
            )
            for config in self.steering
        )

    def check_base(self, base: BaseIdentity) -> None:
        """Raise where a vector is known to be of another base than the model that it steers.

        Raises:
            ValueError: names the file, both bases and the way out.
        """
        for steering in self.steering:
            base.check_steering(_vector(steering), steering.vector_file)


def vector_layers(file: str) -> list[int]:
    """The layers that a vector file holds.

    Raises:
        ValueError: when there is no readable vector file.
    """
    return list(_vector_of(file).layers)


def _direction(config: SteeringConfig) -> list[float]:
    direction = _vector(config).at(config.layer, config.position, config.direction)
    values: list[float] = direction.tolist()
    return values


def _vector(config: SteeringConfig) -> PersonaVector:
    return _vector_of(config.vector_file)


def _vector_of(file: str) -> PersonaVector:
    path = Path(file).resolve()
    return _read_vector(str(path), path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=8)
def _read_vector(path: str, modified: int) -> PersonaVector:
    """The vector file; `modified` makes a rewritten file a new entry of the cache."""
    from persona_vectors.vector import PersonaVector

    return PersonaVector.load(Path(path))


def _file_state(path: Path) -> list[object]:
    """Where a file or folder is, and which version of it: sizes and modification times."""
    folder = sorted(path.iterdir()) if path.is_dir() else [path]
    files = [file for file in folder if file.suffix in _STATED]
    states = [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    return [str(path.resolve()), states]
