"""Reading a spec from YAML, and every problem in it as one line: file, line, key, what is allowed.

YAML is read by the 1.2 rules that people expect: `on` and `no` are words, `1e-3` is a number, and
a key stands once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from experiments.spec import Spec
from experiments.spec_checks import MismatchError, unknown

SPECS = Path(__file__).parent / "specs"
Place = tuple[str | int, ...]


class SpecError(ValueError):
    """Problems of a spec, one line each, each with its place and the fix."""


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core types."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"null|Null|NULL|~|", "nN~"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), [*_first, ""]
    )


def ready_made() -> tuple[str, ...]:
    """Names of the specs that come with the package."""
    return tuple(sorted(path.stem for path in SPECS.glob("*.yaml")))


def find_spec(spec: str) -> Path:
    """The file of a path (with `/` or `.yaml`) or of a ready-made spec's name."""
    if "/" in spec or spec.endswith((".yaml", ".yml")):
        path = Path(spec).expanduser()
        if not path.is_file():
            raise SpecError(f"there is no spec file {spec}")
        return path
    path = SPECS / f"{spec}.yaml"
    if not path.is_file():
        raise SpecError(
            unknown("spec", spec, ready_made())
            + " (a path to your own spec has a '/' or ends in .yaml)"
        )
    return path


def load_spec(spec: str | Path) -> Spec:
    """Read and check a spec; `SpecError` holds one line per problem."""
    path = find_spec(str(spec)) if isinstance(spec, str) else spec
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: cannot be read: {error}") from error
    return parse_spec(text, path)


def parse_spec(text: str, path: Path) -> Spec:
    """Check a spec's text; errors name `path`, and paths in the spec are relative to its folder."""
    loader = _Loader(text)
    lines: dict[Place, int] = {}
    try:
        node = loader.get_single_node()
        content: Any = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise SpecError(f"{where}: not valid YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise SpecError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    finally:
        loader.dispose()
    if node is not None:
        _note_lines(node, (), lines, path)
    if not isinstance(content, dict):
        raise SpecError(f"{path}:1: a spec is a mapping of keys, at least 'name: ...'")
    try:
        return Spec.model_validate(content, context={"folder": str(path.parent.resolve())})
    except ValidationError as error:
        problems = sorted(
            {(_line(lines, place), message) for place, message in _problems(error, content)}
        )
        raise SpecError(
            "\n".join(f"{path}:{line}: {message}" for line, message in problems)
        ) from error


def _note_lines(node: yaml.Node, place: Place, lines: dict[Place, int], path: Path) -> None:
    """Remember the line of every key and list entry, and refuse a key that stands twice."""
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*place, str(key.value))
            if below in lines:
                raise SpecError(
                    f"{path}:{key.start_mark.line + 1}: key {key.value!r} stands twice "
                    f"(first on line {lines[below]})"
                )
            lines[below] = key.start_mark.line + 1
            _note_lines(value, below, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note_lines(value, (*place, index), lines, path)


def _line(lines: Mapping[Place, int], place: Place) -> int:
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


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
    return list(dict.fromkeys(name for model in models for name in model.model_fields))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, tuple) or hasattr(annotation, "__metadata__"):
        return [model for part in get_args(annotation) for model in _models_in(part)]
    return []
