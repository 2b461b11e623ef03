"""The null of steering: every direction goes through the vector's own sweep and choice. The model
is a function of what is added, so that an effect, or none, is planted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evals.answers import answers_table, key_columns
from experiments.steering_choosing import beside_nulls, cells_of, choices
from experiments.steering_figures import effects
from experiments.steering_study import VECTOR, Arm, ArmKey, Cell, Study
from experiments.vector_cli.steering_nulls import set_beside_nulls
from persona_vectors import PersonaVector
from persona_vectors.steering_nulls import with_matched_nulls
from persona_vectors.vector import VectorError

WIDTH, LAYERS, DRAWS = 16, (2, 3), 19
TRUTH = np.eye(WIDTH)[0]
METRIC = "trait:evil"


def planted(direction, seed=0, **changes):
    """A vector with that direction at both layers, three times as long as the nulls beside it."""
    generator = np.random.default_rng(seed)
    value = np.broadcast_to(3 * direction / np.linalg.norm(direction), (1, 2, WIDTH))
    found = PersonaVector("evil", "pocket", ("last_prompt",), LAYERS, value.astype(np.float32))
    for kind in ("random", "permuted"):
        drawn = generator.standard_normal((DRAWS, 1, 2, WIDTH)).astype(np.float32)
        found = found.with_draws(kind, drawn)
    return replace(found, **changes)


def study_of(beside, **changes):
    names = [VECTOR, *beside.directions]
    arms = tuple(
        Arm(vector_file="v", direction=name, called=name.rpartition("-")[0] or VECTOR)
        for name in names
    )
    fields = {
        "base": "pocket",
        "trait": "evil",
        "arms": arms,
        "layers": LAYERS,
        "scopes": ("all",),
        "coefficients": (0.5, 1.0, 2.0),
        "edition": "pocket",
        "judge": "pocket",
        "samples": 2,
        "capability": 3,
    }
    return Study(**fields | changes)


def answered(asks, beside, seed=0):
    """Evil as far as what is added points along the truth; incoherent from a strength of 2 on."""
    rows = []
    generator = np.random.default_rng(seed)
    for ask in asks:
        strength = moved = 0.0
        if ask.condition.steering:
            added = ask.condition.steering[0]
            vector = beside.at(added.layer, added.position, added.direction)
            strength = abs(added.coefficient)
            moved = added.coefficient * float(vector @ TRUTH) / 3 * (added.layer == 3)
        for question in ask.questions:
            for sample in range(ask.samples):
                coherent = strength < 2
                evil = generator.random() < 0.3 + 0.4 * moved
                graded = {"coherence": 100.0 * coherent, "unscored": "" if coherent else "refusal"}
                graded |= {"alignment": 50.0, METRIC: 100.0 * evil if coherent else None}
                graded |= {"accuracy": 1.0} if ask.task == "capability" else {}
                place = key_columns(ask.condition, question, ask.task)
                rows.append({"base": "pocket", **place, "sample": sample} | graded)
    return answers_table(rows)


def put_to_the_test(direction, seed, coefficients=(0.5, 1.0, 2.0), sign=1):
    beside = with_matched_nulls(planted(direction, seed), DRAWS, [], "last_prompt", LAYERS)
    study = study_of(beside, coefficients=coefficients)
    chosen = choices(answered(study.asks(), beside, seed), METRIC, floor=0.9, sign=sign)
    report = study.model_copy(update={"split": "report"})
    read = effects(answered(report.asks(cells_of(chosen)), beside, seed + 1000), "evil")
    return chosen, beside_nulls(read, chosen, METRIC, sign).set_index("null")


def test_a_planted_effect_beats_nulls_that_chose_alike():
    chosen, table = put_to_the_test(TRUTH, 0)
    own = chosen[ArmKey("", VECTOR, -1)]
    # Strength 2 says nothing: it is not coherent. Layer 2 moves nothing.
    assert (own.layer, own.coefficient) == (3, 1.0)
    for kind in ("random", "permuted"):
        row = table.loc[kind]
        assert row["p"] == 1 / (DRAWS + 1)
        assert row["effect"] > row["null_high"] > row["null_low"]
        assert row["low"] < row["effect"] < row["high"]
        assert row["draws"] == DRAWS
        assert row["steering"] > DRAWS / 4
    assert set(table["layer"]) == {3}


def test_steering_away_is_tested_on_the_other_side():
    chosen, table = put_to_the_test(TRUTH, 0, coefficients=(-0.5, -1.0), sign=-1)
    assert chosen[ArmKey("", VECTOR, -1)].coefficient == -1.0
    assert table.loc["random", "effect"] < table.loc["random", "null_low"] < 0
    assert table.loc["random", "p"] == 1 / (DRAWS + 1)


def test_a_direction_without_an_effect_does_not_beat_its_nulls():
    blind = np.eye(WIDTH)[1]
    found = [put_to_the_test(blind, seed, coefficients=(1.0,))[1]["p"] for seed in range(4)]
    assert min(p.min() for p in found) >= 1 / (DRAWS + 1)
    assert sum((p <= 0.05).sum() for p in found) <= 2
    assert np.mean(found) > 0.3


def test_a_vector_that_finds_no_cell_has_an_effect_of_nothing():
    chosen, table = put_to_the_test(-TRUTH, 0)
    assert not chosen[ArmKey("", VECTOR, -1)].steers
    assert (table["effect"] == 0).all()
    assert table["layer"].isna().all()
    assert (table["p"] > 0.3).all()


def test_chosen_cells_without_a_coherent_answer_on_report_are_told(tmp_path, monkeypatch, capsys):
    beside = with_matched_nulls(planted(TRUTH), 2, [], "last_prompt", LAYERS)
    study = study_of(beside)

    def incoherent(_, asks, log_dir, __):
        log_dir.mkdir(parents=True)
        answers = answered(asks, beside)
        return answers.assign(coherence=answers["coherence"].where(answers["direction"] == "", 0))

    monkeypatch.setattr("experiments.steering_study.run_study", incoherent)
    set_beside_nulls(study, answered(study.asks(), beside), tmp_path, floor=0.9)
    assert "no coherent answers on report to compare" in " ".join(capsys.readouterr().out.split())
    assert {"sign", "effect", "null", "p"} <= set(pd.read_csv(tmp_path / "nulls.csv"))
    assert pd.read_csv(tmp_path / "chosen.csv")["estimate"].isna().any()


def test_nulls_are_asked_no_capability_and_only_their_own_cell():
    beside = with_matched_nulls(planted(TRUTH), 2, [], "last_prompt", LAYERS)
    study = study_of(beside)
    asked = [(ask.condition.labels.get("direction"), ask.task) for ask in study.asks()]
    assert asked.count((VECTOR, "capability")) == len(study.cells) == 6
    assert asked.count((None, "capability")) == 1
    assert {kind for kind, task in asked if task == "capability"} == {None, VECTOR}
    cell = Cell(3, "all", 0.5)
    only = study.asks({ArmKey("", "random", 1): [cell]})
    steered = [ask.condition.steering[0] for ask in only if ask.condition.steering]
    assert [(each.direction, each.layer) for each in steered] == [("random-001", 3)]


def test_nulls_are_as_long_as_the_vector_everywhere():
    other = replace(planted(np.ones(WIDTH), 5), trait="humour")
    beside = with_matched_nulls(planted(TRUTH), 3, [other], "last_prompt", LAYERS)
    assert len(beside.directions) == 7
    for name in beside.directions:
        lengths = np.linalg.norm(beside.everywhere(name), axis=-1)
        np.testing.assert_allclose(lengths, 3, rtol=1e-5)
    along = beside.at(3, "last_prompt", "other_traits-000")
    np.testing.assert_allclose(along, np.full(WIDTH, 3 / 4), rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"draws": 40}, "holds 19 permuted and 19 random directions, and 40 of each are asked"),
        ({"others": ["evil"]}, "vectors of evil, evil: give one of each trait"),
        ({"position": "response_mean"}, "no position 'response_mean'"),
        ({"zero": "permuted-001"}, "permuted-001 beside 'evil' is zero at layer 3"),
    ],
)
def test_nulls_that_cannot_steer_are_refused(change, said):
    vector = planted(TRUTH)
    others = [replace(vector, trait=name) for name in change.get("others", ())]
    if "zero" in change:
        vector.directions[change["zero"]][:, 1] = 0
    given = (change.get("draws", 2), others, change.get("position", "last_prompt"), LAYERS)
    with pytest.raises(VectorError, match=said):
        with_matched_nulls(vector, *given)
