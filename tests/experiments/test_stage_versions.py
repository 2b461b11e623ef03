"""A stage's code may not change without its version, or a store would give outputs of old code.

After a change that alters outputs, raise the stage's version in experiments/stages/__init__.py.
Then, and after a change that cannot alter outputs, record the code anew:

    WARDIAN_RECORD=1 pytest tests/experiments/test_stage_versions.py
"""

import ast
import hashlib
import json
import os
import re
from functools import cache
from pathlib import Path

import pytest

from experiments.stages import KINDS

ROOT = Path(__file__).parent.parent.parent
RECORD = Path(__file__).parent / "stage_versions.json"
OURS = ("organisms", "persona_vectors", "finetune", "evals", "experiments")
LAZY = re.compile(rf"^(?:{'|'.join(OURS)})[\w.]*(?=:\w+$|$)")


def file_of(module):
    base = ROOT.joinpath(*module.split("."))
    return next(
        (path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None
    )


@cache
def code_and_imports(module):
    """A module's code without comments and docstrings, and the modules of ours that it names."""
    tree = ast.parse(file_of(module).read_text(encoding="utf-8"))
    named = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            named.add(node.module)
            named.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            named.update(LAZY.findall(node.value))
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not is_text(part)]
    ours = {name for name in named if name.split(".")[0] in OURS and file_of(name)}
    return ast.dump(tree), ours


def is_text(node):
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def code_hash(module):
    """Of a module and of everything of ours below the top floor that it leads to."""
    reached, todo = set(), [module]
    while todo:
        here = todo.pop()
        if here in reached or (here.startswith("experiments") and here != module):
            continue
        reached.add(here)
        todo.extend(code_and_imports(here)[1])
    digest = hashlib.sha256()
    for name in sorted(reached):
        digest.update(f"{name}\n{code_and_imports(name)[0]}\n".encode())
    return digest.hexdigest()[:20]


def current():
    return {
        name: {"version": kind.version, "code": code_hash(kind.function.partition(":")[0])}
        for name, kind in KINDS.items()
        if name != "report"
    }


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "report"])
def test_the_code_of_a_stage_is_the_recorded_one(kind):
    if os.environ.get("WARDIAN_RECORD"):
        RECORD.write_text(json.dumps(current(), indent=2) + "\n")
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    assert current()[kind] == recorded.get(kind), (
        f"the code that stage {kind!r} leads to has changed: see the head of this file"
    )


def test_the_data_set_stage_is_identified_by_every_file_that_its_makers_read():
    hashed = {path for pattern in KINDS["dataset"].data_files for path in ROOT.glob(pattern)}
    families = (ROOT / "organisms" / "datasets").rglob("*")
    assert {path for path in families if path.suffix in (".yaml", ".txt")} <= hashed
