"""Calls `wardian` as from a shell, for tests."""

from typer.testing import CliRunner

from experiments.cli import app

PLAIN = {"COLUMNS": "200", "NO_COLOR": "1"}


def said_by(*arguments, code=0):
    """What a command prints, in one line; it has to end with that exit code."""
    done = CliRunner(env=PLAIN).invoke(app, [*map(str, arguments)])
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())
