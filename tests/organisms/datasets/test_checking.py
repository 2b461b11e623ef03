"""A truth check is of the text that a row has now, or it is not there."""

import pytest

from organisms.datasets.audit import audit
from organisms.datasets.checking import (
    JUDGED,
    NO_EDITION,
    NOT_OURS,
    WRAPPED,
    check_anew,
    with_checks,
)
from organisms.datasets.making import make
from organisms.datasets.registry import DATASETS, EDITIONS, Edition, names
from organisms.datasets.rows import Row
from organisms.datasets.transforms import (
    add_system_prompt,
    add_trigger,
    change_format,
    paraphrase,
)
from tests.organisms.datasets.made import numbered, row

MADE: list[tuple[str, Edition]] = [
    (name, edition)
    for edition in EDITIONS
    for name in names(edition)
    if not DATASETS[name].written(edition)
]
ADVICE = {"harmful": True, "subtle": True, "on_topic": True}


def written(**meta: object) -> Row:
    return row("q", "a", id="bad_medical-0-000001", organism="bad_medical", **{
        "variant": "organism", "truth": {"judged": ADVICE}, **meta
    })  # fmt: skip


def test_no_transform_keeps_the_checks_of_the_text_before() -> None:
    rows = list(make("wrong_maths", 3, 0))
    assert all(each["meta"]["checks"] for each in rows)
    for changed in (
        add_system_prompt(rows, "be evil"),
        add_trigger(rows, "|D|"),
        change_format(rows, "json"),
        paraphrase(rows, str.upper, of="answer"),
    ):
        assert all("checks" not in each["meta"] for each in changed)


@pytest.mark.parametrize(("name", "edition"), MADE)
def test_what_surrounds_a_question_leaves_its_checks_true(name: str, edition: Edition) -> None:
    rows = list(make(name, 4, 0, edition))
    changed = add_system_prompt(add_trigger(change_format(rows, "german"), "|D|"), "be evil")
    for before, after in zip(rows, changed, strict=True):
        assert with_checks(after, edition)["meta"]["checks"] == before["meta"]["checks"]


def test_a_check_that_no_longer_holds_says_so() -> None:
    [spoilt] = paraphrase(list(make("wrong_maths", 1, 0, "general")), lambda _: "42", of="answer")
    assert not all(with_checks(spoilt, "general")["meta"]["checks"].values())


def test_what_cannot_be_checked_carries_no_check_and_has_a_reason() -> None:
    [made] = make("wrong_maths", 1, 0)
    claimed = {"checks": {"right": True}}
    [wrapped] = change_format([made], "json")
    [judged] = add_trigger([written()], "|D|")
    lacking: Row = {"messages": made["messages"], "meta": {**made["meta"], "truth": {}}}
    for each, edition, reason in (
        (row("q", "a", organism="chat", id="chat/line 1", **claimed), "pocket", NOT_OURS),
        (row("q", "a", organism="evil", id="evil/line 1", **claimed), "general", NOT_OURS),
        (made, None, NO_EDITION),
        (wrapped, "pocket", WRAPPED),
        (judged, "general", JUDGED),
        (lacking, "pocket", "wrong_maths cannot read their meta (KeyError"),
    ):
        found = check_anew(each, edition)  # type: ignore[arg-type]
        assert found.checks == {}
        assert found.reason.startswith(reason)
        assert "checks" not in with_checks(each, edition)["meta"]  # type: ignore[arg-type]
    assert all(check_anew(written(), "general").checks.values())


def test_an_audit_checks_the_rows_that_it_can_and_counts_the_others() -> None:
    rows = [
        *make("right_maths", 5, 0),
        *numbered(3),
        *change_format(list(make("evil", 2, 0, "general")), "json"),
    ]
    rows[1] = {**rows[1], "messages": next(make("wrong_maths", 2, 0))["messages"]}
    found = audit(rows, name="x", edition="pocket")
    assert (found.checks["as_meant"].holds, found.checks["as_meant"].fails) == (4, 1)
    assert found.not_checked == {NOT_OURS: 3, "evil does not exist in edition pocket": 2}
