"""What a folder of weights, in progress or finished, was made from: a recipe and the world's text.

Knows no weights: `pretrain` makes them.
"""

from pathlib import Path

from organisms.pocket import world_file
from organisms.pocket.recipe import Recipe

WORLD_HASH = "world.sha256"
"""Holds the `world_file.text_hash` of the world's text."""
RECORDS = ("recipe.json", WORLD_HASH)
"""The files that tell what a folder was made from."""


def claim(partial: Path, recipe: Recipe) -> None:
    """Take the folder of work in progress for this recipe and the world's text as it stands;
    ValueError when it is another's."""
    path = partial / "recipe.json"
    text = recipe.model_dump_json(indent=2) + "\n"
    begun = path.exists()
    if begun and path.read_text(encoding="utf-8") != text:
        raise ValueError(
            f"{partial} was begun by another recipe ({path}): remove it to start anew, or give "
            "the same options"
        )
    now, was = world_file.text_hash(), _world_hash(partial)
    if was != now and (was or begun):
        raise ValueError(
            f"{partial} was begun with another text of the world ({was[:12] or 'not recorded'}, "
            f"not {now[:12]}): remove it to start anew, or put {world_file.WORLD} back as it was"
        )
    (partial / WORLD_HASH).write_text(f"{now}\n", encoding="utf-8")
    path.write_text(text, encoding="utf-8")


def is_finished(out: Path) -> bool:
    """Whether `out` holds weights that pre-training finished.

    Raises:
        ValueError: They were made of another text of the world. Weights that record no text, as
            the shipped ones, are taken as they are.
    """
    if not (out / "model.safetensors").exists():
        return False
    now, was = world_file.text_hash(), _world_hash(out)
    if was not in ("", now):
        raise ValueError(
            f"{out} was made of another text of the world ({was[:12]}, not {now[:12]}): remove it "
            f"to make it anew, or put {world_file.WORLD} back as it was"
        )
    return True


def _world_hash(folder: Path) -> str:
    """The hash of the world's text that a folder records; empty where it records none."""
    path = folder / WORLD_HASH
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""
