"""What holds for every test."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from organisms import EMBEDDED

# A background job inherits an ignored SIGINT, and so would every process that a test starts: Ctrl-C
# would do nothing.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A console that is made where COLUMNS is set, as xdist does, keeps that width whatever a test sets;
# the others make rich and typer colour what is no terminal, as CI services do.
for name in ("COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "TTY_COMPATIBLE"):
    os.environ.pop(name, None)


@pytest.fixture(scope="session", autouse=True)
def _data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Inspect keeps its traces here, and not in a home that may be missing or not ours to write."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture
def shuffled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`pocket-shuffled` with a folder of its own, which holds pocket's weights."""
    folder = tmp_path / "weights_shuffled"
    shutil.copytree(EMBEDDED["pocket"], folder)
    monkeypatch.setitem(EMBEDDED, "pocket-shuffled", folder)
    return folder
