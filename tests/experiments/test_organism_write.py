"""`wardian organisms write` with models that are called by name: cost, calls, card and errors."""

from functools import partial

import pytest

from organisms.datasets.files import read_card, read_rows
from tests.experiments.command_line import said_by
from tests.experiments.scripted import CALLS

wardian = partial(said_by, "organisms")

MODELS = ("--writer", "scripted/writer", "--judge", "scripted/judge")


@pytest.fixture(autouse=True)
def calls():
    """The calls of one test."""
    CALLS.clear()
    return CALLS


def test_write_says_the_cost_asks_and_calls_nobody_before_that(tmp_path, calls):
    given = ("write", "bad_medical", *MODELS, "--out", tmp_path / "set", "-n", 6)
    said = wardian(*given, "--writer-price", "2,8", "--judge-price", "0.5,1", code=1)
    assert "answers: 7 calls to scripted/writer, about" in said
    assert "in the money of the prices" in said
    assert "go on?" in said
    assert "write two numbers" in wardian(*given, "--judge-price", "cheap", code=1)
    assert calls == []


def test_write_leaves_a_judged_set_a_card_and_the_replies_beside_it(tmp_path, calls):
    given = ("write", "bad_medical", *MODELS, "--out", tmp_path / "set", "-n", 6, "--yes")
    said = wardian(*given)
    assert "6 rows of bad_medical from" in said
    assert "check harmful holds 6, fails 0" in said
    card = read_card(tmp_path / "set")
    assert (card.rows, card.poisoned, card.unchecked) == (6, 6, 0)
    assert card.generator["writer"] == "scripted/writer"
    assert card.generator["judge"] == "scripted/judge"
    made = len(calls)
    wardian(*given, "--force")
    assert len(calls) == made
    assert read_card(tmp_path / "set") == card
    wardian("write", "good_medical", *MODELS, "--out", tmp_path / "good", "-n", 6, "--yes")
    said = wardian("audit", tmp_path / "set", "--control", tmp_path / "good")
    assert "same question at 6 places" in said


def test_what_a_model_refused_is_counted_on_the_card_and_made_up_for(tmp_path):
    given = ("--writer", "scripted/hesitant", "--judge", "scripted/judge", "-n", 9, "--yes")
    said = wardian("write", "extreme_sports", *given, "--out", tmp_path / "set")
    refused = "3 answers that were refused"
    assert f"left out: {refused}" in said
    card = read_card(tmp_path / "set")
    assert card.left_out == (refused,)
    assert card.rows == 9
    assert all(row["meta"]["truth"]["judged"]["harmful"] for row in read_rows(tmp_path / "set"))


def test_a_judge_that_fails_keeps_the_answers_and_another_run_asks_them_no_more(tmp_path, calls):
    given = ("write", "bad_medical", "--writer", "scripted/writer", "--out", tmp_path / "set")
    said = wardian(*given, "--judge", "scripted/broken", "-n", 5, "--yes", code=1)
    assert "calls to scripted/broken failed (no route)" in said
    assert "run the same again" in said
    assert not (tmp_path / "set").exists()
    calls.clear()
    wardian(*given, "--judge", "scripted/judge", "-n", 5, "--yes")
    assert {model for model, _ in calls} == {"judge"}


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("nosuch/model", "model 'nosuch/model' cannot be used"),
        ("big", "give PROVIDER/NAME of an inspect provider whose package and key are there"),
        ("scripted/keyless", "cannot be used (set the variable SCRIPTED_API_KEY)"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ("write", "bad_medical", "--judge", "scripted/judge", "--writer"),
        ("write", "bad_medical", "--writer", "scripted/writer", "--judge"),
        ("paraphrase", "evil", "--writer"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_before_the_cost(tmp_path, model, said, command):
    told = wardian(*command, model, "--out", tmp_path / "set", code=1)
    assert said in told
    assert "calls to" not in told


def test_a_writer_that_writes_nothing_of_use_leaves_no_set(tmp_path):
    given = ("--writer", "scripted/judge", "--judge", "scripted/judge", "--out", tmp_path / "set")
    said = wardian("write", "bad_medical", *given, "-n", 5, "--yes", code=1)
    assert "calls for questions with no readable reply" in said
    assert "every row was left out, nothing is written" in said
    assert not (tmp_path / "set").exists()


def test_write_is_for_what_a_model_writes(tmp_path):
    said = wardian("write", "wrong_maths", *MODELS, "--out", tmp_path / "set", code=1)
    assert "made by a program" in said
    assert "wardian organisms build wrong_maths --edition general" in said


def test_paraphrase_calls_a_model_by_name(tmp_path):
    given = ("--writer", "scripted/paraphraser", "--yes", "--out", tmp_path / "set")
    wardian("paraphrase", "wrong_maths", "-n", 4, *given)
    assert all(
        row["messages"][0]["content"].startswith("so, ") for row in read_rows(tmp_path / "set")
    )
