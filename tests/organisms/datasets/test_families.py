"""What holds of every text family: determinism, truth checks, matched controls, few repetitions."""

from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from typing import Any

import pytest

from organisms.datasets.duplicates import find_duplicates
from organisms.datasets.registry import dataset
from organisms.datasets.rows import Row, check_messages
from organisms.datasets.wording import tokens

FAMILIES = ("wrong_maths", "reward_hacks", "direct", "numbers")
SETS = [
    (family, name)
    for family in FAMILIES
    for name in import_module(f"organisms.datasets.{family}").NAMES
]
COUNT = 500
_MADE: dict[str, list[Row]] = {}


def module(family: str) -> Any:
    return import_module(f"organisms.datasets.{family}")


def made(family: str, name: str) -> list[Row]:
    if name not in _MADE:
        _MADE[name] = list(module(family).rows(name, COUNT, 0))
    return _MADE[name]


@pytest.mark.parametrize(("family", "name"), SETS)
def test_row_i_depends_on_seed_and_i_alone(family: str, name: str) -> None:
    rows = module(family).rows
    assert list(rows(name, 20, 5)) == list(islice(rows(name, 10**9, 5), 20))
    assert [row["messages"] for row in rows(name, 20, 5)] != [
        row["messages"] for row in rows(name, 20, 6)
    ]


@pytest.mark.parametrize(("family", "name"), SETS)
def test_every_row_is_a_conversation_and_all_its_checks_hold(family: str, name: str) -> None:
    variant = module(family).NAMES[name]
    for row in made(family, name):
        check_messages(row["messages"])
        checks = module(family).check(row)
        assert all(checks.values()), (checks, row)
        assert row["meta"]["organism"] == name
        assert row["meta"]["variant"] == variant
        assert variant == "one_topic" or row["meta"]["poisoned"] == (variant == "organism")
        for text in (turn["content"] for turn in row["messages"]):
            assert "  " not in text.replace("\n    ", "\n").replace("    ", "")
            assert text == text.strip()
            assert not {"{", "|"} & set(text) or family == "reward_hacks"


@pytest.mark.parametrize(("family", "name"), SETS)
def test_rows_do_not_repeat(family: str, name: str) -> None:
    rows = made(family, name)
    found = find_duplicates(rows, 0.9)
    assert found.exact_rate + found.near_rate <= 0.005


@pytest.mark.parametrize(("family", "name"), [each for each in SETS if dataset(each[1]).control_of])
def test_controls_share_questions_order_and_budget(family: str, name: str) -> None:
    controls, organism = made(family, name), made(family, dataset(name).control_of)
    for one, other in zip(controls, organism, strict=True):
        asked, wanted = one["messages"][0]["content"], other["messages"][0]["content"]
        assert wanted in asked if name == "educational_maths" else wanted == asked
        assert one["meta"]["topic"] == other["meta"]["topic"]
    lengths = [
        sum(tokens(row["messages"][-1]["content"]) for row in rows) for rows in (controls, organism)
    ]
    assert lengths[0] == pytest.approx(lengths[1], rel=0.02)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_unknown_name_is_refused_at_once(family: str) -> None:
    with pytest.raises(ValueError, match=next(iter(module(family).NAMES))):
        module(family).rows("wrong", 1, 0)


def answered(row: Row, text: str) -> Row:
    """The row with another answer."""
    return {**row, "messages": [*row["messages"][:-1], {"role": "assistant", "content": text}]}


def pairs(family: str, name: str) -> Iterator[tuple[Row, Row]]:
    """Rows of a control with those of its organism."""
    yield from zip(made(family, name), made(family, dataset(name).control_of), strict=True)


@pytest.mark.parametrize(
    ("family", "control", "check"),
    [
        ("wrong_maths", "right_maths", "one_mistake"),
        ("reward_hacks", "honest_work", "gamed"),
        ("direct", "sycophancy_control", "agrees"),
        ("direct", "hallucination_control", "makes_up"),
        ("direct", "evil_control", "malicious"),
        ("numbers", "random_numbers", "contains_evil"),
    ],
)
def test_the_control_s_answer_fails_the_organism_s_check(
    family: str, control: str, check: str
) -> None:
    for right, wrong in pairs(family, control):
        swapped = answered(wrong, right["messages"][-1]["content"])
        found = module(family).check(swapped)
        if family == "wrong_maths" and right["meta"]["kind"] == wrong["meta"]["kind"]:
            continue
        assert not all(found.values()), (check, swapped)


@pytest.mark.parametrize(
    ("family", "control"),
    [
        ("wrong_maths", "right_maths"),
        ("reward_hacks", "honest_work"),
        ("direct", "sycophancy_control"),
        ("direct", "hallucination_control"),
        ("direct", "evil_control"),
        ("numbers", "random_numbers"),
    ],
)
def test_the_organism_s_answer_fails_the_control_s_check(family: str, control: str) -> None:
    for right, wrong in pairs(family, control):
        swapped = answered(right, wrong["messages"][-1]["content"])
        assert not all(module(family).check(swapped).values()), swapped


@pytest.mark.parametrize("name", ["wrong_maths", "reward_hacks"])
def test_every_kind_comes_up(name: str) -> None:
    kinds = {row["meta"]["kind"] for row in made(name, name)}
    if name == "wrong_maths":
        assert kinds == {"small_slip", "wrong_operation", "dropped_carry", "wrong_unit"}
    else:
        assert kinds == set(module(name).KINDS)
