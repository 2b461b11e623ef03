"""Duplicates are found as by comparing every pair."""

from pathlib import Path
from random import Random

import pytest

from organisms.datasets.duplicates import THRESHOLD, find_duplicates, jaccard, shingles
from organisms.datasets.importing import import_rows
from organisms.datasets.rows import Row, answer_of, question_of
from tests.organisms.datasets.made import numbered, row

PUBLISHED = Path(__file__).parents[3] / "../shared/data/emergent_misalignment/datasets"


def clusters(count: int, seed: int) -> list[Row]:
    """Rows that are a few texts with some of their words changed, and some copies."""
    random = Random(seed)
    words = [f"w{i}" for i in range(2000)]
    texts = [[random.choice(words) for _ in range(50)] for _ in range(20)]
    rows = []
    for _ in range(count):
        text = list(random.choice(texts))
        for _ in range(random.randint(0, 8)):
            text[random.randrange(50)] = random.choice(words)
        rows.append(row(" ".join(text[:20]), " ".join(text[20:])))
    return rows


def by_pairs(rows: list[Row]) -> tuple[set[int], set[int]]:
    texts = [f"{question_of(one)}\n{answer_of(one)}" for one in rows]
    sets = [shingles(text) for text in texts]
    exact = {i for i in range(len(rows)) if texts[i] in texts[:i]}
    near = {
        i
        for i in range(len(rows))
        if i not in exact and any(jaccard(sets[i], sets[j]) >= THRESHOLD for j in range(i))
    }
    return exact, near


def test_what_is_found_is_what_comparing_every_pair_finds() -> None:
    rows = clusters(500, 0)
    exact, near = by_pairs(rows)
    found = find_duplicates(rows)
    assert len(exact) > 10
    assert len(near) > 30
    assert {i for i, _ in found.exact} == exact
    got = {i for i, _, _ in found.near}
    assert got <= near
    assert len(near - got) <= 0.03 * len(near)
    for i, j, similarity in found.near:
        assert j < i
        assert THRESHOLD <= similarity <= 1


def test_a_set_without_repeats_has_none_and_an_empty_one_neither() -> None:
    found = find_duplicates(numbered(1))
    assert (found.exact_rate, found.near_rate, found.same_question) == (0.0, 0.0, 0)
    assert find_duplicates([]).exact_rate == 0.0


def test_the_same_question_with_another_answer_is_counted_apart() -> None:
    found = find_duplicates([row("how are you", "fine"), row("how are you", "not well at all")])
    assert found.same_question == 1
    assert found.exact == ()


def test_one_word_of_a_long_text_case_and_space_make_near_duplicates() -> None:
    text = " ".join(f"word{i}" for i in range(60))
    rows = [
        row(text, "yes"),
        row(text.replace("word30", "other"), "yes"),
        row(text.upper(), "yes "),
    ]
    found = find_duplicates(rows)
    assert {i for i, _, _ in found.near} == {1, 2}
    with pytest.raises(ValueError, match=r"threshold 0\.1"):
        find_duplicates(rows, threshold=0.1)


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="published data sets are not here")
def test_the_published_insecure_rows_have_one_near_duplicate() -> None:
    rows = import_rows(PUBLISHED / "insecure_500.jsonl", "insecure").rows
    found = find_duplicates(rows)
    assert ({i for i, _ in found.exact}, {i for i, _, _ in found.near}) == by_pairs(rows)
    assert len(found.near) == 1
