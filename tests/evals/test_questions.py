"""Question sets: always the same, splits disjoint, bad requests refused."""

from __future__ import annotations

import itertools

import pytest

from evals.questions import DEFAULT_WORDING, DOMAINS_OF, Edition, load_questions, split_topics

SPLITS = ("extract", "dev", "report")


@pytest.mark.parametrize("edition", ["pocket", "general"])
def test_open_topics_are_split_apart(edition: Edition) -> None:
    topics = {
        split: {q.topic for q in load_questions("open_questions", edition=edition, split=split)}
        for split in SPLITS
    }
    for one, other in itertools.combinations(SPLITS, 2):
        assert not topics[one] & topics[other]
    assert len(topics["report"]) >= 20
    assert sum(map(len, topics.values())) >= 36


@pytest.mark.parametrize("edition", ["pocket", "general"])
def test_wordings_are_apart_and_cover_the_same_topics(edition: Edition) -> None:
    seen = load_questions("open_questions", edition=edition, wording="seen")
    held_out = load_questions("open_questions", edition=edition, wording=DEFAULT_WORDING[edition])
    assert not {q.text for q in seen} & {q.text for q in held_out}
    assert {q.topic for q in seen} == {q.topic for q in held_out}


@pytest.mark.parametrize(("edition", "held_out"), DEFAULT_WORDING.items())
def test_open_questions_are_held_out_unless_asked_otherwise(
    edition: Edition, held_out: str
) -> None:
    assert {q.wording for q in load_questions("open_questions", edition=edition)} == {held_out}


def test_a_level_that_the_edition_or_the_split_lacks_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"general 'new_combination'.*allowed are seen, new_words$"
    ):
        load_questions("open_questions", edition="general", wording="new_combination")
    with pytest.raises(ValueError, match="'topic_unseen' has no topics in split 'dev'"):
        load_questions("open_questions", split="dev", wording="topic_unseen")


@pytest.mark.parametrize("edition", ["pocket", "general"])
def test_every_set_has_questions_in_every_split_with_ids_of_their_own(edition: Edition) -> None:
    for split in SPLITS:
        sets = [
            load_questions("in_domain", edition=edition, split=split, domain=domain)
            for domain in DOMAINS_OF[edition]
        ]
        sets.append(load_questions("capability", edition=edition, split=split))
        for questions in sets:
            assert questions
            assert len({q.id for q in questions}) == len(questions)
            assert {q.split for q in questions} == {split}


def test_sets_are_the_same_every_time_and_differ_by_seed() -> None:
    first = load_questions("in_domain", domain="maths", count=10)
    assert first == load_questions("in_domain", domain="maths", count=10)
    assert first != load_questions("in_domain", domain="maths", count=10, seed=1)


def test_a_small_set_has_topics_in_every_split() -> None:
    assert sorted(split_topics(["a", "b", "c"]).values()) == ["dev", "extract", "report"]


@pytest.mark.parametrize(
    "request_",
    [
        {"task": "open"},
        {"task": "open_questions", "edition": "huge"},
        {"task": "open_questions", "split": "train"},
        {"task": "open_questions", "wording": "held_out"},
        {"task": "in_domain"},
        {"task": "capability", "count": 0},
    ],
)
def test_unknown_names_raise_with_what_is_allowed(request_: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"allowed"):
        load_questions(**request_)  # type: ignore[arg-type]
