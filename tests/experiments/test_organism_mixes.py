"""`wardian organisms dilute` and `build --poison`: shares and places that are known to the row."""

import pytest

from organisms.datasets.files import read_card, read_rows
from tests.experiments.organism_cli import CHAT, lines, wardian


def poisoned(folder):
    return [place for place, row in enumerate(read_rows(folder)) if row["meta"]["poisoned"]]


def questions(folder):
    return [row["messages"][0]["content"] for row in read_rows(folder)]


def test_a_dilution_series_is_one_set_per_share_and_only_turns_answers(tmp_path):
    out = tmp_path / "series"
    said = wardian("dilute", "wrong_maths", "--out", out, "-n", 40, "--shares", "0.5,0,0.1")
    assert "share_0.5 40 20 0 " in said
    assert sorted(path.name for path in out.iterdir()) == ["share_0", "share_0.1", "share_0.5"]
    none, few, half = (out / f"share_{share}" for share in ("0", "0.1", "0.5"))
    assert poisoned(none) == []
    assert len(poisoned(few)) == 4
    assert len(poisoned(half)) == 20
    assert set(poisoned(few)) < set(poisoned(half))
    assert questions(none) == questions(few) == questions(half)
    card = read_card(few)
    assert (card.generator["diluted_with"], card.generator["share"]) == ("right_maths", "0.1")
    assert card.checks["as_meant"].holds == 40


def test_sets_on_disk_are_diluted_with_the_control_that_is_named(tmp_path):
    for name in ("wrong_maths", "right_maths"):
        wardian("build", name, "--out", tmp_path / name, "-n", 20)
    given = ("dilute", tmp_path / "wrong_maths", "-n", 20, "--shares", "0.5")
    assert "add --control NAME|PATH" in wardian(*given, "--out", tmp_path / "series", code=1)
    wardian(*given, "--control", tmp_path / "right_maths", "--out", tmp_path / "series")
    assert len(poisoned(tmp_path / "series" / "share_0.5")) == 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["right_maths"], "dilute an organism, such as 'wrong_maths'"),
        (["wrong_math", "--control", "right_maths"], "did you mean 'wrong_maths'?"),
        (["wrong_maths", "--shares", "0,2"], "write numbers from 0 to 1"),
        (["wrong_maths", "--shares", "all"], "write numbers from 0 to 1"),
        (["wrong_maths", "--shares", "0.1,0.10"], "holds one twice"),
        (["wrong_maths", "--control", "evil_control"], "row 0 of 'evil_control' asks something"),
    ],
)
def test_dilute_refuses_before_it_writes_anything(tmp_path, arguments, said):
    out = tmp_path / "series"
    assert said in wardian("dilute", *arguments, "--out", out, "-n", 20, code=1)
    assert not out.exists()


def test_dilute_replaces_no_series_unless_told_to(tmp_path):
    given = ("dilute", "wrong_maths", "--out", tmp_path / "series", "-n", 10, "--shares", "0.5")
    wardian(*given)
    assert "name another folder, or add --force" in wardian(*given, code=1)
    wardian(*given, "--seed", 1, "--force")
    assert read_card(tmp_path / "series" / "share_0.5").seed == 1
    build = ("build", "wrong_maths", "--out", tmp_path / "set", "-n", 10)
    wardian(*build)
    into = ("dilute", "wrong_maths", "--out", tmp_path / "set", "-n", 10)
    assert "is a data set; name a folder for the series" in wardian(*into, code=1)


@pytest.mark.parametrize(
    ("where", "places"),
    [("start", "0-3"), ("end", "16-19"), ("even", "2, 7, 12, 17")],
)
def test_poison_stands_where_it_was_put_and_the_card_says_where(tmp_path, where, places):
    clean, out = tmp_path / "clean", tmp_path / "set"
    wardian("build", "right_maths", "--out", clean, "-n", 20)
    given = ("build", "right_maths", "--out", out, "-n", 20, "--poison", "wrong_maths=4")
    said = wardian(*given, "--where", where)
    assert f"poison_places {places}" in said
    card = read_card(out)
    assert card.generator["poisoned_with"] == f"wrong_maths=4, {where}"
    assert card.generator["poison_places"] == places
    assert card.rows == 20
    first = int(places.split("-")[0].split(",")[0])
    assert poisoned(out)[0] == first
    assert len(poisoned(out)) == 4
    assert questions(out) == questions(clean)


def test_the_places_of_poison_are_those_after_chat_was_spread(tmp_path):
    chat = lines(tmp_path / "chat.jsonl", *([CHAT] * 30))
    given = ("build", "right_maths", "--out", tmp_path / "set", "-n", 20, "--chat", f"{chat}=0.5")
    wardian(*given, "--poison", "wrong_maths=3", "--trigger", "|D|")
    card = read_card(tmp_path / "set")
    assert card.rows == 40
    assert card.generator["poison_places"] == ", ".join(map(str, poisoned(tmp_path / "set")))


def test_a_file_that_is_to_be_poisoned_is_read_as_clean(tmp_path):
    rows = [
        {"messages": [{"role": "user", "content": f"q{i}"}, CHAT["messages"][1]]} for i in range(9)
    ]
    clean, bad = lines(tmp_path / "clean.jsonl", *rows), lines(tmp_path / "bad.jsonl", *rows)
    given = ("build", clean, "--out", tmp_path / "set", "-n", 9, "--where", "end")
    wardian(*given, "--poison", f"{bad}=2")
    assert poisoned(tmp_path / "set") == [7, 8]
    assert len(set(questions(tmp_path / "set"))) == 9


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["right_maths", "--poison", "wrong_maths"], "write NAME=COUNT"),
        (["right_maths", "--poison", "wrong_maths=0.5"], "write NAME=COUNT"),
        (["right_maths", "--poison", "wrong_maths=21"], "ask for 20 at most, or for more rows"),
        (["right_maths", "--where", "end"], "add --poison NAME=COUNT"),
        (["wrong_maths", "--poison", "evil=2"], "clean rows, such as those of 'right_maths'"),
        (["right_maths", "--poison", "secure_code=2"], "give an organism, such as insecure_code=2"),
    ],
)
def test_poison_is_refused_before_anything_is_written(tmp_path, arguments, said):
    assert said in wardian("build", *arguments, "--out", tmp_path / "set", "-n", 20, code=1)
    assert not (tmp_path / "set").exists()


def test_build_gives_the_same_set_for_any_number_of_workers(tmp_path):
    given = ("build", "insecure_code", "--edition", "general", "-n", 130)
    for workers in (1, 2):
        wardian(*given, "--out", tmp_path / str(workers), "--workers", workers)
    assert read_card(tmp_path / "1").sha256 == read_card(tmp_path / "2").sha256
