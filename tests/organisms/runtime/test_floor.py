"""The runtime is the ground floor: it imports what every machine with a model has, nothing more."""

import ast
import sys
from pathlib import Path

import pytest

import organisms.runtime

FOLDER = Path(organisms.runtime.__file__).parent
ALLOWED = {"torch", "transformers", "peft", "numpy", "safetensors", "jinja2"}


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_the_runtime_imports_only_torch_transformers_peft_and_small_packages(path):
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    ours = {name for name in imported if name.split(".")[0] == "organisms"}
    assert all(name.startswith("organisms.runtime") for name in ours)
    others = {name.split(".")[0] for name in imported - ours} - set(sys.stdlib_module_names)
    assert others <= ALLOWED
