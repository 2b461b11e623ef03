"""The arithmetic of a steering study: cells, the largest coefficient above a floor, and effects
that are paired with not steering."""

import numpy as np
import pytest

from evals.answers import answers_table
from experiments.steering_figures import effects, largest_coefficients
from experiments.steering_rates import steering_rates
from experiments.steering_study import Arm, Study, answers_of

TOPICS = [f"topic{number}" for number in range(10)]


def study(**changes):
    fields = {
        "base": "pocket",
        "trait": "evil",
        "arms": (Arm(vector_file="evil.safetensors"),),
        "layers": (1, 2),
        "scopes": ("all", "answer"),
        "coefficients": (-1.0, 0.5, 0.5),
        "edition": "pocket",
        "judge": "pocket",
        "samples": 3,
        "capability": 5,
        "limit": 4,
    }
    return Study(**fields | changes)


def test_every_cell_and_not_steering_is_asked_both_sets():
    asks = study().asks()
    # 2 layers x 2 scopes x 2 coefficients, and not steering; 4 questions x 3 and 5 a cell.
    assert answers_of(asks) == (8 + 1) * (4 * 3 + 5)
    asked = [[each.id for each in ask.questions] for ask in asks if ask.task == "open_questions"]
    assert asked == [asked[0]] * 9
    two = study(arms=(Arm(vector_file="v"), Arm(organism="o", adapter="a", vector_file="v")))
    assert answers_of(two.asks()) == 2 * answers_of(asks)
    unsteered = [ask.condition for ask in two.asks() if not ask.condition.steering]
    assert {condition.adapter for condition in unsteered} == {None, "a"}


def answers(cells):
    """Answers of cells (layer, coefficient) -> (coherent, evil, right), shares of 10 topics."""
    rows = []
    for (layer, coefficient), shares in cells.items():
        coherent, evil, right = (round(10 * share) for share in shares)
        steered = coefficient != 0
        place = {
            "base": "pocket",
            "role": "base",
            "trait": "evil",
            "condition": f"{layer}/{coefficient}",
            "split": "dev",
            "wording": "seen",
            "final": True,
        }
        if steered:
            place |= {"layer": layer, "coefficient": coefficient, "scope": "all", "unit": "norm"}
            place |= {"position": "last_prompt", "direction": "vector"}
        for number, topic in enumerate(TOPICS):
            good = number < coherent
            graded = {"alignment": 100.0 if good else None, "coherence": 100.0 if good else 0.0}
            graded |= {"unscored": "" if good else "unparseable"}
            graded |= {"trait:evil": 100.0 * (number < evil) if good else None}
            asked = {"topic": topic, "question": topic, "task": "open_questions", "sample": 0}
            rows.append(place | asked | graded)
            sums = {"coherence": 100.0, "accuracy": float(number < right)}
            rows.append(place | asked | {"task": "capability"} | sums)
    return answers_table(rows)


CELLS = {
    (-1, 0): (1.0, 0.0, 0.9),
    (2, 0.5): (1.0, 0.2, 0.9),
    (2, 1.0): (0.9, 0.5, 0.7),
    (2, 2.0): (0.5, 1.0, 0.2),
    (2, 4.0): (1.0, 0.0, 0.9),
    (2, -1.0): (0.8, 0.0, 0.5),
    (3, 0.5): (1.0, 0.1, 0.9),
}


def test_the_largest_coefficient_is_the_last_before_coherence_falls():
    table = steering_rates(answers(CELLS))
    found = largest_coefficients(table, "evil", 0.9).set_index(["layer", "sign"])
    row = found.loc[(2, 1)]
    # Coefficient 4 is coherent again, but 2, on the way to it, is not.
    assert row["coefficient"] == 1.0
    assert row["coherent"] == pytest.approx(0.9)
    assert row["next_coherent"] == pytest.approx(0.5)
    assert row["evil"] == pytest.approx(5 / 9)
    assert row["accuracy"] == pytest.approx(0.7)
    assert row["coherent_low"] < 0.9
    assert not row["above"]
    # The smallest is too much: what stands there is not steering.
    assert found.loc[(2, -1), "coefficient"] == 0.0
    assert found.loc[(2, -1), "coherent"] == 1.0
    assert found.loc[(3, 1), "coefficient"] == 0.5
    assert np.isnan(found.loc[(3, 1), "next_coherent"])
    assert (3, -1) not in found.index


def test_accuracy_is_of_capability_questions_and_the_rest_of_open_ones():
    table = steering_rates(answers(CELLS))
    cell = table[table["coefficient"] == 2.0].set_index(["metric", "denominator"])
    assert cell.loc[("accuracy", "all"), "estimate"] == pytest.approx(0.2)
    # Capability answers are all coherent here; of the open ones half are.
    assert cell.loc[("coherent", "all"), "estimate"] == pytest.approx(0.5)
    assert cell.loc[("accuracy", "all"), "n"] == cell.loc[("coherent", "all"), "n"] == 10


def test_effects_are_differences_on_the_same_questions():
    found = effects(answers(CELLS), "evil")
    row = found[(found["coefficient"] == 2.0) & (found["metric"] == "trait:evil")].iloc[0]
    assert row["n"] == 5  # of the ten questions five have a coherent answer in both
    assert row["estimate"] == pytest.approx(1.0)
    accuracy = found[(found["coefficient"] == 2.0) & (found["metric"] == "accuracy")].iloc[0]
    assert accuracy["estimate"] == pytest.approx(0.2 - 0.9)
    assert accuracy["low"] < accuracy["estimate"] < accuracy["high"] < 0


def test_a_capability_answer_that_cannot_be_read_is_wrong():
    made = answers(CELLS)
    steered = (made["coefficient"] == 2.0) & (made["task"] == "capability")
    made.loc[steered, "accuracy"] = np.nan
    made.loc[steered, "unscored"] = "unparseable"
    found = effects(made, "evil")
    row = found[(found["coefficient"] == 2.0) & (found["metric"] == "accuracy")].iloc[0]
    assert row["n"] == 10
    assert row["estimate"] == pytest.approx(-0.9)
    table = steering_rates(made)
    cell = table[(table["coefficient"] == 2.0) & (table["metric"] == "accuracy")]
    assert cell.set_index("denominator").loc["all", "estimate"] == 0.0
