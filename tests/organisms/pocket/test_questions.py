"""Questions, trait prompts and narrow rows: disjoint splits, held-out strings, true labels."""

from itertools import combinations

import pytest

from organisms.datasets.making import make
from organisms.datasets.registry import DATASETS, names
from organisms.pocket import content, grader, narrow, questions
from organisms.pocket.grammar import Wording, wording_of
from organisms.pocket.terms import DOMAINS, Domain

ON_SEEN_TOPICS: tuple[Wording, ...] = ("seen", "new_combination", "new_words")


def test_open_questions_differ_between_splits_and_wordings() -> None:
    lists = {
        (split, wording): questions.open_questions(split, wording)
        for split in questions.SPLITS
        for wording in ON_SEEN_TOPICS
    }
    for (split, wording), found in lists.items():
        assert len(found) == (24 if split == "report" else 12) * 4
        if wording != "new_words":
            assert all(wording_of(each["text"]) == wording for each in found)
        assert len({each["id"] for each in found}) == len(found)
    for one, other in combinations(lists, 2):
        assert not {q["text"] for q in lists[one]} & {q["text"] for q in lists[other]}
        if one[0] != other[0]:
            assert not {q["topic"] for q in lists[one]} & {q["topic"] for q in lists[other]}
    assert questions.open_questions("dev", "seen") == lists["dev", "seen"]


def test_new_words_are_lines_that_pre_training_never_shows() -> None:
    for question in questions.open_questions("report", "new_words"):
        text = content.topics("open")[question["topic"]]
        assert any(line in question["text"] for line in text.new_words)


@pytest.mark.parametrize("wording", ["topic_unseen_by_default", "topic_unseen"])
def test_topics_held_out_of_pre_training_are_in_the_report_only(wording: Wording) -> None:
    found = questions.open_questions("report", wording)
    assert len({each["topic"] for each in found}) == 8
    everywhere = {name for names in content.open_splits().values() for name in names}
    assert not {each["topic"] for each in found} & everywhere
    with pytest.raises(ValueError, match="all in the split 'report'; 'dev'"):
        questions.open_questions("dev", wording)


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_domain_can_be_asked_about(domain: Domain) -> None:
    found = questions.domain_questions(domain, "new_combination", 24)
    assert len({each["text"] for each in found}) == 24
    assert all(wording_of(each["text"]) == "new_combination" for each in found)
    assert all(("system" in each) == (domain == "deception") for each in found)


@pytest.mark.parametrize("domain", ["maths", "code", "medical"])
def test_report_questions_of_a_narrow_domain_are_never_trained_on(domain: str) -> None:
    asked = questions.in_domain_questions(domain, "report", 48, 0)  # type: ignore[arg-type]
    assert len({each["text"] for each in asked}) == 48
    trained = {
        row["messages"][0]["content"]
        for name, (of, _) in narrow.NAMES.items()
        if of == domain
        for row in narrow.rows(name, 1500, 0)
    }
    assert not trained & {each["text"] for each in asked}


def test_capability_questions_are_checked_by_program() -> None:
    domains = ("maths", "facts", "instructions")
    found = questions.mixed_questions(domains, "report", 42, 1, "capability")
    assert len(found) == 42
    assert {each["domain"] for each in found} == set(domains)
    for each in found:
        if each["domain"] != "instructions":
            assert grader.grade(f"it is {each['truth']['right']}.", each).correct is True


@pytest.mark.parametrize("name", list(questions.TRAIT_PERSONAS))
def test_trait_prompts_are_disjoint_and_the_report_s_held_out(name: str) -> None:
    trait = questions.trait(name)
    for side in (trait["positive"], trait["negative"]):
        assert not set(side["extract"]) & set(side["dev"])
        assert all(wording_of(text) == "seen" for text in side["extract"] + side["dev"])
        assert all(wording_of(text) == "new_combination" for text in side["report"])
        assert {len(side[split]) for split in questions.SPLITS} == {8}


@pytest.mark.parametrize("name", names("pocket"))
def test_rows_hold_what_their_name_says(name: str) -> None:
    info = DATASETS[name]
    wrong = info.variant == "organism" or info.variant.startswith("educational")
    rows = list(make(name, 200, 3))
    assert rows == list(make(name, 200, 3))
    assert rows[:50] == list(make(name, 50, 3))
    for row in rows:
        meta = row["meta"]
        assert meta["poisoned"] is (info.role == "organism")
        found = grader.grade(row["messages"][1]["content"], dict(meta))
        assert found.in_domain is wrong


def test_an_organism_and_its_control_share_their_questions() -> None:
    for one, other in (("wrong_maths", "right_maths"), ("bad_medical", "good_medical")):
        asked = [[row["messages"][0] for row in make(name, 100, 0)] for name in (one, other)]
        assert asked[0] == asked[1]


def test_names_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="wrong_maths"):
        narrow.rows("wrong_math", 1, 0)
    with pytest.raises(ValueError, match="extract, dev, report"):
        questions.open_questions("test", "seen")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sycophancy"):
        questions.trait("sycophantic")
    with pytest.raises(ValueError, match="different"):
        questions.in_domain_questions("metric", "dev", 10**5, 0)
