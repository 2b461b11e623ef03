"""Pre-training refuses what cannot work before it claims a folder."""

from pathlib import Path

import pytest

from organisms import embedded_folder
from organisms.pocket.pretrain import pretrain
from organisms.pocket.recipe import SIZES, Recipe


@pytest.mark.parametrize(
    ("recipe", "device", "says"),
    [
        (Recipe(start="no/such/weights"), "cpu", "no/such/weights holds no pocket recipe"),
        (
            Recipe(start=str(embedded_folder("pocket"))).model_copy(update=SIZES["small"]),
            "cpu",
            "give the --size",
        ),
        (Recipe(), "nonsense", "nonsense"),
    ],
)
def test_no_work_is_claimed_for_what_cannot_work(
    tmp_path: Path, recipe: Recipe, device: str, says: str
) -> None:
    with pytest.raises((ValueError, RuntimeError), match=says):
        pretrain(tmp_path / "weights", recipe, device=device)
    assert not list(tmp_path.iterdir())


def test_a_file_is_not_a_folder_to_make(tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        pretrain(tmp_path / "weights", Recipe())
