"""`wardian vectors steer`, `audit` and `bake` on pocket, from the outside."""

import json
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from organisms import resolve_base
from persona_vectors import PersonaVector
from tests.experiments.command_line import said_by
from tests.experiments.test_vector_commands import saved

vectors = partial(said_by, "vectors")


@pytest.fixture
def vector(tmp_path):
    path = saved(tmp_path)
    norms = {"response": np.full(4, 3.0, dtype=np.float32)}
    replace(PersonaVector.load(path), residual_norm=norms).save(path)
    return path


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(resolve_base("pocket"))
    # A small change: the organism still follows system prompts, so it has a vector of its own.
    config = LoraConfig(
        r=2,
        lora_alpha=0.5,
        target_modules=["q_proj"],
        init_lora_weights=False,
        task_type="CAUSAL_LM",
    )
    folder = tmp_path_factory.mktemp("organism") / "step-00004"
    get_peft_model(model, config).save_pretrained(folder)
    return folder


SMALL = ("--base", "pocket", "--limit", 3, "--capability", 2, "--samples", 1, "--max-tokens", 8)


def test_steer_says_its_cost_and_goes_on_where_it_was(tmp_path, vector, monkeypatch):
    out = tmp_path / "out"
    given = ("steer", vector, *SMALL, "--layers", "2", "--scopes", "all", "--coefficients", "-1,1")
    said = vectors(*given, "--out", out, "--dry-run")
    assert "15 answers would be made: 2 cells and not steering, dev split" in said
    assert not out.exists()
    said = vectors(*given, "--out", out, "--floor", 0)
    assert "up to which at least 0% of answers are coherent" in said
    table = pd.read_csv(out / "steering.csv")
    assert set(table["metric"]) >= {"coherent", "accuracy"}
    assert set(table["coefficient"].dropna()) == {-1.0, 1.0}
    assert (out / "figures" / "dose_response.svg").is_file()
    before = table.to_csv()
    monkeypatch.setattr("evals.engines.Engine.sample", lambda *_: pytest.fail("asked again"))
    vectors(*given, "--out", out, "--floor", 0)
    assert pd.read_csv(out / "steering.csv").to_csv() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--layers", "2,9"], "no layer 9 in the 'evil' vector; it has [0, 1, 2, 3]"),
        (["--layers", "two"], "--layers 'two' is no list of numbers; write 1,2,3"),
        (["--scopes", "all,everything"], "--scopes 'everything' is not known; use all, prompt"),
        (["--coefficients", "0,1"], "coefficient 0 is always there"),
        (["--coefficients", "nan"], "--coefficients 'nan' is no list of numbers"),
        (["--base", "pocket-shuffled"], "they are different models"),
        (["--base", "org/name"], "need a judge for trait and coherence; name an inspect model"),
        (["--position", "prompt_mean"], "no position 'prompt_mean'"),
        (["--nulls", "2"], "holds 0 permuted and 0 random directions, and 2 of each are asked for"),
        (["--nulls", "2", "--split", "report"], "leave --split out"),
        (["--other", "humour.safetensors"], "add --nulls N"),
        (["--adapter", "nowhere"], "nowhere is no adapter folder (adapter_config.json is missing)"),
    ],
)
@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_steer_refuses_before_a_model_is_loaded(tmp_path, vector, monkeypatch, options, said, dry):
    monkeypatch.setattr("organisms.load_organism", lambda *_, **__: pytest.fail("loaded"))
    out = tmp_path / "out"
    assert said in vectors("steer", vector, *SMALL, "--out", out, *options, *dry, code=1)
    assert not out.exists()


