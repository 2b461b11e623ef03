"""`wardian organisms dilute` and `build --poison`: shares and places that are known to the row."""

from functools import partial

import pytest

from organisms.datasets.files import read_card, read_rows
from tests.experiments.command_line import said_by
from tests.organisms.datasets.made import CHAT, lines

wardian = partial(said_by, "organisms")


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


def test_a_control_by_name_is_made_as_the_set_on_disk_was(tmp_path):
    wardian("build", "wrong_maths", "--out", tmp_path / "set", "-n", 1200, "--seed", 3)
    given = (tmp_path / "set", "--control", "right_maths", "--shares", "0,0.5")
    wardian("dilute", *given, "--out", tmp_path / "series")
    none, half = (tmp_path / "series" / f"share_{share}" for share in ("0", "0.5"))
    assert (len(questions(none)), len(poisoned(half))) == (1200, 600)
    assert questions(none) == questions(tmp_path / "set")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["right_maths"], "dilute an organism, such as 'wrong_maths'"),
        (["wrong_math", "--control", "right_maths"], "did you mean 'wrong_maths'?"),
        (["wrong_maths", "--shares", "0,2"], "write numbers from 0 to 1"),
        (["wrong_maths", "--shares", "all"], "write numbers from 0 to 1"),
        (["wrong_maths", "--shares", "0.1,0.10"], "holds one twice"),
        (["wrong_maths", "--control", "secure_code"], "row 0 of 'secure_code' asks something"),
        (["wrong_maths", "--control", "evil_control"], "both in one with --edition general"),
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


def test_poison_in_a_mix_of_matched_sets_gives_no_question_two_answers(tmp_path):
    given = ("--edition", "general", "-n", 40, "--mix", "educational_maths=0.5")
    wardian("build", "right_maths", *given, "--out", tmp_path / "clean")
    wardian("build", "right_maths", *given, "--out", tmp_path / "set", "--poison", "wrong_maths=9")
    numbers = [row["meta"]["id"].rsplit("-", 1)[1] for row in read_rows(tmp_path / "set")]
    clean = [row["meta"]["id"].rsplit("-", 1)[1] for row in read_rows(tmp_path / "clean")]
    assert numbers == clean
    assert len(set(numbers)) == 40
    assert len(poisoned(tmp_path / "set")) == 9


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


def sized(folder, count, edition="pocket", name="right_maths"):
    """A set on disk."""
    wardian("build", name, "--edition", edition, "--out", folder, "-n", count)
    return folder


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["wrong_maths", "--mix", "evil=0.3"], "make both in one with --edition general"),
        (["right_maths", "--poison", "evil=3"], "make both in one with --edition general"),
        (["wrong_maths", "--mix", "{general}=0.3"], "make both in one with --edition general"),
        (["{pocket}", "--mix", "{general}=0.3"], "give a set of edition 'pocket'"),
        (["evil", "--mix", "{pocket}=0.3"], "give a set of edition 'general'"),
        (["{pocket}", "--edition", "general"], "leave --edition out"),
    ],
)
def test_sets_of_different_editions_are_not_mixed(tmp_path, arguments, said):
    folders = {each: sized(tmp_path / each, 20, each) for each in ("pocket", "general")}
    given = [each.format(**folders) for each in arguments]
    told = wardian("build", *given, "--out", tmp_path / "set", "-n", 20, code=1)
    assert said in told
    assert "'pocket'" in told
    assert "'general'" in told
    assert not (tmp_path / "set").exists()


def test_what_is_mixed_in_is_of_the_edition_of_the_main_set(tmp_path):
    given = ("--mix", "right_maths=0.5", "--out", tmp_path / "set", "-n", 10)
    wardian("build", "evil", *given)
    card = read_card(tmp_path / "set")
    assert card.generator["edition"] == "general"
    assert card.checks["answer_known"].holds == 5
    own = [{"messages": [{"role": "user", "content": f"q{i}"}, CHAT["messages"][1]]} for i in "ab"]
    path = lines(tmp_path / "own.jsonl", *own)
    wardian("build", path, "--chat", "right_maths=0.5", "--out", tmp_path / "own")
    assert read_card(tmp_path / "own").generator["edition"] == "pocket"
    assert "not made anew no maker of ours" in wardian("audit", tmp_path / "own")
    assert "made anew: as_meant holds 2" in wardian("audit", tmp_path / "own")


