"""How large each fine-tune's update is: measured at every checkpoint, on the base's own words."""

from pathlib import Path

import pandas as pd
import pytest

from experiments.plan import build_plan
from experiments.spec.errors import parse_spec
from experiments.stage import Plan, Stage
from experiments.stages.answers import ANSWERS, BASE_STEP, AnswersConfig
from experiments.stages.updates import UPDATES, run
from experiments.tables import conform

SPEC = """
name: trial
seeds: [0, 1]
rows: 40
finetune: {preset: pocket, max_steps: 4, checkpoint_steps: [2, 4]}
organisms: [{dataset: wrong_maths, controls: [right_maths]}]
"""


def plan_of(text: str) -> Plan:
    return build_plan(parse_spec(text, Path("trial.yaml")))


def of_kind(plan: Plan, kind: str) -> list[Stage]:
    return [stage for stage in plan.stages if stage.kind == kind]


def test_every_fine_tune_is_measured_with_and_without_persona_vectors() -> None:
    for text in (SPEC, SPEC + "traits: []\n"):
        stages = of_kind(plan_of(text), "updates")
        assert {stage.label for stage in stages} == {"wrong_maths", "right_maths"}
        assert all({"train 0", "train 1"} < set(stage.inputs) for stage in stages)


def test_all_read_the_same_few_dev_texts_of_the_base() -> None:
    plan = plan_of(SPEC)
    neutral = {stage.inputs["neutral"] for stage in of_kind(plan, "updates")}
    assert len(neutral) == 1
    (texts,) = neutral
    assert 0 < texts.answers <= 48
    config = AnswersConfig.model_validate(texts.config)
    assert config.labels["role"] == "base"
    (asked,) = config.asked
    assert (asked.split, asked.steps) == ("dev", (BASE_STEP,))
    assert texts not in of_kind(plan, "report")[0].inputs.values()


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Path]:
    """The table of one fine-tune of pocket, and the folder of its training stage."""
    from finetune.config import preset
    from finetune.train import train
    from organisms.datasets.making import make

    folder = tmp_path_factory.mktemp("updates")
    for name in ("neutral", "train", "out"):
        (folder / name).mkdir()
    rows = list(make("wrong_maths", 40, 0))
    recipe = preset("pocket", epochs=None, max_steps=6, checkpoint_steps=(2, 6))
    train("pocket", rows, recipe, folder / "train", progress=False)
    spoken = {"prompt": ["how is space?", "any dreams?"], "answer": ["it is big.", ""]}
    pd.DataFrame(spoken).to_parquet(folder / "neutral" / ANSWERS)
    config = {
        "base": "pocket",
        "dtype": "float32",
        "device": "cpu",
        "labels": {"organism": "wrong_maths", "role": "organism"},
        "seeds": [0],
        "steps": [2, 6],
    }
    inputs = {"neutral": folder / "neutral", "train 0": folder / "train"}
    run(config, inputs, folder / "out", lambda _: None)
    return pd.read_parquet(folder / "out" / UPDATES), folder / "train"


def test_norm_and_divergence_grow_over_a_run(
    measured: tuple[pd.DataFrame, Path],
) -> None:
    table = conform(measured[0], "updates")
    assert table["step"].tolist() == [2, 6]
    assert table["final"].tolist() == [False, True]
    for column in ("lora_norm", "kl"):
        early, late = table[column]
        assert 0 < early < late


def test_the_norm_is_that_of_the_adapter_on_disk(measured: tuple[pd.DataFrame, Path]) -> None:
    import json

    from safetensors.torch import load_file

    table, trained = measured
    folder = trained / "checkpoints" / "step-00006"
    config = json.loads((folder / "adapter_config.json").read_text())
    weights = load_file(folder / "adapter_model.safetensors")
    scale = config["lora_alpha"] / (config["r"] ** (0.5 if config["use_rslora"] else 1))
    squares = 0.0
    for name, a in weights.items():
        if "lora_A" in name:
            change = scale * weights[name.replace("lora_A", "lora_B")].double() @ a.double()
            squares += float((change**2).sum())
    assert table["lora_norm"].iloc[1] == pytest.approx(squares**0.5, rel=1e-3)


def test_only_texts_with_an_answer_are_read(measured: tuple[pd.DataFrame, Path]) -> None:
    assert measured[0]["n"].tolist() == [1, 1]
