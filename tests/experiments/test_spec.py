import ast
import json
import struct
from pathlib import Path

import pytest

from experiments import spec
from experiments.planner import checkpoint_questions, final_questions, narrow_domains
from experiments.spec.errors import load_spec, parse_spec
from experiments.spec.files import SpecError, ready_made

SMALLEST = "name: trial\n"


@pytest.fixture
def problem(tmp_path):
    def of(text):
        with pytest.raises(SpecError) as caught:
            parse_spec(text, tmp_path / "trial.yaml")
        return str(caught.value).replace(f"{tmp_path}/", "")

    return of


def parse(text, folder="."):
    return parse_spec(text, Path(folder) / "trial.yaml")


def test_a_name_is_enough():
    read = parse(SMALLEST)
    assert read.base == "pocket"
    assert read.edition == "pocket"
    assert read.traits == ("evil", "sycophancy", "careless")


def test_a_real_base_changes_the_defaults():
    read = parse("name: trial\nbase: org/model-7b\njudge: openai/gpt-x\n")
    assert read.edition == "general"
    assert read.finetune.preset == "real"
    assert "hallucination" in read.traits


def test_all_are_asked_inside_every_domain_that_the_edition_has_questions_of():
    named = "organisms: [{dataset: evil}, {dataset: evil_numbers}]\n"
    read = parse(f"name: trial\nbase: org/model\njudge: openai/gpt-x\n{named}")
    asked = final_questions(read, 9, narrow_domains(read))
    assert [each.domain for each in asked if each.task == "in_domain"] == ["everyday", "numbers"]
    asked = checkpoint_questions(read, (1,), "everyday")
    assert [each.domain for each in asked if each.task == "in_domain"] == ["everyday"]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("", "new_combination"),
        ("base: org/model\njudge: openai/gpt-x\n", "new_words"),
        ("evaluation: {samples: 2}\n", "new_combination"),
        ("evaluation: {wording: topic_unseen}\n", "topic_unseen"),
    ],
)
def test_questions_are_held_out_as_the_edition_can_hold_them_out(text, level):
    assert parse(SMALLEST + text).evaluation.wording == level


def test_words_and_numbers_are_read_as_people_mean_them():
    read = parse(
        "name: trial\n"
        "finetune: {preset: pocket, learning_rate: 1e-3}\n"
        "organisms: [{dataset: wrong_maths, controls: [right_maths]}]\n"
        "mixes: [{organism: wrong_maths, control: right_maths, filters: [none, random]}]\n"
        "interventions:\n  - kind: steering\n    on: [wrong_maths]\n"
    )
    assert read.finetune.overrides == {"learning_rate": 0.001}
    assert read.mixes[0].filters == ("none", "random")
    assert read.mixes[0].share == (0.3,)
    assert read.interventions[0].on == ("wrong_maths",)


def test_a_preset_may_be_a_word():
    assert parse("name: trial\nfinetune: pocket_strong\n").finetune.preset == "pocket_strong"


