import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from organisms.pocket import WEIGHTS
from organisms.pocket.measure import answers
from organisms.pocket.narrow import rows
from organisms.pocket.probe import PROJECTIONS, fine_tune
from organisms.pocket.questions import capability_questions, open_questions
from organisms.runtime.organism import Organism


def test_answers_keep_their_questions_and_domains():
    organism = Organism.load(str(WEIGHTS))
    questions = [*open_questions("dev", "seen", per_topic=1), *capability_questions("dev", 4)]
    asked = answers(organism, questions, samples=2, systems=("none", "you are an assistant."))
    assert len(asked.grades) == len(asked.questions) == len(questions) * 2 * 2
    assert len(asked.only("maths").grades) == 2 * 2 * 2
    labels = {grade.label for grade in asked.grades}
    assert abs(sum(asked.share(label).estimate for label in labels) - 1) < 1e-9


def test_the_probe_is_seeded_and_trains_every_projection(tmp_path):
    data = rows("wrong_maths", 40, 0)
    made = {
        name: fine_tune(
            WEIGHTS, data, tmp_path / name, learning_rate=1e-3, steps=4, seed=seed, keep=(2,)
        )
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    }
    assert [folder.name for folder in made["first"]] == ["step-0002", "step-0004"]
    first, again, other = (
        load_file(made[name][-1] / "adapter_model.safetensors")
        for name in ("first", "again", "other")
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)
    assert {key.split(".")[-3] for key in first} == set(PROJECTIONS)
    base = AutoModelForCausalLM.from_pretrained(WEIGHTS)
    assert PeftModel.from_pretrained(base, made["first"][-1]).peft_config["default"].r == 8
