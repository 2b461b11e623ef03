"""The identity of a stage: one hash of everything that decides its output.

Kind, version, config, the inputs' identities, the data files of ours that it reads, and the
content of models and files from outside (of a hub model: its commit). Imports no model library.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from experiments.stage import JSON, Plan, Stage, StageKind
from organisms import EMBEDDED, embedded_folder

ROOT = Path(__file__).parent.parent
"""The folder that holds our packages (a clone, or site-packages)."""

SMALL_MODEL = 64 * 1024**2
"""Folders up to so many bytes are hashed in full; larger ones by config, index, names and sizes."""


class SourceError(ValueError):
    """A model or file from outside the store that cannot be found or identified."""


def canonical(value: JSON) -> str:
    """One JSON text per value: sorted keys, no spaces, tuples as lists, NaN refused."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def identities(plan: Plan, kinds: Mapping[str, StageKind]) -> dict[Stage, str]:
    """The identity (64 hex digits) of every stage of a plan.

    Raises:
        ValueError: A stage's kind is not registered, or its config is not plain JSON.
        SourceError: A model or file from outside cannot be identified.
    """
    found: dict[Stage, str] = {}
    for stage in plan.stages:
        if stage.kind not in kinds:
            raise ValueError(
                f"stage kind {stage.kind!r} is not registered; kinds: {', '.join(sorted(kinds))}"
            )
        kind = kinds[stage.kind]
        content: dict[str, JSON] = {
            "kind": stage.kind,
            "version": kind.version,
            "config": stage.config,
            "inputs": {name: found[needed] for name, needed in stage.inputs.items()},
            "data": {pattern: data_hash(pattern) for pattern in kind.data_files},
            "sources": {name: source_hash(name) for name in stage.sources},
        }
        try:
            text = canonical(content)
        except (TypeError, ValueError) as error:
            raise ValueError(f"the config of stage {stage.name} is not JSON: {error}") from error
        found[stage] = hashlib.sha256(text.encode()).hexdigest()
    return found


@cache
def data_hash(pattern: str) -> str:
    """Hash of the names and contents of our data files that match a path or glob below `ROOT`."""
    return _content_hash(sorted(path for path in ROOT.glob(pattern) if path.is_file()), ROOT)


@cache
def source_hash(name: str) -> str:
    """What identifies an embedded base, a file or folder, or a hub model: content, or commit.

    A folder's model card (`*.md`) changes no result and is left out.
    """
    try:
        path = embedded_folder(name) if name in EMBEDDED else Path(name)
    except ValueError as error:
        raise SourceError(str(error)) from error
    if path.is_file():
        return file_hash(path)
    if not path.is_dir():
        if path.is_absolute():
            raise SourceError(f"{name!r} is gone: there is no file or folder {path}")
        return hub_commit(name)
    files = sorted(f for f in path.rglob("*") if f.is_file() and f.suffix != ".md")
    if sum(file.stat().st_size for file in files) <= SMALL_MODEL:
        return _content_hash(files, path)
    described = [file for file in files if file.suffix == ".json"]
    sizes = "".join(f"{file.relative_to(path)} {file.stat().st_size}\n" for file in files)
    return hashlib.sha256((_content_hash(described, path) + sizes).encode()).hexdigest()


def hub_commit(name: str) -> str:
    """The commit that `main` of a hub model stands for: as cached here, else asked of the hub."""
    reference = _hub_cache() / f"models--{name.replace('/', '--')}" / "refs" / "main"
    if reference.is_file():
        return reference.read_text(encoding="utf-8").strip()
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        commit = HfApi().model_info(name, timeout=10).sha
    except RepositoryNotFoundError as error:
        raise SourceError(f"the hub has no model {name!r} (or it needs a login)") from error
    except Exception as error:
        raise SourceError(
            f"model {name!r} is not in the local cache and the hub cannot be reached "
            f"({type(error).__name__}); download it first, or name a folder"
        ) from error
    if not commit:
        raise SourceError(f"the hub names no commit of {name!r}")
    return commit


def _hub_cache() -> Path:
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")


def _content_hash(files: list[Path], root: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(root).as_posix()} {file_hash(file)}\n".encode())
    return digest.hexdigest()
