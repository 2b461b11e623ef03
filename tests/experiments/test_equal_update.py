"""A control of equal update is trained and asked so that it can be read where it moved as far."""

from pathlib import Path

from experiments.plan import build_plan
from experiments.plan_parts import Subject
from experiments.planner import Planner
from experiments.spec.errors import load_spec, parse_spec
from experiments.stage import Plan
from experiments.stages.answers import AnswersConfig

SPEC = """
name: trial
seeds: [0, 1]
rows: 40
finetune: {preset: pocket, max_steps: 10, checkpoint_steps: [2, 5, 10]}
organisms:
  - dataset: wrong_maths
    controls: [right_maths]
    equal_update: %s
"""


def plan_of(equal_update: str, more: str = "") -> Plan:
    return build_plan(parse_spec(SPEC % equal_update + more, Path("trial.yaml")))


def asked_of(plan: Plan) -> list[AnswersConfig]:
    """What the controls of equal update are asked."""
    configs = [
        AnswersConfig.model_validate(stage.config)
        for stage in plan.stages
        if stage.kind == "answers"
    ]
    return [config for config in configs if config.labels["recipe"] == "equal_update"]


def recipes(plan: Plan) -> list[dict[str, object]]:
    return [
        stage.config["finetune"]  # type: ignore[misc]
        for stage in plan.stages
        if stage.kind == "train" and stage.label.startswith("novel_maths update as wrong_maths")
    ]


def test_it_is_a_control_of_its_organism_with_the_same_seeds() -> None:
    labels = [config.labels for config in asked_of(plan_of("novel_maths"))]
    assert [label["seed"] for label in labels] == [0, 1]
    assert {label["role"] for label in labels} == {"control"}
    assert {label["control_of"] for label in labels} == {"wrong_maths"}


def test_each_of_its_checkpoints_is_asked_the_open_questions() -> None:
    for config in asked_of(plan_of("novel_maths")):
        open_questions = [one for one in config.asked if one.task == "open_questions"]
        assert {step for one in open_questions for step in one.steps} == {2, 5, 10}
        assert len({(one.split, one.wording) for one in open_questions}) == 1


def test_its_update_is_measured() -> None:
    measured = [stage.label for stage in plan_of("novel_maths").stages if stage.kind == "updates"]
    assert "novel_maths update as wrong_maths" in measured


def test_a_bare_name_keeps_the_recipe_of_the_organism() -> None:
    plan = plan_of("novel_maths")
    organisms = [
        stage.config["finetune"]
        for stage in plan.stages
        if stage.kind == "train" and stage.label.startswith("wrong_maths")
    ]
    assert recipes(plan) == organisms


def test_learning_rate_and_steps_are_its_own() -> None:
    for recipe in recipes(plan_of("{dataset: novel_maths, learning_rate: 3e-3, max_steps: 20}")):
        assert recipe["learning_rate"] == 3e-3
        assert recipe["max_steps"] == 20
        assert recipe["checkpoint_steps"] == [4, 10, 20]


def test_it_may_be_shorter_than_the_recipe() -> None:
    (recipe, _) = recipes(plan_of("{dataset: novel_maths, max_steps: 6}"))
    assert recipe["checkpoint_steps"] == [1, 3, 6]


def test_two_organisms_may_have_the_same_one() -> None:
    second = "  - {dataset: insecure_code, equal_update: novel_maths}\n"
    configs = asked_of(plan_of("novel_maths", second))
    assert [config.labels["control_of"] for config in configs] == [
        "wrong_maths",
        "wrong_maths",
        "insecure_code",
        "insecure_code",
    ]


def test_its_own_domain_is_left_out_of_its_open_rate() -> None:
    planner = Planner(parse_spec(SPEC % "novel_maths", Path("trial.yaml")))
    assert planner.domains["novel_maths"] == "maths"


def test_the_headline_has_one_for_wrong_maths() -> None:
    organism = load_spec("headline").organisms[0]
    assert organism.dataset == "wrong_maths"
    assert organism.equal_update is not None
    assert organism.equal_update.dataset == "novel_maths"


def test_it_is_not_taken_for_a_point_of_the_frontier() -> None:
    control = Subject("novel_maths", "control", 0, "wrong_maths", learning_rate=1e-3)
    labels = [
        subject.labels["recipe"]
        for subject in (control, Subject(**{**vars(control), "equal_update": True}))
    ]
    assert labels == ["lr=0.001", "equal_update"]