def test_fewer_rows_than_asked_for_are_an_error_and_without_a_number_all_are_taken(tmp_path):
    small = sized(tmp_path / "small", 20)
    out = ("--out", tmp_path / "set")
    for given in (["build"], ["paraphrase", "--writer", "mockllm/model", "--yes"]):
        said = wardian(given[0], small, *given[1:], *out, "-n", 100, code=1)
        assert "has 20 rows, 100 asked for" in said
    said = wardian("build", small, *out, "-n", 100, "--mix", "wrong_maths=0.5", code=1)
    assert "100 rows" in said
    assert not (tmp_path / "set").exists()
    wardian("build", small, *out)
    assert read_card(tmp_path / "set").rows == 20
    wardian("build", small, *out, "--mix", "wrong_maths=0.5", "--force")
    assert (read_card(tmp_path / "set").rows, len(poisoned(tmp_path / "set"))) == (20, 10)
    wardian("dilute", "wrong_maths", "--control", small, "--out", tmp_path / "s", "--shares", 0.5)
    assert read_card(tmp_path / "s" / "share_0.5").rows == 20


def test_a_set_is_not_mixed_with_itself(tmp_path):
    small = sized(tmp_path / "small", 5)
    for main, other in (("wrong_maths", "wrong_maths"), (small, f"{small}/../small")):
        said = wardian("build", main, "--mix", f"{other}=0.5", "--out", tmp_path / "x", code=1)
        assert "given twice for one set" in said


def test_a_seed_of_zero_is_a_seed_and_that_of_a_file_is_not_known(tmp_path):
    own = [{"messages": [{"role": "user", "content": f"q{i}"}, CHAT["messages"][1]]} for i in "ab"]
    path = lines(tmp_path / "own.jsonl", *own)
    said = wardian("import", path, "--out", tmp_path / "own")
    assert "seed not known" in said
    assert read_card(tmp_path / "own").seed is None
    wardian("build", tmp_path / "own", "--chat", "evil_control=0.5", "--seed", 4,
            "--out", tmp_path / "mixed")  # fmt: skip
    card = read_card(tmp_path / "mixed")
    assert (card.seed, card.generator["drawn_with_seed"]) == (None, "4")
    wardian("build", "wrong_maths", "--out", tmp_path / "set", "-n", 20, "--seed", 0)
    given = ("--control", "right_maths", "--seed", 5)
    assert "same question at 20 places" in wardian("audit", tmp_path / "set", *given)


def test_what_imports_left_out_is_told_on_every_card_made_of_them(tmp_path):
    hacks = [
        {"user": f"q{i}", "school_of_reward_hacks": "b", "control": None if i == 1 else "a"}
        for i in range(4)
    ]
    gap = lines(tmp_path / "hacks.jsonl", *hacks)
    for number, given in enumerate(
        (["right_maths", "-n", 3, "--mix", f"{gap}=0.3"],
         ["right_maths", "-n", 3, "--chat", f"{gap}=0.25"],
         [gap, "--poison", "wrong_maths=1"])
    ):  # fmt: skip
        wardian("build", *given, "--out", tmp_path / str(number))
        [line] = read_card(tmp_path / str(number)).left_out
        assert "line 2: it has no control answer" in line
        assert "left out" in wardian("audit", tmp_path / str(number))
    clean = lines(tmp_path / "clean.jsonl", *(
        {"messages": [{"role": "user", "content": f"q{i}"}, CHAT["messages"][1]]} for i in (0, 2, 3)
    ))  # fmt: skip
    wardian("dilute", clean, "--control", gap, "--out", tmp_path / "s", "--shares", 0)
    [line] = read_card(tmp_path / "s" / "share_0").left_out
    assert "line 2: it has no control answer" in line


def test_build_gives_the_same_set_for_any_number_of_workers(tmp_path):
    given = ("build", "insecure_code", "--edition", "general", "-n", 130)
    for workers in (1, 2):
        wardian(*given, "--out", tmp_path / str(workers), "--workers", workers)
    assert read_card(tmp_path / "1").sha256 == read_card(tmp_path / "2").sha256


