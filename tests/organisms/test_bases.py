"""The embedded bases: each is loaded by its name, and says how to make what is missing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from organisms import BASE_NOTES, EMBEDDED, MADE_BY, embedded_folder, load_organism, resolve_base

ROOT = Path(__file__).parents[2]


def test_every_embedded_base_has_its_note_its_command_and_a_place_in_the_wheel() -> None:
    assert set(EMBEDDED) == set(BASE_NOTES) == set(MADE_BY)
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    shipped = tools["setuptools"]["package-data"]["organisms.pocket"]
    assert {f"{folder.name}/*" for folder in EMBEDDED.values()} <= set(shipped)


def test_an_embedded_base_answers_under_its_name(shuffled: Path) -> None:
    assert resolve_base("pocket-shuffled") == str(shuffled)
    organism = load_organism("pocket-shuffled")
    assert organism.base == "pocket-shuffled"


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_missing_weights_name_the_command_that_makes_them(shuffled: Path, file: str) -> None:
    (shuffled / file).unlink()
    for load in (embedded_folder, resolve_base, load_organism):
        with pytest.raises(ValueError, match="make them with: python -m organisms"):
            load("pocket-shuffled")


def test_an_unknown_name_lists_the_embedded_bases() -> None:
    with pytest.raises(ValueError, match="embedded bases are pocket, pocket-shuffled"):
        embedded_folder("pockets")
    with pytest.raises(ValueError, match="give pocket, pocket-shuffled, a folder"):
        resolve_base("pockets")