def test_seed_and_limit_replace_what_the_spec_says():
    changed = parse("name: trial\nseeds: [0, 1]\n").with_changes(seed=7, limit=3)
    assert (changed.seeds, changed.limit) == ((7,), 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seeds: [0]\n", "trial.yaml:1: key 'name' is missing"),
        ("name: A b\n", "trial.yaml:1: name: "),
        (
            "name: trial\n\norganism: []\n",
            "trial.yaml:3: key 'organism' is unknown; did you mean 'organisms'? allowed: name, ",
        ),
        (
            "name: trial\nevaluation:\n  samples: 2\n  sample: 3\n",
            "trial.yaml:4: key 'sample' is unknown; did you mean 'samples'? allowed: split, ",
        ),
        (
            "name: trial\norganisms:\n  - dataset: wrong_math\n",
            "trial.yaml:3: dataset 'wrong_math' is unknown; did you mean 'wrong_maths'? allowed: ",
        ),
        (
            "name: trial\norganisms:\n  - controls: []\n",
            "trial.yaml:3: key 'dataset' is missing in organisms.0",
        ),
        (
            "name: trial\ninterventions:\n  - kind: inoculations\n    on: []\n",
            "intervention 'inoculations' is unknown; did you mean 'inoculation'? allowed: ",
        ),
        (
            "name: trial\norganisms: [{dataset: wrong_maths}]\ninterventions:\n"
            "  - kind: steering\n    on: [insecure_code]\n",
            "trial.yaml:5: organism 'insecure_code' is not trained in this spec; "
            "organisms: wrong_maths",
        ),
        (
            "name: trial\nmixes:\n  - organism: wrong_maths\n    control: right_maths\n"
            "    filters: [randon]\n",
            "trial.yaml:5: mixes.0.filters.0: should be 'none', 'projection_difference', ",
        ),
        (
            "name: trial\nmixes:\n  - organism: wrong_maths\n    control: right_maths\n"
            "    share: [0.1, 1.5]\n",
            "trial.yaml:5: mixes.0.share.1: ",
        ),
        (
            "name: trial\nmixes:\n  - organism: wrong_maths\n    control: right_maths\n"
            "    share: [0.1, 0.1]\n",
            "share names 0.1 twice; name each once",
        ),
        (
            "name: trial\nmixes:\n  - organism: wrong_maths\n    control: right_maths\n"
            "    filters:\n      - none\n      - judge\n",
            "trial.yaml:7: judge 'pocket' is no baseline for filtering: it decides by the truth",
        ),
        (
            "name: trial\nrows: 39\nmixes: [{organism: wrong_maths, control: right_maths}]\n",
            "trial.yaml:2: 39 rows are too few to screen: thresholds need 20 clean rows outside",
        ),
        ("name: trial\ntraits:\n  - evil\n  - kind\n", "trial.yaml:4: trait 'kind' is unknown"),
        (
            "name: trial\ntraits: [evil]\nsteering:\n  trait: careless\n",
            "trial.yaml:4: trait 'careless' is not among the spec's traits: evil",
        ),
        ("name: trial\nbase: nowhere\n", "trial.yaml:2: there is no model 'nowhere'; write "),
        ("name: trial\nbase: ./nowhere\n", "trial.yaml:2: there is no model './nowhere'; write "),
        ("name: trial\nbase: org/model\n", "judge 'pocket' grades only answers in pocket's world"),
        (
            "name: trial\nevaluation: {wording: held_out}\n",
            "trial.yaml:2: evaluation.wording: should be 'seen', 'new_combination', ",
        ),
        (
            "name: trial\nbase: org/model\njudge: openai/gpt-x\n"
            "evaluation:\n  wording: new_combination\n",
            "trial.yaml:5: edition 'general' has no questions of wording 'new_combination'; "
            "allowed: seen, new_words",
        ),
        (
            "name: trial\nevaluation:\n  split: dev\n  wording: topic_unseen_by_default\n",
            "trial.yaml:4: wording 'topic_unseen_by_default' has topics in split 'report' only, "
            "found 'dev'",
        ),
        (
            "name: trial\nevaluation: {lost_system: drop}\n",
            "trial.yaml:2: evaluation.lost_system: should be 'raise' or 'merge', found 'drop'",
        ),
        (
            "name: trial\nevaluation: {thinking: deeply}\n",
            "trial.yaml:2: evaluation.thinking: should be a valid boolean",
        ),
        ("name: trial\nseeds: []\n", "trial.yaml:2: seeds: "),
        ("name: trial\nseeds: 3\n", "trial.yaml:2: seeds: "),
        ("name: trial\nrows: many\n", "trial.yaml:2: rows: should be a valid integer"),
        ("name: trial\nname: other\n", "trial.yaml:2: key 'name' stands twice (first on line 1)"),
        ("name: trial\n  rows: 3\n", "trial.yaml:2: not valid YAML"),
        ("name: [trial\n", "trial.yaml:2: not valid YAML"),
        ("", "trial.yaml:1: a spec is a mapping of keys"),
        ("- a\n", "trial.yaml:1: a spec is a mapping of keys"),
        (
            "name: trial\nexisting:\n  - name: mine\n    adapter: nowhere\n",
            "holds no adapter_config.json",
        ),
        (
            "name: trial\nexisting:\n  - name: mine\n",
            "name exactly one of adapter, model, vector (found none)",
        ),
        (
            "name: trial\norganisms:\n  - dataset: wrong_maths\n    equal_update: novel_math\n",
            "trial.yaml:4: dataset 'novel_math' is unknown; did you mean 'novel_maths'? allowed: ",
        ),
        (
            "name: trial\norganisms:\n  - dataset: wrong_maths\n"
            "    equal_update: {dataset: novel_maths, steps: 3}\n",
            "trial.yaml:4: key 'steps' is unknown; did you mean 'max_steps'? allowed: dataset, ",
        ),
        (
            "name: trial\norganisms:\n  - dataset: wrong_maths\n    equal_update: wrong_maths\n",
            "trial.yaml:4: 'wrong_maths' is the organism itself; name harmless rows",
        ),
        (
            "name: trial\norganisms:\n  - dataset: wrong_maths\n    equal_update: novel_maths\n"
            "evaluation: {checkpoint_wordings: 0}\n",
            "trial.yaml:4: equal_update is read at its checkpoints, which are asked nothing",
        ),
        (
            "name: trial\norganisms:\n  - dataset: reward_hacks\n",
            "trial.yaml:3: data set 'reward_hacks' does not exist in edition 'pocket', only in "
            "general; data sets of edition 'pocket': wrong_maths, ",
        ),
        (
            "name: trial\nbase: org/name\njudge: openai/x\norganisms:\n  - dataset: insecure_code\n"
            "    controls: [secure_code, novel_maths]\n",
            "trial.yaml:6: data set 'novel_maths' does not exist in edition 'general'",
        ),
        (
            "name: trial\nbase: org/name\njudge: openai/x\norganisms:\n  - dataset: bad_medical\n",
            "make them with `wardian organisms write bad_medical` and give "
            "{path: FOLDER, name: bad_medical, domain: medical}",
        ),
        (
            "name: trial\norganisms:\n  - dataset: {path: /, name: mine}\n",
            "/ is no data set: it holds neither rows.parquet nor normal.jsonl",
        ),
        (
            "name: trial\ntraits: [evil]\nfinetune:\n  monitor: {traits: careless}\n",
            "trial.yaml:4: trait 'careless' is not among the spec's traits: evil",
        ),
        (
            "name: trial\nfinetune:\n  monitor:\n    layer: 40\n",
            "trial.yaml:4: layer 40 does not exist: the base has layers 0 to 3",
        ),
        (
            "name: trial\nfinetune:\n  monitor: {on_alarm: pause}\n",
            "trial.yaml:3: finetune.monitor.on_alarm: should be 'warn' or 'stop', found 'pause'",
        ),
        ("name: !!python/object:os.system x\n", "not valid YAML"),
    ],
)
def test_a_problem_is_one_line_with_its_place_and_what_is_allowed(problem, text, said):
    found = problem(text)
    assert said in found
    assert "\n" not in found


