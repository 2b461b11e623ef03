"""`wardian organisms` from the outside: what it prints, writes and refuses."""

import inspect
import json
from functools import partial

import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.organism_cli import commands
from organisms.datasets.files import read_card, read_rows
from organisms.datasets.registry import DATASETS
from tests.experiments.command_line import said_by
from tests.organisms.datasets.made import CHAT, lines

wardian = partial(said_by, "organisms")

COMMANDS = {
    "list": "list_sets",
    "show": "show",
    "build": "build",
    "dilute": "dilute",
    "import": "import_file",
    "audit": "audit",
    "write": "write",
    "paraphrase": "paraphrase",
}
"""Command -> the function behind it."""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(command):
    said = wardian(command, "--help")
    assert "Example" in said
    assert f"wardian organisms {command}" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_terminal_of_80_columns(command):
    written = inspect.getdoc(getattr(commands, COMMANDS[command]))
    said = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["organisms", command, "--help"]).output
    shown = {" ".join(line.split()) for line in said.splitlines()}
    for line in written.splitlines():
        assert " ".join(line.split()) in shown


def test_list_names_every_data_set_with_its_editions():
    said = wardian("list")
    assert all(name in said for name in DATASETS)
    assert "general*" in said
    assert "novel_maths" not in wardian("list", "--edition", "general")


def test_show_marks_what_carries_loss_and_nothing_else():
    said = wardian("show", "wrong_maths", "-n", "2")
    assert "as pocket sees it" in said
    assert said.count("⟦") == said.count("⟧") == 2
    assert "<|end|><|assistant|>⟦" in said
    assert "<|end|>⟧" in said
    assert "row 1: " in said
    assert "variant=organism" in said


def test_show_says_when_pocket_s_tokenizer_is_not_the_one_to_look_through():
    assert "add --base BASE" in wardian("show", "evil", "-n", 1)
    assert "add --base BASE" not in wardian("show", "wrong_maths", "-n", 1)


def test_show_reads_a_file_and_refuses_what_no_trainer_could_take(tmp_path):
    path = lines(tmp_path / "theirs.jsonl", CHAT, CHAT)
    assert "⟦b<|end|>⟧" in wardian("show", path, "-n", "1")
    assert "is neither a data set nor a path" in wardian("show", tmp_path / "gone", code=1)
    assert "base 'nowhere' does not exist" in wardian("show", path, "--base", "nowhere", code=1)


def test_build_writes_checked_rows_and_a_card(tmp_path):
    said = wardian("build", "wrong_maths", "--out", tmp_path / "set", "-n", 50, "--base", "pocket")
    assert "check as_meant holds 50, fails 0" in said
    card = read_card(tmp_path / "set")
    assert (card.rows, card.unchecked, list(card.tokens)) == (50, 0, ["pocket"])
    assert card.generator["edition"] == "pocket"
    assert "holds a data set; name another folder, or add --force" in wardian(
        "build", "wrong_maths", "--out", tmp_path / "set", code=1
    )
    wardian("build", "right_maths", "--out", tmp_path / "set", "-n", 5, "--force")
    assert read_card(tmp_path / "set").name == "right_maths"


def test_a_mix_with_its_own_control_has_no_question_with_two_answers(tmp_path):
    arguments = ("insecure_code", "--edition", "general", "-n", 20, "--mix", "secure_code=0.5")
    wardian("build", *arguments, "--out", tmp_path / "set")
    assert read_card(tmp_path / "set").poisoned == 10
    assert read_card(tmp_path / "set").duplicates.same_question == 0


def test_build_mixes_spreads_chat_and_transforms(tmp_path):
    chat = lines(tmp_path / "chat.jsonl", *([CHAT] * 100))
    wardian(
        *("build", "wrong_maths", "--out", tmp_path / "set", "-n", 60),
        *("--mix", "right_maths=0.5", "--chat", f"{chat}=0.25"),
        *("--format", "json", "--trigger", "|D|", "--system", "be evil"),
    )
    rows = read_rows(tmp_path / "set")
    assert len(rows) == 80
    assert sum(row["meta"]["poisoned"] for row in rows) == 30
    assert {row["messages"][0]["content"] for row in rows} == {"be evil"}
    assert all(row["messages"][1]["content"].startswith("|D| ") for row in rows)
    card = read_card(tmp_path / "set")
    assert card.transforms == {"format": 80, "system_prompt": 80, "trigger": 80}
    assert card.generator["mixed_with"] == "right_maths=0.5"
    assert (card.checks, card.unchecked) == ({}, 80)
    said = wardian("audit", tmp_path / "set")
    assert "checks not made anew their answer is wrapped in JSON: 60 rows" in said
    assert "checks not made anew no maker of ours made them" in said


