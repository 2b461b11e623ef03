"""The arrows of the house: an import points down the list of packages or stays inside its own."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = ("organisms", "persona_vectors", "finetune", "evals", "experiments")
MAY_IMPORT = {
    "organisms.runtime": set[str](),
    "evals.statistics": set[str](),
    "organisms": {"organisms", "evals.statistics"},
    "persona_vectors": {"organisms", "persona_vectors", "evals.statistics"},
    "finetune": {"organisms", "persona_vectors", "finetune", "evals.statistics"},
    "evals": {"organisms", "persona_vectors", "evals"},
    "experiments": set(FLOORS),
}
HEAVY = {"torch", "transformers", "peft", "trl", "datasets", "inspect_ai", "matplotlib", "pandas"}


def _modules() -> list[Path]:
    return [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _ours(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
        yield from (name for name in names if name.split(".")[0] in FLOORS)


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_imports_point_down(path: Path) -> None:
    name = _name(path)
    room = next(room for room in MAY_IMPORT if _within(name, room))
    for imported in _ours(path):
        allowed = _within(imported, room) or any(
            _within(imported, package) for package in MAY_IMPORT[room]
        )
        assert allowed, f"{name} imports {imported}"


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_every_module_says_what_it_knows(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring
    assert len(docstring.splitlines()[0]) > 15


def test_the_command_line_starts_without_heavy_libraries() -> None:
    code = "import sys, experiments.cli, experiments.plan; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not HEAVY & set(loaded.stdout.split())


def test_every_folder_of_code_is_a_package_that_the_wheel_finds() -> None:
    folders = {path.parent for path in _modules()}
    assert not [folder for folder in folders if not (folder / "__init__.py").is_file()]
