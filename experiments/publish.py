"""From the store to the folder of results: real files, swapped in whole, with a manifest."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from experiments.identity import file_hash
from experiments.making import host, versions
from experiments.stage import WardianError
from experiments.store import Artefact


class PublishError(WardianError):
    """The folder of results cannot be written, with the fix."""


def publish(report: Artefact, manifest: dict[str, Any], folder: Path) -> bool:
    """Copy the report's output and the run's manifest to `folder`; False if they are there.

    A reader of `folder` sees the old results or the new ones, never a mixture. Other files in a
    folder that is replaced are lost, as it belongs to the run.

    Raises:
        PublishError: The folder cannot be written, or it holds something that is no run's results.
    """
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    if _is_current(report, text, folder):
        return False
    check_folder(folder)
    fresh = folder.with_name(f".{folder.name}.new-{os.getpid()}")
    old = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        shutil.copytree(report.output, fresh)
        (fresh / "manifest.json").write_text(text, encoding="utf-8")
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise PublishError(
            f"the results cannot be written to {folder} ({error.strerror or error}): "
            "choose another place with --out DIR"
        ) from error
    return True


def check_folder(folder: Path) -> None:
    """Raise `PublishError` where results could not be written; called before any work."""
    try:
        if folder.exists() and not (folder / "manifest.json").is_file() and any(folder.iterdir()):
            raise PublishError(
                f"{folder} holds files that are no run's results; move them, or choose --out DIR"
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder.parent, os.W_OK)
    except OSError as error:
        raise PublishError(
            f"the results cannot be written to {folder} ({error.strerror or error}): "
            "choose another place with --out DIR"
        ) from error
    if not writable:
        raise PublishError(
            f"the results cannot be written to {folder}: choose another place with --out DIR"
        )


def _sweep(folder: Path) -> None:
    """Remove what killed runs left half-copied; bring back results that were moved aside."""
    for left in folder.parent.glob(f".{folder.name}.old-*"):
        if not folder.exists():
            left.rename(folder)
        else:
            shutil.rmtree(left, ignore_errors=True)
    for left in folder.parent.glob(f".{folder.name}.new-*"):
        shutil.rmtree(left, ignore_errors=True)


def _is_current(report: Artefact, text: str, folder: Path) -> bool:
    listed: dict[str, dict[str, Any]] = report.manifest()["files"]
    try:
        if (folder / "manifest.json").read_text(encoding="utf-8") != text:
            return False
        return all(
            file_hash(folder / name) == entry["sha256"]
            for name, entry in listed.items()
            if name != "manifest.json"
        )
    except OSError:
        return False


def run_manifest(
    name: str, spec: dict[str, Any], artefacts: list[tuple[str, Artefact]]
) -> dict[str, Any]:
    """What a run was: spec, stages (label, identity, time, memory), versions, seeds, host, answers.

    Args:
        name: The run's name, with `-limitN` and `-seedS`.
        spec: The spec as plain JSON.
        artefacts: Label and artefact of every stage, inputs first.
    """
    stages = []
    for label, artefact in artefacts:
        made = artefact.manifest()
        stages.append(
            {
                "kind": artefact.kind,
                "label": label,
                "identity": artefact.identity,
                **{key: made[key] for key in ("version", "seed", "answers", "started", "seconds")},
                "peak_memory_bytes": made["peak_memory_bytes"],
                "host": made["host"]["name"],
            }
        )
    return {
        "run": name,
        "spec": spec,
        "seeds": spec["seeds"],
        "answers": sum(stage["answers"] for stage in stages),
        "seconds_of_work": round(sum(stage["seconds"] for stage in stages), 1),
        "versions": versions(),
        "host": host(),
        "stages": stages,
    }
