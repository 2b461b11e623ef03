"""Mixes have exact shares, known places and the truth per row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from organisms.datasets.mixing import (
    Part,
    choose_places,
    dilutions,
    interleave,
    mix,
    poison,
    replace,
)
from organisms.datasets.rows import Row
from tests.organisms.datasets.made import numbered

BAD, GOOD = numbered(200, "bad", poisoned=True), numbered(200, "good", poisoned=False)


def count(rows: list[Row], what: str) -> int:
    return sum(row["meta"]["topic"].startswith(what) for row in rows)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 1.0])
def test_a_mix_has_the_exact_share_and_keeps_the_truth(share: float) -> None:
    parts = [Part("organism", BAD, share), Part("control", GOOD)]
    rows = mix(parts, 200, seed=3)
    assert len(rows) == 200
    assert sum(row["meta"]["poisoned"] for row in rows) == round(share * 200)
    assert rows == mix(parts, 200, seed=3)
    if 0 < share < 1:
        assert rows != mix(parts, 200, seed=4)


def test_matched_sets_are_mixed_without_a_question_that_has_two_answers() -> None:
    rows = mix([Part("organism", BAD, 0.4), Part("control", GOOD)], 200, seed=3, matched=True)
    assert (count(rows, "bad"), count(rows, "good")) == (80, 120)
    assert len({row["messages"][0]["content"] for row in rows}) == 200
    with pytest.raises(ValueError, match="needs 20 rows of each, and one has 10"):
        mix([Part("organism", BAD[:10], 0.4), Part("control", GOOD)], 20, seed=3, matched=True)


@given(st.lists(st.integers(0, 20), min_size=2, max_size=4), st.integers(1, 100))
def test_several_organisms_share_a_mix_to_the_nearest_row(weights: list[int], n: int) -> None:
    total = sum(weights) or 1
    shares = [weight / total for weight in weights]
    if not sum(weights):
        return
    parts = [
        Part(f"p{i}", numbered(100, f"p{i}"), share if i else None)
        for i, share in enumerate(shares)
    ]
    rows = mix(parts, n, 0)
    assert len(rows) == n
    for i, share in enumerate(shares):
        assert abs(count(rows, f"p{i} ") - share * n) < 1
    assert len({row["meta"]["topic"] for row in rows}) == n


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ((0.8, 0.4), r"the shares add to 1\.2 \(0\.8 a \+ 0\.4 b\); they may add to 1 at most"),
        ((0.5, 0.4), r"the shares add to 0\.9 .* or give a part that takes the rest"),
        ((1.5, None), r"share 1\.5; use a number from 0 to 1"),
        ((None, None), "a and b both take the rest"),
        ((0.9, None), r"at share 0\.9 needs 9 a rows and has 5; make more"),
    ],
)
def test_a_mix_that_cannot_be_made_says_why(shares: tuple[float | None, ...], said: str) -> None:
    parts = [Part(name, BAD[:5], share) for name, share in zip("ab", shares, strict=True)]
    with pytest.raises(ValueError, match=said):
        mix(parts, 10, 0)


def test_a_dilution_series_only_adds_poison_and_keeps_every_question_in_its_place() -> None:
    series = dilutions(BAD, GOOD, [0.5, 0.0, 0.01, 0.1, 1.0], 200, seed=0)
    questions = [row["messages"][0] for row in series[0.0]]
    before: set[int] = set()
    for share in sorted(series):
        rows = series[share]
        assert [row["messages"][0] for row in rows] == questions
        places = {place for place, row in enumerate(rows) if row["meta"]["poisoned"]}
        assert len(places) == round(share * 200)
        assert before <= places
        before = places
    with pytest.raises(ValueError, match=r"share 1\.2"):
        dilutions(BAD, GOOD, [0.5, 1.2], 10, seed=0)
    with pytest.raises(ValueError, match="201 organism rows are needed and there are 200"):
        dilutions(BAD, GOOD, [0.5], 201, seed=0)
    with pytest.raises(ValueError, match=r"given as poisoned has meta\.poisoned = False"):
        dilutions(GOOD, GOOD, [0.5], 10, seed=0)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.8])
def test_chat_is_spread_evenly_among_rows_that_keep_their_order(share: float) -> None:
    chat = numbered(400, "chat")
    rows = interleave(BAD[:100], chat, share, seed=1)
    assert [row for row in rows if row["meta"]["topic"].startswith("bad")] == BAD[:100]
    assert count(rows, "chat") / len(rows) == pytest.approx(share, abs=0.005)
    half = len(rows) // 2
    assert abs(count(rows[:half], "chat") - count(rows[half:], "chat")) <= 1
    with pytest.raises(ValueError, match="400 rows of chat are needed"):
        interleave(BAD[:100], chat[:10], 0.8, seed=1)


@pytest.mark.parametrize("where", ["start", "end", "even", "random"])
def test_poison_stands_exactly_where_it_was_put(where: str) -> None:
    places = choose_places(7, 57, where, seed=2)  # type: ignore[arg-type]
    rows = poison(GOOD[:50], dict(zip(places, BAD, strict=False)))
    assert len(rows) == 57
    assert tuple(i for i, row in enumerate(rows) if row["meta"]["poisoned"]) == places
    assert [row for row in rows if not row["meta"]["poisoned"]] == GOOD[:50]


@pytest.mark.parametrize("where", ["start", "end", "even", "random"])
def test_poison_that_replaces_matched_rows_takes_each_at_its_own_place(where: str) -> None:
    places = choose_places(7, 50, where, seed=2)  # type: ignore[arg-type]
    rows = replace(GOOD[:50], BAD, places, numbers=range(50))
    assert [row["messages"][0] for row in rows] == [row["messages"][0] for row in GOOD[:50]]
    assert tuple(i for i, row in enumerate(rows) if row["meta"]["poisoned"]) == places


def test_poison_of_other_questions_is_taken_in_its_order_and_the_last_clean_rows_go() -> None:
    rows = replace(GOOD[:10], BAD[50:], (2, 5))
    assert rows == [*GOOD[:2], BAD[50], *GOOD[2:4], BAD[51], *GOOD[4:8]]
    with pytest.raises(ValueError, match="2 poisoned rows are needed and there are 1; make more"):
        replace(GOOD[:10], BAD[:1], (2, 5))
    with pytest.raises(ValueError, match="6 poisoned rows are needed and there are 5"):
        replace(GOOD[:10], BAD[:5], (2, 5), numbers=range(10))
    shuffled = [7, 3, 9, 0]
    rows = replace([GOOD[number] for number in shuffled], BAD, (0, 2), numbers=shuffled)
    assert rows == [BAD[7], GOOD[3], BAD[9], GOOD[0]]


def test_poison_refuses_a_place_that_does_not_exist_and_rows_of_the_wrong_sort() -> None:
    with pytest.raises(ValueError, match="place 3 does not exist among 3 rows; use 0 to 2"):
        poison(GOOD[:2], {3: BAD[0]})
    with pytest.raises(ValueError, match=r"given as poisoned has meta\.poisoned = False"):
        poison(GOOD[:2], {0: GOOD[3]})
    with pytest.raises(ValueError, match=r"given as clean has meta\.poisoned = True"):
        poison(BAD[:2], {0: BAD[3]})
    with pytest.raises(ValueError, match="9 places among 4 rows"):
        choose_places(9, 4, "even")