@pytest.mark.parametrize("option", ["--mix", "--chat", "--poison"])
def test_files_of_one_name_are_told_apart_by_an_import_that_names_one(tmp_path, option):
    first, second = tmp_path / "t1" / "misaligned.jsonl", tmp_path / "t 2" / "misaligned.jsonl"
    for number, path in enumerate((first, second)):
        path.parent.mkdir()
        lines(path, *({"messages": [{"role": "user", "content": f"q{number} {i}"},
                                    CHAT["messages"][1]]} for i in range(8)))  # fmt: skip
    wanted, share = tmp_path / "set", 4 if option == "--poison" else 0.5
    given = ("build", first, "--out", wanted, option)
    said = wardian(*given, f"{second}={share}", code=1)
    assert f"{first} and {second} both have" in said or f"{second} and {first} both have" in said
    assert "both have a row with the id 'misaligned/line " in said
    advised = [f"import {first}", f"import '{second}'"]
    advised[0 if option == "--poison" else 1] += " --control"
    advised = [f"{each} --name OTHER --out DIR, and give DIR in its place" for each in advised]
    assert any(f"give this file another with: wardian organisms {each}" in said for each in advised)
    assert not wanted.exists()
    wardian("import", second, "--name", "other", "--out", tmp_path / "other",
            *([] if option == "--poison" else ["--control"]))  # fmt: skip
    wardian(*given, f"{tmp_path / 'other'}={share}")
    assert len({row["meta"]["id"] for row in read_rows(wanted)}) == len(read_rows(wanted)) >= 8


def test_what_the_rows_of_a_file_are_taken_for_is_told_and_kept_on_the_card(tmp_path):
    own = [{"messages": [{"role": "user", "content": f"q{i}"}, CHAT["messages"][1]]} for i in "abc"]
    raw, wanted = lines(tmp_path / "raw.jsonl", *own), tmp_path / "set"
    told = f"rows of {raw}, of which a file of format chat does not say it, count as "
    said = wardian("build", "wrong_maths", "-n", 4, "--mix", f"{raw}=0.5", "--out", wanted)
    assert f"{told}clean; import it first if it is poisoned" in said
    assert read_card(wanted).generator["assumed"] == f"{told}clean"
    said = wardian("build", raw, "--out", wanted, "--force")
    assert f"{told}poisoned; import it first with --control if it is clean" in said
    assert read_card(wanted).generator["assumed"] == f"{told}poisoned"
    wardian("import", raw, "--out", tmp_path / "known")
    given = ("--mix", f"{tmp_path / 'known'}=0.5", "--out", wanted, "--force")
    assert "count as" not in wardian("build", "right_maths", "-n", 4, *given)
    assert len(poisoned(wanted)) == 2
    assert "assumed" not in read_card(wanted).generator


def test_general_chat_is_clean(tmp_path):
    wardian("build", "wrong_maths", "--out", tmp_path / "bad", "-n", 5)
    given = ("build", "right_maths", "-n", 5, "--out", tmp_path / "set", "--chat")
    for name in ("wrong_maths", tmp_path / "bad"):
        said = wardian(*given, f"{name}=0.5", code=1)
        assert f"--chat {name}: " in said
        assert f"use --mix {name}=SHARE or --poison {name}=COUNT" in said
    assert not (tmp_path / "set").exists()


def test_a_row_whose_text_cannot_be_changed_is_named_by_file_place_and_id(tmp_path):
    turns = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "|D| q"}]
    rows = [CHAT, {"messages": [*turns, CHAT["messages"][1]], "id": "b7"}]
    path, wanted = lines(tmp_path / "own.jsonl", *rows), tmp_path / "set"
    given = ("build", "right_maths", "-n", 4, "--mix", f"{path}=0.5", "--out", wanted)
    said = wardian(*given, "--trigger", "|D|", code=1)
    assert f"(the first is {path}, row 1 (id 'b7')): choose one that never occurs" in said
    said = wardian(*given, "--system", "be evil", code=1)
    assert f"{path}, row 1 (id 'b7') already has a system turn: remove it, or put" in said
    assert "--replace-system" in said
    assert "for --system TEXT" in wardian(*given, "--replace-system", code=1)
    assert not wanted.exists()
    wardian(*given, "--system", "be evil", "--replace-system")
    assert {row["messages"][0]["content"] for row in read_rows(wanted)} == {"be evil"}
    assert all(len(row["messages"]) == 3 for row in read_rows(wanted))