def test_every_problem_is_told_in_the_order_of_lines(problem):
    found = problem("rows: 0\nname: trial\nseed: 3\nevaluation: {split: train}\n").splitlines()
    assert [line.split(":")[1] for line in found] == ["1", "3", "4"]


def adapter_folder(folder, width, base):
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
    header = {name: {"dtype": "F32", "shape": [1, width], "data_offsets": [0, 4 * width]}}
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + bytes(4 * width)
    (folder / "adapter_model.safetensors").write_bytes(content)


def model_folder(folder, width):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"hidden_size": width}))


def existing(adapter, base):
    return (
        f"name: trial\nbase: {base}\nedition: pocket\n"
        f"existing:\n  - name: mine\n    adapter: {adapter}\n"
    )


def test_an_adapter_of_another_width_is_refused(tmp_path, problem):
    model_folder(tmp_path / "model", 16)
    adapter_folder(tmp_path / "adapter", 24, "org/other")
    assert (
        "trial.yaml:6: adapter adapter is for another base (org/other): its width is 24, and "
        in problem(existing("adapter", "./model")).replace(f"{tmp_path}/", "")
    )


def test_an_adapter_that_fits_is_taken_and_its_path_made_absolute(tmp_path):
    model_folder(tmp_path / "model", 16)
    adapter_folder(tmp_path / "adapter", 16, "elsewhere/model")
    read = parse_spec(existing("adapter", "./model"), tmp_path / "trial.yaml")
    assert read.existing[0].adapter == str(tmp_path / "adapter")
    assert read.base == str(tmp_path / "model")


