"""inspect's own command line finds the provider and reads its arguments."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from inspect_ai.log import list_eval_logs, read_eval_log

ROOT = Path(__file__).parents[2]


def _inspect(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    paths = f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    settings = {"PYTHONPATH": paths, "INSPECT_DISPLAY": "plain", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        ["inspect", *words],
        cwd=folder,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_eval_on_the_command_line_steers_and_a_bad_argument_says_so(
    base: str, adapters: tuple[str, str], vector_file: str, tmp_path: Path
) -> None:
    words = ["eval", "evals/open_questions", "--model", f"organism/{base}", "--limit", "3"]
    words += ["-M", f"adapter={adapters[0]}", "-M", f"steer={vector_file}", "-M", "layer=1,2"]
    done = _inspect(tmp_path, *words, "-M", "mode=cap", "-M", "ceiling=-0.5", "--max-tokens", "6")
    assert done.returncode == 0, done.stderr
    [log] = [read_eval_log(each) for each in list_eval_logs(str(tmp_path / "logs"))]
    assert log.status == "success"
    assert log.eval.model.startswith(f"organism/{base}@")
    assert log.eval.model_args["layer"] == [1, 2] or log.eval.model_args["layer"] == ["1", "2"]
    failed = _inspect(tmp_path, *words)
    assert failed.returncode != 0
    assert "mode 'add' needs a coefficient" in failed.stdout + failed.stderr
