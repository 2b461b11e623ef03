"""The store: finished outputs of stages, each in a folder named by its identity.

    <root>/<kind>/<identity>/           manifest.json, log.txt, output/
    <root>/<kind>/<identity>.partial/   the same, being made or interrupted
    <root>/<kind>/<identity>.lock       held by whoever makes it

A folder without `.partial` is complete: it was renamed after its manifest was written.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from experiments.identity import file_hash
from experiments.stage import WardianError

NAME_LENGTH = 20
"""Hex digits of the identity in a folder's name."""


class StoreError(WardianError):
    """A store that cannot be used, with the fix."""


@dataclass(frozen=True)
class State:
    """Whether an artefact is there."""

    word: Literal["done", "missing", "interrupted", "damaged"]
    """`interrupted`: a partial folder is there and will be resumed."""
    reason: str = ""
    """For `damaged`: which file, and how."""


class Artefact:
    """The place in a store of one stage's output."""

    def __init__(self, root: Path, kind: str, identity: str) -> None:
        self.kind, self.identity = kind, identity
        self.folder = root / kind / identity[:NAME_LENGTH]
        self.partial = self.folder.with_name(self.folder.name + ".partial")
        self.output = self.folder / "output"

    def state(self) -> State:
        """By the manifest and the sizes of the files it lists; reads no content."""
        if not self.folder.is_dir():
            return State("interrupted" if self.partial.is_dir() else "missing")
        return self._check(hashes=False)

    def verify(self) -> State:
        """As `state`, and every file's hash is compared."""
        if not self.folder.is_dir():
            return self.state()
        return self._check(hashes=True)

    def _check(self, *, hashes: bool) -> State:
        try:
            manifest = self.manifest()
            files: dict[str, dict[str, Any]] = manifest["files"]
            if manifest["identity"] != self.identity:
                return State("damaged", "its manifest belongs to another stage")
            for name, listed in files.items():
                path = self.output / name
                if not path.is_file():
                    return State("damaged", f"{name} is missing")
                if path.stat().st_size != listed["bytes"]:
                    found = path.stat().st_size
                    return State("damaged", f"{name} has {found} bytes, not {listed['bytes']}")
                if hashes and file_hash(path) != listed["sha256"]:
                    return State("damaged", f"the content of {name} has changed")
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return State("damaged", "its manifest.json cannot be read")
        return State("done")

    def manifest(self) -> dict[str, Any]:
        """What was recorded when the artefact was made."""
        content = json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError(f"{self.folder / 'manifest.json'} does not hold a JSON object")
        return content

    @contextmanager
    def locked(self, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the artefact's lock; `waiting` is called once if another run holds it."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder.with_name(self.folder.name + ".lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting()
            lock.acquire(poll_interval=0.1)
        try:
            yield
        finally:
            lock.release()

    def complete(self, manifest: dict[str, Any]) -> None:
        """Record the partial folder's files in its manifest and make it the artefact."""
        output = self.partial / "output"
        files = {
            path.relative_to(output).as_posix(): {
                "bytes": path.stat().st_size,
                "sha256": file_hash(path),
            }
            for path in sorted(output.rglob("*"))
            if path.is_file()
        }
        text = json.dumps({**manifest, "files": files}, indent=2, ensure_ascii=False)
        (self.partial / "manifest.json").write_text(text + "\n", encoding="utf-8")
        self.partial.rename(self.folder)

    def remove(self) -> None:
        """Take a damaged artefact away; call it under the lock."""
        doomed = self.folder.with_name(self.folder.name + ".damaged")
        shutil.rmtree(doomed, ignore_errors=True)
        self.folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


@dataclass(frozen=True)
class Store:
    """A folder of artefacts; several runs may use it at once."""

    root: Path

    def artefact(self, kind: str, identity: str) -> Artefact:
        """The place of one stage's output, made or not."""
        return Artefact(self.root, kind, identity)

    def check_writable(self) -> None:
        """Raise `StoreError` when nothing can be written here."""
        probe = self.root / ".writable"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with FileLock(self.root / ".probe.lock"):
                probe.write_bytes(b"x" * 4096)
                probe.unlink()
        except OSError as error:
            raise StoreError(explain(error, self.root)) from error

    def kinds(self) -> dict[str, list[Path]]:
        """Complete artefacts by kind, for listing."""
        if not self.root.is_dir():
            return {}
        return {
            kind.name: [
                folder
                for folder in sorted(kind.iterdir())
                if folder.suffix == "" and (folder / "manifest.json").is_file()
            ]
            for kind in sorted(self.root.iterdir())
            if kind.is_dir() and not kind.name.startswith(".")
        }


def explain(error: OSError, root: Path) -> str:
    """One line for a store that cannot be written, with the fix."""
    fix = "choose another with --store DIR or WARDIAN_STORE"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the store {root} is full: free some space and run again, or {fix}"
    return f"the store {root} cannot be written ({error.strerror or error}): {fix}"