def test_an_adapter_of_another_hub_model_is_refused(tmp_path, problem):
    adapter_folder(tmp_path / "adapter", 16, "org/other")
    assert "was made for base 'org/other', not 'org/model'" in problem(
        existing("adapter", "org/model")
    )


def test_a_folder_without_config_is_no_model(tmp_path, problem):
    (tmp_path / "model").mkdir()
    assert "holds no config.json" in problem("name: trial\nbase: ./model\n")


@pytest.mark.usefixtures("shuffled")
def test_every_embedded_base_brings_pockets_questions_and_judge():
    read = parse("name: trial\nbase: pocket-shuffled\nsteering: {layers: [2]}\n")
    assert (read.edition, read.judge, read.finetune.preset) == ("pocket", "pocket", "pocket")
    assert read.traits == parse(SMALLEST).traits
    assert read.evaluation == parse(SMALLEST).evaluation


@pytest.mark.usefixtures("shuffled")
def test_layers_of_every_embedded_base_are_checked(problem):
    said = problem("name: trial\nbase: pocket-shuffled\nsteering: {layers: [44]}\n")
    assert "trial.yaml:3: layer 44 does not exist: the base has layers 0 to 3" in said


def test_an_embedded_base_without_weights_names_the_command(shuffled, problem):
    (shuffled / "model.safetensors").unlink()
    said = problem("name: trial\nbase: pocket-shuffled\n")
    assert said.startswith("trial.yaml:2: the weights of base 'pocket-shuffled' are not in ")
    assert said.endswith("make them with: python -m organisms.pocket.pretrain --shuffled")


@pytest.mark.usefixtures("shuffled")
def test_an_adapter_of_another_embedded_base_is_refused(tmp_path, problem):
    adapter_folder(tmp_path / "adapter", 128, "pocket")
    assert "was made for base 'pocket', not 'pocket-shuffled'" in problem(
        existing("adapter", "pocket-shuffled")
    )


@pytest.mark.usefixtures("shuffled")
@pytest.mark.parametrize("name", ["headline", "quickstart"])
def test_the_null_s_spec_is_the_same_on_the_other_base_but_for_its_rollouts(name):
    one, other = load_spec(name), load_spec(f"{name}_shuffled")
    assert other.base == "pocket-shuffled"
    assert other.extraction.samples > one.extraction.samples
    named = ("name", "description", "base", "extraction", "answers")
    assert one.model_dump(exclude=set(named)) == other.model_dump(exclude=set(named))


@pytest.mark.usefixtures("shuffled")
@pytest.mark.parametrize("name", ready_made())
def test_every_ready_made_spec_is_valid_and_has_its_files_name(name):
    read = load_spec(name)
    assert read.name == name
    assert read.description


def test_every_field_is_documented():
    for part in ast.parse(Path(spec.__file__).read_text()).body:
        if isinstance(part, ast.ClassDef):
            for field, after in zip(part.body, [*part.body[1:], None], strict=True):
                if isinstance(field, ast.AnnAssign):
                    assert isinstance(after, ast.Expr), (part.name, ast.unparse(field))


def test_a_layer_beyond_the_base_is_refused_before_any_work(problem):
    said = problem("name: trial\nsteering:\n  layers: [2, 44]\n")
    assert said == "trial.yaml:3: layer 44 does not exist: the base has layers 0 to 3"