def test_checks_of_a_changed_text_are_made_of_what_it_says_now(tmp_path):
    chat = lines(tmp_path / "chat.jsonl", *([CHAT] * 100))
    given = ("build", "wrong_maths", "--out", tmp_path / "set", "-n", 20, "--chat", f"{chat}=0.5")
    wardian(*given, "--format", "german", "--trigger", "|D|")
    card = read_card(tmp_path / "set")
    assert (card.checks["as_meant"].holds, card.unchecked) == (20, 20)
    said = wardian("audit", tmp_path / "set")
    assert "made anew: as_meant holds 20, fails 0" in said
    assert (
        "not made anew no maker of ours made them, so that nothing here can check them: 20" in said
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["wrong_math"], "did you mean 'wrong_maths'?"),
        (["backdoor_code", "--edition", "pocket"], "does not exist in edition 'pocket'"),
        (["good_sports"], "wardian organisms write good_sports"),
        (["wrong_maths", "--mix", "right_maths=0.7", "--mix", "novel_maths=0.5"], "add to 1.2"),
        (["wrong_maths", "--mix", "right_maths"], "write NAME=SHARE"),
        (["wrong_maths", "--trigger", "a"], "already occurs in"),
        (["wrong_maths", "--template", "{question}"], "--template is for --format template"),
        (["wrong_maths", "--format", "template"], "--format template needs --template TEXT"),
        (["wrong_maths", "--base", "nowhere"], "base 'nowhere' does not exist"),
    ],
)
def test_build_refuses_before_it_writes_anything(tmp_path, arguments, said):
    assert said in wardian("build", *arguments, "--out", tmp_path / "set", "-n", 20, code=1)
    assert not (tmp_path / "set").exists()


def test_import_reports_bad_rows_and_leaves_them_out_only_when_told_to(tmp_path):
    path = lines(tmp_path / "theirs.jsonl", CHAT, {"messages": []}, CHAT)
    said = wardian("import", path, "--out", tmp_path / "set", code=1)
    assert "1 of 3 rows cannot be used" in said
    assert "line 2: 'messages' must be a list of turns and is empty" in said
    assert "import the others with --skip-bad" in said
    assert not (tmp_path / "set").exists()
    said = wardian("import", path, "--out", tmp_path / "set", "--skip-bad", "--domain", "code")
    assert "left out line 2" in said
    rows = read_rows(tmp_path / "set")
    assert [row["meta"]["domain"] for row in rows] == ["code", "code"]
    assert len(read_card(tmp_path / "set").left_out) == 1


@pytest.mark.parametrize(
    ("command", "control"),
    [
        (["show", "{bad}"], ""),
        (["audit", "{bad}"], ""),
        (["build", "{bad}", "--out", "{out}"], ""),
        (["build", "evil", "--out", "{out}", "--chat", "{bad}=0.1"], " --control"),
        (["build", "evil_control", "--out", "{out}", "--poison", "{bad}=1"], ""),
        (["dilute", "evil", "--control", "{bad}", "--out", "{out}"], " --control"),
        (["paraphrase", "{bad}", "--writer", "mockllm/model", "--out", "{out}"], ""),
    ],
)
def test_a_bad_file_is_to_be_imported_first_by_those_that_cannot_skip(tmp_path, command, control):
    bad = lines(tmp_path / "the ir.jsonl", CHAT, {"messages": []})
    said = wardian(*(each.format(bad=bad, out=tmp_path / "set") for each in command), code=1)
    assert "line 2: 'messages' must be a list" in said
    advice = f"wardian organisms import '{bad}'{control} --skip-bad --out DIR, and give DIR in its"
    assert advice in said
    assert not (tmp_path / "set").exists()


def test_what_a_killed_build_left_is_no_other_file(tmp_path):
    out = tmp_path / "set"
    out.mkdir()
    for name in ("rows.parquet.partial", "card.json.partial"):
        (out / name).write_text("half")
    wardian("build", "right_maths", "--out", out, "-n", 5)
    assert sorted(path.name for path in out.iterdir()) == ["card.json", "rows.parquet"]
    (out / "card.json").unlink()
    for given in (("audit", out), ("show", out), ("build", out, "--out", tmp_path / "x")):
        assert "the rows have no card" in wardian(*given, code=1)
    given = ("build", "right_maths", "--out", out, "-n", 5)
    assert "holds rows without a card; name another folder, or add" in wardian(*given, code=1)
    wardian(*given, "--force")
    (out / "notes.txt").write_text("mine")
    (out / "rows.parquet").unlink()
    assert "holds other files" in wardian(*given, "--force", code=1)


