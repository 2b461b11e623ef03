"""The wheel holds everything that a run needs, and works away from the clone."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from organisms import EMBEDDED

ROOT = Path(__file__).parents[1]
FLOORS = ("organisms", "persona_vectors", "finetune", "evals", "experiments")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel was installed, apart from the clone."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # building leaves files behind
    for part in FLOORS:
        shutil.copytree(ROOT / part, source / part)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), "."]
    subprocess.run(build, cwd=source, check=True)
    (wheel,) = folder.glob("wardian-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]
    for base in EMBEDDED.values():
        shipped = {file.relative_to(ROOT).as_posix() for file in base.glob("*")}
        assert shipped <= set(names)
    target = folder / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, "--target", str(target), str(wheel)], check=True)
    return target


def run(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.mark.slow
def test_smoke_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    start = "from experiments.cli import main; main()"
    done = run(installed, tmp_path, "-c", start, "run", "smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "runs" / "smoke" / "report.html").is_file()
    where = run(installed, tmp_path, "-c", "import experiments; print(experiments.__file__)")
    assert where.stdout.startswith(str(installed))


@pytest.mark.slow
def test_inspect_finds_the_tasks_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    task = ["eval", "evals/open_questions", "--model", "organism/pocket", "--limit", "2"]
    start = "from inspect_ai._cli.main import main; main()"
    done = run(installed, tmp_path, "-c", start, *task, "--display", "plain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "logs").glob("*.eval"))
