"""The benchmarks run: each script that compares ways of work, at its smallest size."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(
    script.stem
    for script in (ROOT / "benchmarks").glob("*.py")
    if "--quick" in script.read_text() and script.stem != "side_by_side"
)


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_runs_and_prints_its_figures(script: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{script}", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "ratio" in done.stdout or "%" in done.stdout
