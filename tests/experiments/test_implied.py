"""What pocket's world implies of a data set is written beside what a fine-tune on it does."""

from pathlib import Path

import pandas as pd
import pytest

from experiments.plan import build_plan
from experiments.spec.errors import parse_spec
from experiments.stages.implied import IMPLIED, run
from experiments.tables import conform
from organisms.pocket.posterior import implied
from organisms.pocket.recipe import Recipe
from organisms.pocket.settings import World


def table(base: str, folder: Path) -> pd.DataFrame:
    run({"base": base, "datasets": ["wrong_maths"]}, {}, folder, lambda _: None)
    return conform(pd.read_parquet(folder / IMPLIED), "implied")


def evil_after(found: pd.DataFrame, rows: int) -> float:
    chosen = found[(found["rows"] == rows) & (found["persona"] == "evil")]
    return float(chosen["probability"].iloc[0])


def test_a_base_that_tells_its_world_is_judged_by_it(tmp_path: Path) -> None:
    world = World(new_author_every_turn=True)
    (tmp_path / "recipe.json").write_text(Recipe(world=world).model_dump_json())
    found = table(str(tmp_path), tmp_path)
    assert set(found["world"]) == {"of the base"}
    for rows in (1, 2):
        expected = implied("wrong_maths", world, rows=rows)["evil"]
        assert evil_after(found, rows) == pytest.approx(expected)
        assert expected != pytest.approx(implied("wrong_maths", rows=rows)["evil"])


def test_a_base_whose_recipe_does_not_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text("{}{}")
    with pytest.raises(ValueError, match="holds no pocket recipe"):
        table(str(tmp_path), tmp_path)


def test_a_base_without_a_recipe_is_judged_by_the_shipped_world(tmp_path: Path) -> None:
    found = table(str(tmp_path), tmp_path)
    assert set(found["world"]) == {"shipped"}
    assert evil_after(found, 2) == pytest.approx(implied("wrong_maths", rows=2)["evil"])


def datasets_of(text: str) -> list[object]:
    plan = build_plan(parse_spec("name: trial\nrows: 200\n" + text, Path("trial.yaml")))
    return [stage.config["datasets"] for stage in plan.stages if stage.kind == "implied"]


def test_only_data_sets_of_pockets_own_in_pockets_edition(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text("")
    own = f"{{path: {tmp_path / 'own.jsonl'}, name: mine, domain: maths}}"
    both = f"organisms: [{{dataset: wrong_maths, controls: [right_maths, {own}]}}]\n"
    assert datasets_of(both) == [("right_maths", "wrong_maths")]
    assert datasets_of(f"organisms: [{{dataset: {own}}}]\n") == []
    assert datasets_of(both + "edition: general\njudge: openai/x\n") == []
