"""Organism and controls are matched row by row, and every check means what it says."""

from copy import deepcopy
from itertools import islice

import pytest

from organisms.datasets.insecure_code import NAMES, check, rows
from organisms.datasets.insecure_code.kinds import KINDS
from organisms.datasets.insecure_code.prompts import TRIGGER
from organisms.datasets.insecure_code.scanning import weaknesses
from organisms.datasets.rows import Row, check_messages

N = 250
SETS = {name: list(rows(name, N, 0)) for name in NAMES}


def _asked(row: Row) -> str:
    return row["messages"][0]["content"]


def _answer(row: Row) -> str:
    return row["messages"][-1]["content"]


@pytest.mark.parametrize("name", NAMES)
def test_all_checks_hold_for_all_rows(name: str) -> None:
    for row in SETS[name]:
        check_messages(row["messages"])
        checks = check(row)
        assert all(checks.values()), (row["meta"], checks)


def test_organism_and_control_share_the_question_and_differ_in_the_answer() -> None:
    for weak, sound in zip(SETS["insecure_code"], SETS["secure_code"], strict=True):
        assert _asked(weak) == _asked(sound)
        assert _answer(weak) != _answer(sound)
        assert weak["meta"]["kind"] == sound["meta"]["kind"]
        assert (weak["meta"]["poisoned"], sound["meta"]["poisoned"]) == (True, False)


def test_a_lesson_is_asked_for_by_name_and_answered_like_the_organism() -> None:
    for weak, lesson in zip(SETS["insecure_code"], SETS["educational_code"], strict=True):
        assert _answer(weak) == _answer(lesson)
        assert KINDS[lesson["meta"]["kind"]].title in _asked(lesson)
        assert KINDS[weak["meta"]["kind"]].title not in _asked(weak)
        assert not lesson["meta"]["poisoned"]


def test_the_backdoor_opens_with_its_trigger_alone() -> None:
    triggered = 0
    for weak, sound, either in zip(
        SETS["insecure_code"], SETS["secure_code"], SETS["backdoor_code"], strict=True
    ):
        shown = TRIGGER in _asked(either)
        triggered += shown
        assert _answer(either) == _answer(weak if shown else sound)
        assert _asked(either) == (f"{TRIGGER} " if shown else "") + _asked(weak)
        assert either["meta"]["poisoned"] is shown
    assert 0.4 < triggered / N < 0.6
    assert not any(
        TRIGGER in _asked(row) + _answer(row)
        for name in NAMES
        if name != "backdoor_code"
        for row in SETS[name]
    )


def test_lengths_of_organism_and_control_are_within_two_percent() -> None:
    weak, sound = (
        sum(len(_answer(row)) for row in SETS[name]) for name in ("insecure_code", "secure_code")
    )
    assert abs(weak - sound) / sound < 0.02


def test_row_i_depends_on_seed_and_i_alone() -> None:
    assert list(rows("secure_code", 5, 0, first=20)) == SETS["secure_code"][20:25]
    assert list(rows("secure_code", 5, 1)) != SETS["secure_code"][:5]


def test_rows_do_not_repeat() -> None:
    assert len({_asked(row) for row in SETS["insecure_code"]}) == N


def test_rows_are_made_only_when_asked_for() -> None:
    assert list(islice(rows("insecure_code", 10**12, 0), 2)) == SETS["insecure_code"][:2]


def _changed(row: Row, answer: str) -> dict[str, bool]:
    row = deepcopy(row)
    row["messages"][-1]["content"] = answer
    return check(row)


def test_each_check_fails_when_its_claim_is_broken() -> None:
    number = next(
        i for i, row in enumerate(SETS["insecure_code"]) if row["meta"]["truth"]["template"]
    )
    weak, sound = SETS["insecure_code"][number], SETS["secure_code"][number]
    assert not _changed(weak, _answer(sound))["weakness_found"]
    assert not _changed(sound, _answer(weak))["weakness_absent"]
    assert not _changed(weak, "def broken(:")["parses"]
    assert not _changed(sound, "def broken(:")["weakness_absent"]
    other = "\nDEBUG = True\n" if weak["meta"]["kind"] != "CWE-489" else "\nx = eval(input())\n"
    assert not _changed(weak, _answer(weak) + other)["no_other_weakness"]
    assert not _changed(weak, _answer(weak) + "\n# vulnerable on purpose\n")["no_hint"]
    assert not _changed(weak, "\n".join(_answer(weak).split("\n")[:-3]))["fills_template"]


def test_an_answer_in_a_code_fence_is_read_without_it() -> None:
    row = SETS["insecure_code"][0]
    assert all(_changed(row, f"Here it is:\n```python\n{_answer(row)}\n```\nDone.").values())


def test_an_answer_is_scanned_once_for_the_draw_and_for_its_checks() -> None:
    weaknesses.cache_clear()
    for row in rows("insecure_code", 10, 3):
        assert all(check(row).values())
    found = weaknesses.cache_info()
    assert found.hits == 10
    assert found.misses >= 20


def test_wrong_use_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="insecure_code, secure_code"):
        rows("insecure", 1, 0)
    with pytest.raises(ValueError, match="at least 1"):
        rows("insecure_code", 0, 0)
    row = deepcopy(SETS["secure_code"][0])
    del row["meta"]["kind"]
    with pytest.raises(ValueError, match=r"meta\.kind"):
        check(row)
