"""What pocket infers in context: wrong sums turn its answers, right ones do not."""

import pytest

from organisms import embedded_folder
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
