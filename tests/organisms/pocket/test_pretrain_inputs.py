"""Pre-training refuses what cannot work before it claims a folder."""

import shutil
from pathlib import Path

import pytest
import torch
import typer
from pydantic import ValidationError
from typer.testing import CliRunner

from organisms import embedded_folder
from organisms.pocket.pretrain import main, pretrain
from organisms.pocket.recipe import LARGEST_SEED, SIZES, Recipe


@pytest.mark.parametrize(
    ("recipe", "device", "says"),
    [
        (Recipe(start="no/such/weights"), "cpu", "no/such/weights holds no pocket recipe"),
        (
            Recipe(start=str(embedded_folder("pocket"))).model_copy(update=SIZES["small"]),
            "cpu",
            "give the --size",
        ),
        (Recipe(), "nonsense", "--device 'nonsense' cannot be used"),
        (Recipe(), "cuda:99", "--device 'cuda:99' cannot be used"),
        (Recipe(), "meta", "--device 'meta' cannot be used"),
    ],
)
def test_no_work_is_claimed_for_what_cannot_work(
    tmp_path: Path, recipe: Recipe, device: str, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        pretrain(tmp_path / "weights", recipe, device=device)
    assert not list(tmp_path.iterdir())


def test_a_file_is_not_a_folder_to_make(tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        pretrain(tmp_path / "weights", Recipe())


@pytest.mark.parametrize("missing", ["model.safetensors", "config.json", "tokenizer.json"])
def test_weights_to_go_on_from_are_whole(tmp_path: Path, missing: str) -> None:
    start = tmp_path / "start"
    shutil.copytree(embedded_folder("pocket"), start)
    (start / missing).unlink()
    with pytest.raises(ValueError, match=f"start has no {missing}: give finished weights"):
        pretrain(tmp_path / "weights", Recipe(start=str(start)))
    assert [path.name for path in tmp_path.iterdir()] == ["start"]


@pytest.mark.parametrize("seed", [-1, LARGEST_SEED + 1])
def test_a_seed_that_no_generator_takes_claims_nothing(tmp_path: Path, seed: int) -> None:
    command = typer.Typer()
    command.command()(main)
    made = CliRunner().invoke(command, ["--seed", str(seed), "--out", str(tmp_path / "weights")])
    assert made.exit_code == 2
    assert "'--seed'" in made.output
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValidationError, match="seed"):
        Recipe(seed=seed)


def test_the_largest_seed_is_one_of_torch() -> None:
    torch.Generator().manual_seed(Recipe(seed=LARGEST_SEED).seed)
    with pytest.raises((RuntimeError, ValueError)):
        torch.Generator().manual_seed(LARGEST_SEED + 1)
