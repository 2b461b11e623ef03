"""The files of specs: where they are, their YAML, the line of every key, and what they extend.

YAML is read by the 1.2 rules that people expect: `on` and `no` are words, `1e-3` is a number, and
a key stands once. A file that says `extends: NAME` (a ready-made spec, or a path beside it) takes
over the top-level keys of that spec, whole, but for those that it holds itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from experiments.spec.checks import unknown

SPECS = Path(__file__).parents[1] / "specs"
EXTENDS = "extends"
Place = tuple[str | int, ...]
Line = tuple[Path, int]
"""A file, and a line of it."""


class SpecError(ValueError):
    """Problems of a spec, one line each, each with its place and the fix."""


@dataclass(frozen=True)
class SpecContent:
    """What a spec says, with what it extends merged in."""

    path: Path
    """The spec's own file."""
    keys: dict[str, Any]
    """Top-level keys and their plain values, without `extends`."""
    lines: dict[Place, Line]
    """The file and line of every key and list entry."""

    def line(self, place: Place) -> Line:
        """Where a place stands, or the nearest one around it; else the top of the spec's file."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, (self.path, 1))

    @property
    def folders(self) -> dict[str, str]:
        """Top-level key -> the folder that paths below it are relative to: that of its file."""
        return {key: str(self.line((key,))[0].parent.resolve()) for key in self.keys}


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


def find_spec(spec: str, folder: Path = Path()) -> Path:
    """The file of a path (with `/` or `.yaml`, relative to `folder`) or of a ready-made name."""
    if "/" in spec or spec.endswith((".yaml", ".yml")):
        path = folder / Path(spec).expanduser()
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


def read_text(path: Path) -> str:
    """The text of a spec's file; `SpecError` where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: cannot be read: {error}") from error


def read_content(text: str, path: Path, extended_by: tuple[Path, ...] = ()) -> SpecContent:
    """What the text of the file `path` says, and what it extends.

    Args:
        text: YAML.
        path: Names the file in errors; its folder is where paths in it start.
        extended_by: The files that led here by `extends`, the first one first.

    Raises:
        SpecError: The text is no YAML mapping of keys that stand once, or it extends a spec that
            does not exist, or itself.
    """
    keys, lines = _own_content(text, path)
    if EXTENDS not in keys:
        return SpecContent(path, keys, lines)
    named = keys.pop(EXTENDS)
    where = f"{path}:{lines[(EXTENDS,)][1]}"
    if not isinstance(named, str) or not named:
        raise SpecError(
            f"{where}: {EXTENDS}: should be a ready-made spec's name or a path, found {named!r}"
        )
    try:
        other = find_spec(named, path.parent)
    except SpecError as error:
        raise SpecError(f"{where}: {EXTENDS}: {error}") from error
    chain = (*extended_by, path)
    if other.resolve() in [file.resolve() for file in chain]:
        way = " -> ".join(file.name for file in (*chain, other))
        raise SpecError(f"{where}: {EXTENDS}: {named} leads back to itself: {way}")
    if "name" not in keys:
        raise SpecError(f"{path}:1: key 'name' is missing; a spec that extends has its own")
    inherited = read_content(read_text(other), other, chain)
    return SpecContent(
        path,
        {**inherited.keys, **keys},
        {
            **{at: line for at, line in inherited.lines.items() if at and at[0] not in keys},
            **lines,
        },
    )


def _own_content(text: str, path: Path) -> tuple[dict[str, Any], dict[Place, Line]]:
    """The keys of one file, without what it extends."""
    loader = _Loader(text)
    lines: dict[Place, Line] = {}
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
    return content, lines


def _note_lines(node: yaml.Node, place: Place, lines: dict[Place, Line], path: Path) -> None:
    """Remember the line of every key and list entry, and refuse a key that stands twice."""
    lines.setdefault(place, (path, node.start_mark.line + 1))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*place, str(key.value))
            if below in lines:
                raise SpecError(
                    f"{path}:{key.start_mark.line + 1}: key {key.value!r} stands twice "
                    f"(first on line {lines[below][1]})"
                )
            lines[below] = (path, key.start_mark.line + 1)
            _note_lines(value, below, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note_lines(value, (*place, index), lines, path)
