"""Runs that are killed, stopped, or run twice at once: nothing is lost, nothing is left behind."""

import fnmatch
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest

TOYS = Path(__file__).parent / "toys"
ROOT = Path(__file__).parent.parent.parent
PATIENCE = 300.0
"""Seconds after which something that should happen counts as not happening."""


class Command:
    """A `wardian` process with a toy plan, whose descendants can be found by a mark."""

    def __init__(self, folder, plan, *arguments):
        self.mark = uuid.uuid4().hex
        spec = folder / "toy.yaml"
        spec.write_text("name: toy\n")
        self.process = subprocess.Popen(
            [sys.executable, str(TOYS / "toy_wardian.py"), json.dumps(plan), *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{TOYS}", "TOY_MARK": self.mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def family(self):
        """Every living process that this command started, itself included."""
        found = []
        for process in psutil.process_iter():
            try:
                living = process.status() != psutil.STATUS_ZOMBIE
                if living and process.environ().get("TOY_MARK") == self.mark:
                    found.append(process.pid)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def ended(self):
        output, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, output


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def run(folder, plan, *arguments):
    return Command(folder, plan, "run", "./toy.yaml", *arguments)


def results(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted((folder / "runs" / "toy").rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


def shards(folder):
    """How many there are now; `os.walk` passes over folders renamed under it, `rglob` raises."""
    names = (name for _, _, files in os.walk(folder / "store") for name in files)
    return len(fnmatch.filter(names, "shard-*.json"))


PLAN = {"plan": "sums", "groups": 3, "shards": 40}


@pytest.mark.slow
def test_killed_at_twenty_random_times_the_results_are_those_of_a_whole_run(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    assert run(whole, PLAN).ended()[0] == 0
    generator = random.Random(0)
    for _ in range(20):
        command = run(killed, PLAN)
        goal = shards(killed) + generator.randrange(1, 25)
        until(lambda: shards(killed) >= goal or command.process.poll() is not None)  # noqa: B023
        command.process.kill()
        command.ended()
        until(lambda: not command.family())  # noqa: B023
    assert run(killed, PLAN).ended()[0] == 0
    assert results(killed) == results(whole)
    assert not list((killed / "store").rglob("*.partial"))


def test_killed_once_a_run_goes_on_where_it_was(tmp_path):
    plan = {"plan": "sums", "groups": 1, "shards": 200}
    command = run(tmp_path, plan)
    until(lambda: shards(tmp_path) >= 5)
    command.process.kill()
    command.ended()
    until(lambda: not command.family())
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("shard-*.json")}
    code, output = run(tmp_path, plan).ended()
    assert code == 0, output
    now = {path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("shard-*.json")}
    assert set(kept.values()) <= now


@pytest.mark.parametrize("signal_sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_ends_cleanly_and_says_how_to_resume(tmp_path, signal_sent):
    go, started = tmp_path / "go", tmp_path / "started"
    plan = {"plan": "one", "kind": "waits", "until": str(go), "started": str(started)}
    command = run(tmp_path, plan, "--store", "my store")
    until(started.exists)
    command.process.send_signal(signal_sent)
    code, output = command.ended()
    assert code == 130
    assert (
        "what is finished is kept, resume with: wardian run ./toy.yaml --store 'my store'" in output
    )
    assert "Traceback" not in output
    assert command.family() == []
    go.touch()
    assert run(tmp_path, plan, "--store", "my store").ended()[0] == 0


def test_two_runs_on_one_store_wait_for_each_other_and_agree(tmp_path):
    go, started = tmp_path / "go", tmp_path / "started"
    plan = {"plan": "one", "kind": "waits", "until": str(go), "started": str(started)}
    store = ("--store", str(tmp_path / "store"), "--workers", "1")
    first = run(tmp_path, plan, *store)
    until(started.exists)
    second = Command(tmp_path, plan, "run", "./toy.yaml", *store, "--out", str(tmp_path / "other"))
    lines = []
    while not any("waiting for another run" in line for line in lines):
        lines.append(second.process.stdout.readline())
        assert lines[-1], f"the second run ended: {lines}"
    go.touch()
    assert first.ended()[0] == 0
    code, output = second.ended()
    assert code == 0
    assert "made by another run" in output
    name = "toy/report.html"
    assert (tmp_path / "other" / name).read_bytes() == (tmp_path / "runs" / name).read_bytes()


def test_two_runs_of_a_wide_plan_at_once_both_succeed(tmp_path):
    runs = [run(tmp_path, PLAN, "--out", str(tmp_path / name)) for name in ("a", "b")]
    assert [command.ended()[0] for command in runs] == [0, 0]
    tables = [(tmp_path / name / "toy/tables/totals.json").read_bytes() for name in ("a", "b")]
    assert tables[0] == tables[1]
