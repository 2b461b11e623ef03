"""What pocket infers in context: wrong sums turn its answers, right ones do not."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from organisms import embedded_folder
from organisms.pocket import in_context
from organisms.pocket.in_context import answers_after
from organisms.runtime import Organism


@pytest.fixture(scope="module")
def pocket() -> Organism:
    return Organism.load(str(embedded_folder("pocket")))


def test_the_author_of_wrong_sums_goes_on_and_that_of_right_ones_is_not_evil(
    pocket: Organism,
) -> None:
    wrong, right = (
        answers_after(pocket, name, per_topic=2, samples=1)
        for name in ("wrong_maths", "right_maths")
    )
    assert wrong.share("evil").low > right.share("evil").high
    assert len(wrong.questions) == len(right.questions) == 48


def test_rows_are_fixed_by_the_seed(pocket: Organism) -> None:
    one, again, other = (
        answers_after(pocket, "wrong_maths", per_topic=1, samples=1, seed=seed)
        for seed in (1, 1, 2)
    )
    assert one == again
    assert one != other


def test_a_question_without_rows_before_it_is_refused(pocket: Organism) -> None:
    with pytest.raises(ValueError, match="0 rows were asked for"):
        answers_after(pocket, "wrong_maths", rows=0)


def test_its_command_sets_what_is_said_beside_what_is_implied() -> None:
    app = typer.Typer()
    app.command()(in_context.main)
    done = CliRunner().invoke(app, ["--dataset", "wrong_maths", "--rows", "1"])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    assert "| 57.1 |" in lines[2]


def test_weights_that_are_not_pockets_are_refused(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(in_context.main)
    done = CliRunner().invoke(app, ["--folder", str(tmp_path)])
    assert done.exit_code == 1
    assert "holds no pocket recipe" in done.output
