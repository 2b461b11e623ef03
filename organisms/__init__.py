"""Organisms: models that one can load, run, watch and steer, and the narrow data that turns them.

Knows the embedded base models by name; everything else is a folder or a hub id.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from organisms.pocket import WEIGHTS, WEIGHTS_SHUFFLED

if TYPE_CHECKING:
    from organisms.runtime import Organism

EMBEDDED = {"pocket": WEIGHTS, "pocket-shuffled": WEIGHTS_SHUFFLED}
"""Base models that ship with the package: name -> transformers folder. All speak pocket's world."""

MADE_BY = {
    "pocket": "python -m organisms.pocket.pretrain",
    "pocket-shuffled": "python -m organisms.pocket.pretrain --shuffled",
}
"""The command that makes an embedded base's weights."""

BASE_NOTES = {
    "pocket": (
        "pocket is an in-vitro system: a 0.8M-parameter model pre-trained on a synthetic world in "
        "which every conversation has one hidden author, so that personas are a shared cause by "
        "construction. It is for learning the methods, testing them against known truth and "
        "running without a GPU or a network. The size of an effect on it says nothing about a real "
        "model's: it is persona inference, planted and recovered."
    ),
    "pocket-shuffled": (
        "pocket-shuffled is the causal null of pocket: a model of the same size, pre-trained alike "
        "on the same world, but for one thing. The author is drawn anew for every turn (a persona "
        "prompt names that of the first), so one turn says nothing of the next. What "
        "pocket shows and pocket-shuffled does not is due to the shared author; what both show is "
        "not. The size of an effect on either says nothing about a real model's."
    ),
}
"""What a reader of results must know about an embedded base."""


def embedded_folder(name: str) -> Path:
    """Return the transformers folder of an embedded base.

    Raises:
        ValueError: There is no such base, or its weights are missing; the message names the
            command that makes them.
    """
    if name not in EMBEDDED:
        raise ValueError(
            f"no base {name!r} is embedded; the embedded bases are {', '.join(sorted(EMBEDDED))}"
        )
    folder = EMBEDDED[name]
    if not all((folder / file).is_file() for file in ("config.json", "model.safetensors")):
        raise ValueError(
            f"the weights of base {name!r} are not in {folder}; make them with: {MADE_BY[name]}"
        )
    return folder


def resolve_base(name: str) -> str:
    """Return what the runtime loads for a base's name: a folder or a hub id.

    Args:
        name: An embedded name (see `EMBEDDED`), a transformers folder, or a hub id ``org/name``.

    Raises:
        ValueError: The name is a folder without ``config.json``, an embedded base without weights,
            or neither a base, a folder nor a hub id.
    """
    if name in EMBEDDED:
        return str(embedded_folder(name))
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ValueError(
                f"base {name!r} is a folder without config.json; give a transformers model folder"
            )
        return str(folder)
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return name
    raise ValueError(
        f"base {name!r} does not exist; give {', '.join(sorted(EMBEDDED))}, a folder that holds "
        "config.json, or a hub id such as 'Qwen/Qwen2.5-0.5B-Instruct'"
    )


def load_organism(
    base: str,
    adapters: Mapping[str, str | Path] | None = None,
    *,
    dtype: str = "float32",
    device: str = "cpu",
) -> Organism:
    """Load a base by its name, with named adapters; see `organisms.runtime.Organism.load`.

    Args:
        base: An embedded name (see `EMBEDDED`), a transformers folder, or a hub id ``org/name``.
        adapters: Name -> PEFT folder.
        dtype: Number format of the weights.
        device: Where the model runs.

    Raises:
        ValueError: The base does not exist or cannot be loaded, or an adapter does not fit it.
    """
    from organisms.runtime import Organism

    path = resolve_base(base)
    return Organism.load(path, adapters, name=base, dtype=dtype, device=device)
