"""Calls `wardian organisms` as from a shell, for tests."""

import json
from pathlib import Path

from typer.testing import CliRunner

from experiments.cli import app

CHAT = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
"""A row of somebody's file."""
PLAIN = {"COLUMNS": "200", "NO_COLOR": "1"}


def wardian(*arguments, code=0):
    """What a command prints, in one line; it has to end with that exit code."""
    done = CliRunner(env=PLAIN).invoke(app, ["organisms", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())


def lines(path: Path, *records) -> Path:
    """A file of JSON lines."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path
