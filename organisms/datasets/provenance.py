"""Who makes a data set, for its card: the module, our version, and a hash of all code and data that
its rows depend on."""

import ast
import hashlib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from organisms.datasets.registry import POCKET, Edition, dataset

SHARED = "organisms.datasets"
"""The package whose modules makers share."""
HASHED = (".py", ".yaml", ".txt")


def generator(name: str, edition: Edition = "pocket") -> dict[str, str]:
    """Who makes a data set: module, edition, our version, and a hash of the code and data of the
    maker's module or package and of every module of `organisms.datasets` that it leads to."""
    module = dataset(name, edition).modules[edition]
    digest = hashlib.sha256()
    for file in code_files(module):
        digest.update(file.name.encode() + b"\n" + file.read_bytes())
    try:
        ours = version("wardian")
    except PackageNotFoundError:
        ours = ""
    return {
        "maker": f"{module}:rows",
        "edition": edition,
        "version": ours,
        "code": digest.hexdigest()[:12],
    }


def code_files(module: str) -> list[Path]:
    """The files that a maker's rows depend on: its own, then the shared modules that they import,
    and those import, each part by path.

    Raises:
        ValueError: The maker is not installed.
    """
    origin = _origin(module)
    if origin is None:
        raise ValueError(f"the maker {module} is not installed; install wardian anew")
    package = origin.parent if module == POCKET or origin.name == "__init__.py" else None
    inside = sorted(package.rglob("*")) if package else [origin]
    own = [file for file in inside if file.suffix in HASHED]
    reached: set[Path] = set()
    todo = list(own)
    while todo:
        file = todo.pop()
        if file.suffix == ".py":
            found = set(_imports(file)) - reached - set(own)
            reached |= found
            todo.extend(found)
    return [*own, *sorted(reached)]


def _imports(file: Path) -> Iterable[Path]:
    """The files of `organisms.datasets` that a file imports from."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.startswith(f"{SHARED}.") and (origin := _origin(name)):
                yield origin


def _origin(module: str) -> Path | None:
    """The file of a module; none where the name is of something else."""
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin else None
