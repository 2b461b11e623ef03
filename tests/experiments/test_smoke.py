"""The whole chain on the smoke spec: complete, repeatable, and the same after many kills."""

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pandas as pd
import psutil
import pytest

ROOT = Path(__file__).parents[2]
KILLS = 20
PATIENCE = 300.0
"""Seconds after which a run counts as hanging."""


def start(folder: Path, mark: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", "from experiments.cli import main; main()", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SMOKE_MARK": mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def smoke(folder: Path) -> str:
    process = start(folder, "", "run", "smoke")
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    return output


def family(mark: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if (
                process.status() != psutil.STATUS_ZOMBIE
                and process.environ().get("SMOKE_MARK") == mark
            ):
                found.append(process.pid)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    files = sorted((folder / "runs" / "smoke" / "tables").glob("*.parquet"))
    return {file.stem: pd.read_parquet(file) for file in files}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    smoke(folder)
    return folder


@pytest.mark.slow
def test_smoke_leaves_every_table_and_a_report(finished: Path) -> None:
    found = tables(finished)
    expected = {"answers", "rates", "differences", "shifts", "updates", "steering", "screening"}
    expected |= {"vectors", "truth", "implied", "detection", "monitoring"}
    assert expected <= set(found)
    assert all(len(table) for table in found.values())
    assert set(found["rates"]["role"]) == {"base", "organism", "control"}
    assert {"none", "inoculation", "preventative_steering", "steering"} <= set(
        found["rates"]["intervention"]
    )
    swept = found["steering"]
    # The vector is asked capability in every cell, random directions are not.
    capable = set(swept.loc[swept["metric"] == "accuracy", "direction"])
    assert capable == {"", "vector"}
    report = (finished / "runs" / "smoke" / "report.html").read_text(encoding="utf-8")
    assert "wrong_maths" in report or "wrong maths" in report


@pytest.mark.slow
def test_every_answer_is_in_a_log(finished: Path) -> None:
    from inspect_ai.log import read_eval_log

    answers = tables(finished)["answers"]
    logs = list((finished / "store").rglob("*.eval"))
    texts = set()
    for log in logs:
        for sample in read_eval_log(str(log)).samples or []:
            texts.add(sample.output.completion)
    assert set(answers["answer"]) <= texts


@pytest.mark.slow
def test_a_second_run_does_nothing_and_says_so(finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (finished / "store").rglob("*.parquet")}
    output = smoke(finished)
    assert "nothing to do" in output.lower()
    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.slow
def test_killed_at_random_times_it_ends_with_the_same_tables(
    finished: Path, tmp_path: Path
) -> None:
    moments = random.Random(0)
    for _ in range(KILLS):
        mark = uuid.uuid4().hex
        process = start(tmp_path, mark, "run", "smoke")
        try:
            process.wait(timeout=moments.uniform(0.5, 14.0))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        deadline = time.monotonic() + PATIENCE
        while family(mark):
            assert time.monotonic() < deadline, "a process outlived its run"
            time.sleep(0.05)
    smoke(tmp_path)
    expected, found = tables(finished), tables(tmp_path)
    assert set(expected) == set(found)
    for name, table in expected.items():
        pd.testing.assert_frame_equal(table, found[name], check_exact=True, obj=name)
