"""From the arguments of `-M` to one condition: a single vector's short form beside the full list.

`-M steer=evil.safetensors -M layer=2 -M coefficient=4` says the same as one entry of `steering`;
several layers make one entry each. Everything is checked here, before a model is loaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import ValidationError

from evals.conditions import Condition, SteeringConfig, vector_layers

_NAMED = re.compile(r"^(?P<base>.+)@(?P<digest>[0-9a-f]{12})$")

Text = str | Sequence[str]
"""A text; inspect's command line cuts one with commas into a list."""


def split_name(name: str) -> tuple[str, str | None]:
    """A model's name as base and, where a log's name is given, the condition's digest."""
    match = _NAMED.match(name)
    return (match["base"], match["digest"]) if match else (name, None)


def condition(
    base: str,
    *,
    adapter: Text | None,
    system: Text,
    steering: str | Sequence[Mapping[str, Any]] | None,
    steer: Text | None,
    short: Mapping[str, Any],
    thinking: bool = False,
    lost_system: Literal["raise", "merge"] = "raise",
) -> Condition:
    """The condition that a model's arguments describe.

    Args:
        base: embedded name, folder or hub id.
        adapter: adapter folder.
        system: `none`, `default` or a text.
        steering: list of `SteeringConfig` fields, or the same as JSON text.
        steer: a vector file, in place of `steering`.
        short: the other `SteeringConfig` fields for that file; None where not given.
        thinking: whether the model reasons before it answers.
        lost_system: what becomes of a system text that the chat template cannot take.

    Raises:
        ValueError: names the argument, its value, what is allowed and the fix.
    """
    given = {name: value for name, value in short.items() if value is not None}
    if steer is None and given:
        name, value = next(iter(given.items()))
        raise ValueError(f"{name}={value!r} has no vector to go with; add steer=FILE")
    if steer is not None and steering is not None:
        raise ValueError("steer and steering are both given; put everything into steering")
    entries = (
        _entries(steering) if steer is None else _short_entries(_joined("steer", steer), given)
    )
    configs = tuple(_config(entry) for entry in entries)
    try:
        found = Condition(
            key=f"organism/{base}",
            model=base,
            adapter=None if adapter is None else _joined("adapter", adapter),
            steering=configs,
            system=_joined("system", system),
            thinking=thinking,
            lost_system=lost_system,
        )
    except ValidationError as error:
        raise ValueError(f"model arguments do not resolve: {_problems(error)}") from error
    found.check()
    return found


def _entries(steering: str | Sequence[Mapping[str, Any]] | None) -> Sequence[Mapping[str, Any]]:
    if isinstance(steering, str):
        try:
            steering = json.loads(steering)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"steering {steering[:80]!r} is no JSON ({error}); give a list such as "
                '[{"vector_file": "evil.safetensors", "layer": 2, "coefficient": 4}]'
            ) from error
    entries = steering or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"steering {entries!r} is no list of objects; give one object a vector")
    return entries


def _short_entries(file: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    rest = {name: value for name, value in given.items() if name != "layer"}
    if "layer" not in given:
        known = vector_layers(file)
        raise ValueError(
            f"steer={file!r} needs a layer; add layer=K, or several as layer=K,K (the file has "
            f"{known})"
        )
    layers = given["layer"]
    if not isinstance(layers, list):
        layers = [layers]
    if not layers:
        raise ValueError(
            f"steer={file!r} has an empty list of layers; give one, or leave steer out"
        )
    if any(layer in layers[:place] for place, layer in enumerate(layers)):
        raise ValueError(f"layer={layers!r} names one twice; name each once")
    return [{"vector_file": file, "layer": layer, **rest} for layer in layers]


def _config(entry: Mapping[str, Any]) -> SteeringConfig:
    try:
        return SteeringConfig.model_validate(entry)
    except ValidationError as error:
        raise ValueError(
            f"steering does not resolve: {_problems(error)}; fields are "
            f"{', '.join(SteeringConfig.model_fields)}"
        ) from error


def _problems(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, each['loc']))}={each['input']!r}: {each['msg']}"
        if each["loc"]
        else each["msg"]
        for each in error.errors()
    )


def _joined(name: str, text: Text) -> str:
    parts = [text] if isinstance(text, str) else text
    # inspect reads values as YAML: 5, true and null arrive as what they look like.
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError(
            f"{name}={text!r} is no text; quote it twice on the command line: -M {name}='\"...\"'"
        )
    return ",".join(parts)