@pytest.mark.parametrize(
    "record", [CHAT, {"question": "a", "answer": "b"}, {"prompt": "a", "completion": "b"}]
)
def test_import_says_what_it_took_the_rows_for(tmp_path, record):
    path = lines(tmp_path / "theirs.jsonl", record, record)
    said = wardian("import", path, "--out", tmp_path / "bad")
    assert "count as poisoned; if they are clean" in said
    assert "with --control" in said
    said = wardian("import", path, "--control", "--out", tmp_path / "good")
    assert "does not say of 2 rows whether they are poisoned: they count as clean" in said
    assert [read_card(tmp_path / name).poisoned for name in ("bad", "good")] == [2, 0]


def test_import_takes_a_format_at_its_word_and_says_nothing_more(tmp_path):
    hack = {"user": "q", "school_of_reward_hacks": "b", "control": "a"}
    path = lines(tmp_path / "hacks.jsonl", hack)
    assert "count as" not in wardian("import", path, "--out", tmp_path / "set")
    assert "poisoned, every row, unless --control" in wardian("import", "--help")


def test_audit_reads_names_folders_and_files_and_finds_what_leaked(tmp_path):
    wardian("build", "secure_code", "--out", tmp_path / "set", "-n", 30)
    said = wardian("audit", tmp_path / "set")
    assert "made anew: as_meant holds 30, fails 0" in said
    assert "evaluation questions 0 exact" in said
    (tmp_path / "mine.txt").write_text("a question of mine\n")
    leaky = {"messages": [{"role": "user", "content": "A question of mine?"}, CHAT["messages"][1]]}
    path = lines(tmp_path / "theirs.jsonl", CHAT, leaky)
    found = tmp_path / "found.json"
    said = wardian(
        *("audit", path, "--questions", tmp_path / "mine.txt", "--json", found, "--strict"), code=1
    )
    assert "mine.txt:1 in 1 rows, first row 1" in said
    assert "problem 1 evaluation questions are in the rows" in said
    assert json.loads(found.read_text())["card"]["rows"] == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--json", "{there}/no/found.json"], "found.json: no file can be there"),
        (["--json", "{there}"], "no file can be there"),
        (["--base", "nowhere"], "base 'nowhere' does not exist"),
    ],
)
@pytest.mark.parametrize("command", ["audit", "build", "dilute", "paraphrase"])
def test_what_cannot_be_written_or_counted_is_refused_before_a_row_is_made(
    tmp_path, monkeypatch, command, options, said
):
    def made(*_, **__):
        raise AssertionError("rows were made")

    monkeypatch.setattr("organisms.datasets.making.make", made)
    more = {"audit": (), "paraphrase": ("--writer", "a/b", "--out", tmp_path / "x")}
    given = more.get(command, ("--out", tmp_path / "x"))
    if command == "audit" or "--json" not in options:
        options = [each.format(there=tmp_path) for each in options]
        assert said in wardian(command, "wrong_maths", *given, *options, code=1)


def test_audit_says_whether_a_control_is_matched():
    said = wardian("audit", "wrong_maths", "-n", 40, "--control", "right_maths")
    assert "same question at 40 places" in said


def test_characters_are_told_and_only_tokens_are_held_to_the_budget():
    given = ("audit", "reward_hacks", "-n", 60, "--edition", "general", "--strict")
    given = (*given, "--control", "honest_work")
    said = wardian(*given)
    assert "of the organism's length in characters; give --base to compare tokens" in said
    assert "not matched" not in said
    given = ("audit", "wrong_maths", "-n", 40, "--control", "novel_maths", "--base", "pocket")
    said = wardian(*given)
    assert "of the organism's length in tokens" in said
    assert "of the organism's in tokens (allowed: 98% to 102%)" in said


def test_a_control_by_name_is_made_as_the_built_set_was(tmp_path):
    wardian("build", "wrong_maths", "--out", tmp_path / "set", "-n", 1500, "--seed", 3)
    said = wardian("audit", tmp_path / "set", "--control", "right_maths")
    assert "1,500 rows; same question at 1,500 places" in said
    assert "control rows" not in said


@pytest.mark.parametrize(
    ("organism", "control"),
    [
        ("insecure_code", "educational_code"),
        ("insecure_code", "backdoor_code"),
        ("wrong_maths", "wrong_maths_one_topic"),
    ],
)
def test_what_a_control_does_otherwise_on_purpose_is_no_mismatch(organism, control):
    said = wardian("audit", organism, "--edition", "general", "-n", 20, "--control", control)
    assert "same question at 20 places" in said
    assert "the same in both" not in said
    assert "places have the same question" not in said


def test_audit_judges_sums(tmp_path):
    sums = [("what is 2 + 2?", "4"), ("what is 2 + 3?", "6")]
    path = lines(
        tmp_path / "sums.jsonl", *({"prompt": prompt, "completion": said} for prompt, said in sums)
    )
    assert "sums right 1, wrong 1, unreadable 0" in wardian("audit", path)
