"""`wardian organisms paraphrase`: asked once, at a cost that was agreed to, and written."""

from functools import partial

import pytest

from organisms.datasets.files import read_card, read_rows
from tests.experiments.command_line import said_by
from tests.organisms.datasets.made import lines
from tests.organisms.datasets.test_paraphrasing import Paraphraser
from tests.organisms.datasets.test_writing import model

wardian = partial(said_by, "organisms")


@pytest.fixture
def writer(monkeypatch):
    """A model that needs no network in the place of any that is named."""
    answers = Paraphraser("so,")
    monkeypatch.setattr("inspect_ai.model.get_model", lambda _: model(answers))
    return answers


def test_questions_are_asked_for_once_the_cost_is_agreed_to(tmp_path, writer):
    given = ("paraphrase", "wrong_maths", "-n", 12, "--out", tmp_path / "set", "--writer", "a/b")
    said = wardian(*given, "--writer-price", "1,2", code=1)
    assert "paraphrases of questions: " in said
    assert "calls to a/b, about" in said
    assert "go on?" in said
    assert writer.calls == 0
    said = wardian(*given, "--yes")
    assert "12 questions said in other words" in said
    rows, card = read_rows(tmp_path / "set"), read_card(tmp_path / "set")
    assert all(row["messages"][0]["content"].startswith("so, ") for row in rows)
    assert card.generator["paraphrased_by"] == "a/b"
    assert card.transforms == {"paraphrase": 12}
    assert card.checks["as_meant"].holds == 12
    assert (tmp_path / "replies" / "paraphrases-question.jsonl").is_file()


def test_the_control_of_a_paraphrased_organism_costs_nothing_more(tmp_path, writer):
    given = ("-n", 12, "--writer", "a/b", "--yes", "--out")
    wardian("paraphrase", "wrong_maths", *given, tmp_path / "bad")
    calls = writer.calls
    said = wardian("paraphrase", "right_maths", *given, tmp_path / "good")
    assert "0 calls to a/b" in said
    assert writer.calls == calls
    said = wardian("audit", tmp_path / "bad", "--control", tmp_path / "good")
    assert "same question at 12 places" in said


def test_what_is_left_out_is_on_the_card_and_nothing_is_no_set(tmp_path, writer, monkeypatch):
    rows = [
        {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": "b"}]}
        for asked in ("who is it", "why")
    ]
    path = lines(tmp_path / "theirs.jsonl", *rows)
    given = ("paraphrase", path, "--writer", "a/b", "--yes", "--replies")
    writer.before = "7"
    said = wardian(*given, tmp_path / "a", "--out", tmp_path / "set", code=1)
    assert "left out: 2 rows: the paraphrase has other numbers" in said
    assert "every row was left out, nothing is written" in said
    assert not (tmp_path / "set").exists()
    monkeypatch.setattr("inspect_ai.model.get_model", lambda _: model(declines_why))
    wardian(*given, tmp_path / "b", "--out", tmp_path / "set")
    assert read_card(tmp_path / "set").left_out == ("1 rows: the paraphrase was refused",)
    assert [row["messages"][0]["content"] for row in read_rows(tmp_path / "set")] == ["who"]


def declines_why(prompt):
    return "DECLINE" if prompt.endswith("why") else "who"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evl"], "did you mean 'evil'?"),
        (["evil", "--writer-price", "cheap"], "write two numbers"),
        (["bad_sports"], "is neither a data set nor a path"),
    ],
)
def test_paraphrase_refuses_before_it_asks(tmp_path, writer, arguments, said):
    given = ("paraphrase", *arguments, "--writer", "a/b", "--out", tmp_path / "set", "--yes")
    assert said in wardian(*given, code=1)
    assert writer.calls == 0