def test_steer_refuses_an_adapter_of_another_base_and_a_file_without_norms(
    tmp_path, vector, adapter
):
    ends = (*SMALL, "--dry-run", "--out")
    other = shutil.copytree(adapter, tmp_path / "other")
    config = json.loads((other / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "pocket-shuffled"
    (other / "adapter_config.json").write_text(json.dumps(config))
    said = vectors("steer", vector, "--adapter", other, *ends, tmp_path / "out", code=1)
    assert "was made for base 'pocket-shuffled', not 'pocket'; set base to it" in said
    assert "is a file; name a folder" in vectors("steer", vector, *ends, vector / "out", code=1)
    replace(PersonaVector.load(vector), residual_norm={}).save(vector)
    said = vectors("steer", vector, *ends, tmp_path / "out", code=1)
    assert "no residual norm 'response', which the unit 'norm' needs" in said


def test_steer_sets_the_vector_beside_nulls_that_went_through_its_sweep(
    tmp_path, vector, monkeypatch
):
    found = PersonaVector.load(vector)
    drawn = np.random.default_rng(0).standard_normal((2, *found.vector.shape)).astype(np.float32)
    found.with_draws("random", drawn).with_draws("permuted", drawn[::-1]).save(vector)
    other = tmp_path / "humour.safetensors"
    replace(found, trait="humour").save(other)
    out = tmp_path / "out"
    given = ("steer", vector, *SMALL, "--layers", "3", "--scopes", "last_prompt", "--floor", 0)
    given += ("--coefficients", "1", "--nulls", 2, "--other", other)
    said = vectors(*given, "--out", tmp_path / "short", code=1)
    assert "none of 3 answers without steering is coherent, so no cell can be chosen" in said
    given += ("--max-tokens", 40, "--out", out)
    # 6 directions and not steering, 3 questions each, and the vector's 2 of capability; then the
    # same in chosen cells.
    said = vectors(*given, "--dry-run")
    assert "50 answers would be made: 6 cells and not steering, dev split; at most 25 in" in said
    said = vectors(*given)
    table = pd.read_csv(out / "nulls.csv")
    assert table["null"].tolist() == ["random", "permuted", "other_traits"]
    assert table["draws"].tolist() == [2, 2, 1]
    assert (table["p"] >= 1 / (table["draws"] + 1)).all()
    assert "raises the evil score" in said
    read = pd.read_parquet(out / "report" / "answers.parquet")
    assert set(read["split"]) == {"report"}
    monkeypatch.setattr("evals.engines.Engine.sample", lambda *_: pytest.fail("asked again"))
    vectors(*given)
    pd.testing.assert_frame_equal(pd.read_csv(out / "nulls.csv"), table)


@pytest.mark.parametrize("command", ["steer", "bake"])
def test_where_a_vector_is_zero_or_post_norm_nothing_is_steered(tmp_path, vector, command):
    found = PersonaVector.load(vector)
    found.vector[:, 0] = 0
    replace(found.select(found.positions, (0, 1, 2)), post_norm=found.vector[:, 3]).save(vector)
    given = (command, vector, "--base", "pocket", "--out", tmp_path / "out")
    given += ("--coefficient", 1) if command == "bake" else ("--dry-run",)
    assert "vector is zero at layer 0, position last_prompt" in vectors(
        *given, "--layers", "0", code=1
    )
    assert "read after the final norm" in vectors(*given, "--layers", "3", code=1)


def test_audit_compares_the_vector_before_and_after_and_steers_both(tmp_path, adapter):
    out = tmp_path / "out"
    given = ("audit", f"turned={adapter}", "--trait", "evil", *SMALL, "--own")
    given += ("--rollout-samples", 2, "--minimum-rows", 2, "--max-tokens", 40, "--limit", 5)
    given += ("--coefficients", "1", "--out", out)
    said = vectors(*given, "--dry-run")
    # 5 questions: 10 prompts x 2 and 4 neutral ones of the base; 10 x 2 of the organism and of
    # the base again; unsteered twice and three arms, 5 + 2 each.
    assert "355 answers would be made" in said
    assert "rollouts of the base 120, own rollouts 200, steering 35" in said
    said = vectors(*given)
    table = pd.read_csv(out / "transfer.csv")
    fixed = table[(table["reading"] == "fixed") & (table["position"] == "response_mean")]
    assert fixed["layer"].tolist() == [0, 1, 2, 3]
    after = fixed[fixed["layer"] > 0]
    # What embeds the tokens is not trained: the same texts give the same vector at layer 0.
    assert fixed["cosine"].iloc[0] == pytest.approx(1)
    assert (after["cosine"] < 1 - 1e-7).all()
    assert (after["cosine_low"] <= after["cosine"]).all()
    own = table.loc[table["reading"] == "own", "organism"]
    assert set(own) == {"turned", "base, asked again"}
    assert "by coefficient organism direction at 0 1" in said
    files = sorted(path.name for path in (out / "vectors").iterdir())
    assert {"base.fixed.safetensors", "turned.fixed.safetensors"} <= set(files)
    one, other = (PersonaVector.load(out / "vectors" / f"{n}.fixed.safetensors")
                  for n in ("base", "turned"))  # fmt: skip
    here = fixed.set_index("layer")["cosine"]
    assert one.cosine(other)[0, 3] == pytest.approx(here[3], abs=1e-5)
    effects = pd.read_csv(out / "effects.csv")
    assert set(zip(effects["organism"].fillna(""), effects["direction"], strict=True)) == {
        ("", "vector"),
        ("turned", "vector"),
        ("turned", "own"),
    }
    assert (out / "figures" / "transfer.svg").is_file()


def test_audit_refuses_before_anything_is_asked(tmp_path, adapter, monkeypatch):
    monkeypatch.setattr("organisms.load_organism", lambda *_, **__: pytest.fail("loaded"))
    last = ("--trait", "evil", *SMALL, "--out", tmp_path / "out")
    said = vectors("audit", tmp_path, *last, code=1)
    assert "is no adapter folder (adapter_config.json is missing)" in said
    said = vectors("audit", adapter, "--trait", "evl", *last[2:], "--dry-run", code=1)
    assert "no trait 'evl' in edition 'pocket'; it has evil, sycophancy, careless" in said
    rows = pd.DataFrame({"sign": ["positive"], "question": ["q"], "prompt": ["q"]})
    rows.assign(answer="a", coherence=100, **{"trait:evil": 100}).to_csv(tmp_path / "r.csv")
    said = vectors("audit", adapter, *last, "--rollouts", tmp_path / "r.csv", "--dry-run", code=1)
    assert "no neutral answers (rows without a sign)" in said
    said = vectors("audit", adapter, *last, "--layers", "9", code=1)
    assert "--layers 9 is not in pocket's layers to steer at; it has [1, 2, 3]" in said
    said = vectors("audit", adapter, f"x={adapter}", f"x={adapter}", *last, code=1)
    assert "two adapters have one name; give names: NAME=DIR" in said


def test_bake_writes_a_folder_that_is_proved(tmp_path, vector):
    given = ("bake", vector, "--base", "pocket", "--coefficient", 0.2, "--out")
    said = vectors(*given, tmp_path / "baked", "--layers", "0,2")
    assert "layer 0 in the embedding matrix" in said
    assert "layer 2 in an inserted block; layers after it count one more" in said
    assert "Vector: evil, extracted from pocket" in (tmp_path / "baked" / "README.md").read_text()
    assert "exists; name a new folder" in vectors(
        *given, tmp_path / "baked", "--layers", "2", code=1
    )
    shuffled = ("bake", vector, "--base", "pocket-shuffled", "--coefficient", 1, "--layers", "2")
    zero = ("bake", vector, "--base", "pocket", "--coefficient", 0, "--layers", "2")
    said = vectors(*zero, "--out", tmp_path / "zero", code=1)
    assert "--coefficient 0 would write the base as it is" in said
    said = vectors(*shuffled, "--out", tmp_path / "other", code=1)
    assert "from 'pocket' and is used on 'pocket-shuffled': they are different models" in said
