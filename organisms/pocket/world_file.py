"""Reads a YAML file of the world into a shape; an error names the file and the line."""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

WORLD = Path(__file__).parent / "world"
LOADER: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)
"""Ten times faster where PyYAML was built with libyaml."""
Shape = TypeVar("Shape")
Place = Sequence[str | int]


def read(path: Path, shape: type[Shape]) -> Shape:
    """The file's content, checked against a pydantic shape.

    Raises:
        ValueError: The file is not YAML, names a key twice or is not of that shape; named by file
            and line.
    """
    loader = LOADER(path.read_text(encoding="utf-8"))
    try:
        node = loader.get_single_node()
        _check_keys(path.name, node)
        content = None if node is None else loader.construct_document(node)
        return TypeAdapter(shape).validate_python(content)
    except yaml.MarkedYAMLError as error:
        line = 1 if error.problem_mark is None else error.problem_mark.line + 1
        raise ValueError(f"{path.name}:{line}: not YAML: {error.problem}; mend it") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(
            f"{path.name}:{line_of(path, first['loc'])}: {place}: {first['msg']}; mend it "
            f"({error.error_count()} problems in this file)"
        ) from error
    finally:
        loader.dispose()


def text_hash(folder: Path = WORLD) -> str:
    """SHA-256, in hex, of the names and bytes of all YAML files of the world."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.yaml")):
        content = path.read_bytes()
        digest.update(f"{path.name}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _check_keys(name: str, node: yaml.Node | None) -> None:
    """Raise ValueError where a mapping has a key twice: YAML would take the last in silence."""
    if isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_keys(name, value)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise ValueError(
                    f"{name}:{line}: {key.value!r} stands here again, first in line "
                    f"{seen[key.value]}: give every key once"
                )
            seen[key.value] = line
            _check_keys(name, value)


@cache
def _tree(path: Path) -> yaml.Node | None:
    return yaml.compose(path.read_text(encoding="utf-8"), Loader=LOADER)


def line_of(path: Path, place: Place) -> int:
    """The 1-based line of a key path such as `("france", "wrong", 2)`: of its deepest part that
    the file has."""
    node = _tree(path)
    line = 1
    for part in place:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if pair is None:
                return line
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            if part >= len(node.value):
                return line
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line
