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
_UNPRINTABLE = yaml.reader.Reader.NON_PRINTABLE
Shape = TypeVar("Shape")
Place = Sequence[str | int]


def error_at(path: Path, place: Place, problem: str) -> ValueError:
    """The error to raise for a problem at a place of a file; it names the file and the line."""
    return ValueError(f"{path.name}:{line_of(path, place)}: {problem}")


def read(path: Path, shape: type[Shape]) -> Shape:
    """The file's content, checked against a pydantic shape.

    Raises:
        ValueError: The file is missing, is not UTF-8 or not YAML, names a key twice or is not of
            that shape; named by file and line.
    """
    try:
        content = _parsed(_text(path), path.name)
    except yaml.MarkedYAMLError as error:
        line = 1 if error.problem_mark is None else error.problem_mark.line + 1
        raise ValueError(f"{path.name}:{line}: not YAML: {error.problem}; mend it") from error
    try:
        return TypeAdapter(shape).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        ours = first.get("ctx", {}).get("error")
        says = f"{first['msg']}; mend it" if ours is None else str(ours)
        raise error_at(
            path, first["loc"], f"{place}: {says} ({error.error_count()} problems in this file)"
        ) from error


def _text(path: Path) -> str:
    """The file's text; ValueError where it is missing or holds what YAML cannot."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read ({error.strerror}): put this file of the world back"
        ) from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        raise ValueError(
            f"{path.name}:{line}: byte {content[error.start]:#04x} is not UTF-8; save the file as "
            "UTF-8"
        ) from error
    if found := _UNPRINTABLE.search(text):
        line = 1 + text.count("\n", 0, found.start())
        raise ValueError(
            f"{path.name}:{line}: character {found[0]!r} is not text, which is all that YAML "
            "allows; remove it"
        )
    return text


def text_hash(folder: Path = WORLD) -> str:
    """SHA-256, in hex, of the names and bytes of all YAML files of the world."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.yaml")):
        content = path.read_bytes()
        digest.update(f"{path.name}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _parsed(text: str, name: str) -> object:
    loader = LOADER(text)
    try:
        node = loader.get_single_node()
        _check_nodes(name, node, loader)
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _check_nodes(
    name: str, node: yaml.Node | None, loader: yaml.SafeLoader | yaml.CSafeLoader
) -> None:
    """Raise ValueError where a mapping has a key twice (YAML would take the last in silence), or
    a value looks like a date and is none."""
    if isinstance(node, yaml.ScalarNode):
        try:
            loader.construct_object(node)
        except ValueError as error:
            raise ValueError(
                f"{name}:{node.start_mark.line + 1}: {node.value!r} cannot be read as what it "
                f"looks like ({error}); quote it"
            ) from error
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_nodes(name, value, loader)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ValueError(f"{name}:{line}: a key is no text; name it in words, or quote it")
            if key.value in seen:
                raise ValueError(
                    f"{name}:{line}: {key.value!r} stands here again, first in line "
                    f"{seen[key.value]}: give every key once"
                )
            seen[key.value] = line
            _check_nodes(name, value, loader)


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
