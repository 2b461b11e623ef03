"""Where commands print to, and how an error reaches the user: as a line, and as an exit code."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape

from experiments.stage import WardianError

INTERRUPTED = 130

output = Console()
errors = Console(stderr=True)


def typed_command() -> str:
    """The command that runs, as a shell takes it: words with spaces are quoted."""
    return shlex.join(["wardian", *sys.argv[1:]])


@contextmanager
def explained(again: str = "") -> Iterator[None]:
    """Turn errors into one line and an exit code: 1 for an error, 130 for an interruption."""
    try:
        yield
    except KeyboardInterrupt:
        resume = f"; what is finished is kept, resume with: {again}" if again else ""
        errors.print(f"stopped{resume}", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None
    except (ValueError, OSError, WardianError) as error:
        if os.environ.get("WARDIAN_DEBUG"):
            errors.print(getattr(error, "traceback", ""), markup=False)
            raise
        for line in str(error).splitlines() or [type(error).__name__]:
            errors.print(f"[red]error:[/] {escape(line)}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
