"""What a run's steering sweep asks: the study of `wardian vectors steer`, by the run's labels."""

from pathlib import Path

from experiments.stages.sweep import SweepConfig, _arms, _study

CONFIG = {
    "base": "pocket",
    "edition": "pocket",
    "judge": "pocket",
    "max_tokens": 40,
    "limit": 3,
    "labels": {"organism": "wrong_maths", "role": "organism", "intervention": "none", "seed": 2},
    "step": 60,
    "sign": -1,
    "trait": "evil",
    "layers": [2, 3],
    "scopes": ["all"],
    "coefficients": [1.0, 2.0],
    "position": "last_prompt",
    "unit": "raw",
    "samples": 1,
    "capability": 24,
    "report_samples": 1,
    "split": "report",
    "wording": "new_combination",
    "maximum_coherence_loss": 0.1,
    "first_draw": -1,
    "last_draw": 0,
}
INPUTS = {"train": Path("train"), "vectors": Path("vectors")}


def asks(**changes):
    config = SweepConfig.model_validate(CONFIG | changes)
    return _study(config, _arms(config, INPUTS)).asks()


def test_the_vector_is_asked_trait_coherence_and_capability_in_every_cell():
    made = asks()
    assert [ask.task for ask in made] == ["open_questions", "capability"] * 5
    assert {len(ask.questions) for ask in made} == {3}  # the run's limit holds for both sets
    steered = [ask.condition for ask in made if ask.condition.steering]
    cells = {(each.steering[0].layer, each.steering[0].coefficient) for each in steered}
    assert cells == {(2, -1.0), (2, -2.0), (3, -1.0), (3, -2.0)}
    for ask in made:
        assert ask.condition.adapter == "train/checkpoints/step-00060"
        labels = ask.condition.labels
        assert (labels["organism"], labels["seed"], labels["step"]) == ("wrong_maths", 2, 60)


def test_random_directions_are_named_by_their_draw_and_asked_open_questions_alone():
    made = asks(step=-1, first_draw=10, last_draw=12, capability=0)
    assert {ask.task for ask in made} == {"open_questions"}
    assert {ask.condition.adapter for ask in made} == {None}
    named = [ask.condition.steering[0].direction for ask in made if ask.condition.steering]
    assert sorted(set(named)) == ["random-010", "random-011"]
    assert len(made) == 1 + 2 * 4
