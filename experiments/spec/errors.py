"""Checking a spec, and every problem in it as one line: file, line, key, what is allowed."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from experiments.spec import Spec
from experiments.spec.checks import MismatchError, unknown
from experiments.spec.files import EXTENDS, Place, SpecError, find_spec, read_content, read_text


def load_spec(spec: str | Path) -> Spec:
    """Read and check a spec; `SpecError` holds one line per problem."""
    path = find_spec(spec) if isinstance(spec, str) else spec
    return parse_spec(read_text(path), path)


def parse_spec(text: str, path: Path) -> Spec:
    """Check a spec's text; errors name `path`, and paths in the spec are relative to its folder."""
    content = read_content(text, path)
    try:
        return Spec.model_validate(content.keys, context={"folders": content.folders})
    except ValidationError as error:
        problems = {
            (content.line(place), message) for place, message in _problems(error, content.keys)
        }
        raise SpecError(
            "\n".join(
                f"{file}:{line}: {message}"
                for (file, line), message in sorted(
                    problems, key=lambda problem: (problem[0][0] != path, problem)
                )
            )
        ) from error


def _problems(error: ValidationError, content: Any) -> list[tuple[Place, str]]:
    """Each problem with its place in the file, in plain words."""
    found: list[tuple[Place, str]] = []
    for problem in error.errors(include_url=False):
        kind, context = problem["type"], problem.get("ctx", {})
        place = _place_in_file(problem["loc"], content, missing=kind == "missing")
        key = ".".join(str(part) for part in place)
        cause = context.get("error")
        if isinstance(cause, MismatchError):
            place, message = cause.place, str(cause)
        elif kind == "extra_forbidden":
            allowed = _keys_at(place[:-1], content)
            close = get_close_matches(str(place[-1]), allowed, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            message = f"key {place[-1]!r} is unknown; {hint}allowed: {', '.join(allowed)}"
        elif kind == "missing":
            message = f"key {place[-1]!r} is missing"
            if len(place) > 1:
                message += f" in {'.'.join(str(part) for part in place[:-1])}"
        elif kind == "union_tag_invalid":
            expected = [name.strip(" '") for name in str(context["expected_tags"]).split(",")]
            message = unknown("intervention", str(context["tag"]), expected)
        elif kind == "union_tag_not_found":
            message = (
                f"{key}: key 'kind' is missing; "
                "allowed: inoculation, preventative_steering, steering"
            )
        elif cause is not None:
            message = str(cause)
        else:
            said = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
            message = f"{key}: {said}, found {problem['input']!r}" if key else said
        found.append((place, message))
    return _without_other_branches(found)


def _place_in_file(location: tuple[str | int, ...], content: Any, *, missing: bool) -> Place:
    """The part of pydantic's location that is in the file (it also names unions), or is missing."""
    place: list[str | int] = []
    here = content
    for index, part in enumerate(location):
        if isinstance(here, dict):
            inside = part in here
        else:
            inside = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if inside:
            here = here[part]
        if inside or (missing and index == len(location) - 1):
            place.append(part)
    return tuple(place)


def _without_other_branches(found: list[tuple[Place, str]]) -> list[tuple[Place, str]]:
    """For a value that may be a name or a mapping, keep what is said of the form used."""
    spoken = {place for place, message in found if "valid dictionary" not in message}
    deeper = {place[:depth] for place, _ in found for depth in range(len(place))}
    return [
        (place, message)
        for place, message in found
        if not (
            ("valid string" in message and place in deeper)
            or ("valid dictionary" in message and place in spoken)
        )
    ]


def _keys_at(place: Place, content: Any) -> list[str]:
    """The keys allowed at a place of the spec."""
    models: list[type[BaseModel]] = [Spec]
    for part in place:
        content = content[part]
        if isinstance(part, str):
            models = [
                inner
                for model in models
                if part in model.model_fields
                for inner in _models_in(model.model_fields[part].annotation)
            ]
    if isinstance(content, dict) and "kind" in content:
        models = [
            model
            for model in models
            if "kind" not in model.model_fields
            or content["kind"] in get_args(model.model_fields["kind"].annotation)
        ]
    names = [name for model in models for name in model.model_fields]
    return list(dict.fromkeys([*names, EXTENDS] if models == [Spec] else names))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, tuple) or hasattr(annotation, "__metadata__"):
        return [model for part in get_args(annotation) for model in _models_in(part)]
    return []
