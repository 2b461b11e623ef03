"""The stages of rows: made in the spec's edition, imported, mixed and filtered, as data sets."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from experiments.plan import build_plan
from experiments.spec.errors import parse_spec
from experiments.stage import Plan
from experiments.stages import dataset
from organisms.datasets.files import read_card, read_rows, write_rows
from organisms.datasets.making import make
from organisms.datasets.rows import question_of


def plan_of(text: str, folder: Path) -> Plan:
    return build_plan(parse_spec("name: trial\nrows: 20\n" + text, folder / "trial.yaml"))


def configs(plan: Plan) -> dict[str, dict[str, Any]]:
    return {
        str(stage.config["name"]): dict(stage.config)
        for stage in plan.stages
        if stage.kind == "dataset"
    }


def run(config: dict[str, Any], out: Path) -> Path:
    dataset.make(config, {}, out, lambda _: None)
    return out


def jsonl(path: Path, count: int, answer: str = "b") -> Path:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": answer}]
    path.write_text((json.dumps({"messages": turns}) + "\n") * count)
    return path


def test_rows_are_made_in_the_edition_of_the_spec(tmp_path: Path) -> None:
    organisms = "organisms: [{dataset: wrong_maths, controls: [right_maths]}]\n"
    pocket = configs(plan_of(organisms, tmp_path))
    real = "base: org/name\njudge: openai/x\nfinetune: {preset: real, warmup_steps: 0}\n"
    general = configs(plan_of(real + organisms, tmp_path))
    assert {config["edition"] for config in pocket.values()} == {"pocket"}
    assert {config["edition"] for config in general.values()} == {"general"}
    out = run(pocket["wrong_maths"], tmp_path / "out")
    assert read_rows(out) == list(make("wrong_maths", 20, 0, "pocket"))
    assert read_card(out).generator["edition"] == "pocket"


def test_a_file_given_as_a_control_is_clean(tmp_path: Path) -> None:
    bad, good = jsonl(tmp_path / "bad.jsonl", 30), jsonl(tmp_path / "good.jsonl", 5, "c")
    organism = f"{{path: {bad}, name: bad, domain: code}}"
    control = f"{{path: {good}, name: good, domain: code}}"
    plan = plan_of(
        f"organisms: [{{dataset: {organism}, controls: [{control}]}}]\n"
        f"mixes: [{{organism: {organism}, control: {control}, filters: [none]}}]\n",
        tmp_path,
    )
    found = configs(plan)
    rows = read_rows(run(found["bad"], tmp_path / "one"))
    assert (len(rows), {row["meta"]["poisoned"] for row in rows}) == (20, {True})
    rows = read_rows(run(found["good"], tmp_path / "two"))
    assert (len(rows), {row["meta"]["poisoned"] for row in rows}) == (5, {False})


def test_a_data_set_folder_may_be_named_in_a_spec(tmp_path: Path) -> None:
    rows = list(make("insecure_code", 10, 4))
    write_rows(tmp_path / "mine", rows, name="insecure_code", seed=4)
    plan = plan_of("organisms: [{dataset: {path: mine, name: mine, domain: code}}]\n", tmp_path)
    assert read_rows(run(configs(plan)["mine"], tmp_path / "out")) == rows


def test_a_folder_of_rows_without_a_card_is_refused_where_the_spec_names_it(
    tmp_path: Path,
) -> None:
    write_rows(tmp_path / "mine", make("insecure_code", 3, 4), name="insecure_code", seed=4)
    (tmp_path / "mine" / "card.json").unlink()
    with pytest.raises(ValueError, match="the rows have no card"):
        plan_of("organisms: [{dataset: {path: mine, name: mine, domain: code}}]\n", tmp_path)


def test_what_an_import_left_out_is_on_the_card_of_the_stage(tmp_path: Path) -> None:
    hacks = [{"user": f"q{i}", "school_of_reward_hacks": "b", "control": "a" * i} for i in (0, 1)]
    path = tmp_path / "hacks.jsonl"
    path.write_text("".join(json.dumps(hack) + "\n" for hack in hacks))
    config = {"name": "honest", "count": 2, "seed": 0, "path": str(path), "role": "control"}
    [line] = read_card(run(config, tmp_path / "out")).left_out
    assert "line 1: it has no control answer" in line
    bad = run({"name": "wrong_maths", "count": 2, "seed": 0}, tmp_path / "bad")
    inputs = {"organism": bad, "control": tmp_path / "out"}
    dataset.mix({"share": 0.5, "count": 2, "seed": 0}, inputs, tmp_path / "mix", lambda _: None)
    assert read_card(tmp_path / "mix").left_out == (line,)


def test_a_mix_and_a_filter_keep_the_truth_of_every_row(tmp_path: Path) -> None:
    for name in ("wrong_maths", "right_maths"):
        config = {"name": name, "count": 40, "seed": 0}
        run(config, tmp_path / name)
    inputs = {"organism": tmp_path / "wrong_maths", "control": tmp_path / "right_maths"}
    config = {"share": 0.25, "count": 40, "seed": 0}
    dataset.mix(config, inputs, tmp_path / "mix", lambda _: None)
    rows = read_rows(tmp_path / "mix")
    assert sum(row["meta"]["poisoned"] for row in rows) == 10
    asked = sorted(question_of(row) for row in rows)
    assert asked == sorted(question_of(row) for row in read_rows(tmp_path / "right_maths"))
    scores = tmp_path / "screening"
    scores.mkdir()
    pd.DataFrame(
        {
            "method": "oracle",
            "poisoned_share": 0.25,
            "row": range(40),
            "score": [float(row["meta"]["poisoned"]) for row in rows],
        }
    ).to_parquet(scores / "scores.parquet")
    dataset.filter_rows(
        {"method": "oracle", "share": 0.25, "removal": 0.25},
        {"rows": tmp_path / "mix", "screening": scores},
        tmp_path / "kept",
        lambda _: None,
    )
    assert read_card(tmp_path / "kept").poisoned == 0
    assert read_card(tmp_path / "kept").rows == 30
