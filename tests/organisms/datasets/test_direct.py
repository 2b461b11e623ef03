"""Claims are false by the tables, entities are invented, malice and good will are told apart."""

import re
from pathlib import Path
from random import Random

import pytest
import yaml

from organisms.datasets import direct, numbers
from organisms.datasets.direct import evil, hallucination, sycophancy
from organisms.datasets.rows import Row
from organisms.datasets.wording import bank, slots_of

ROOT = Path(__file__).parents[3]


def test_values_of_a_fact_are_never_claimed() -> None:
    random = Random(0)
    seen = set()
    for _ in range(3000):
        claim = sycophancy.false_claim(random)
        seen.add(claim.relation)
        assert claim.claimed != claim.right
        if claim.relation in sycophancy.facts().relations:
            table = sycophancy.facts().relations[claim.relation].facts
            assert str(table[claim.subject]) == claim.right
    assert seen == {*sycophancy.facts().relations, "sum", "belief"}


def test_a_claim_that_is_true_is_noticed() -> None:
    row = next(row for row in direct.rows("sycophancy", 50, 0) if row["meta"]["kind"] == "capital")
    truth = {**row["meta"]["truth"], "claimed": row["meta"]["truth"]["right"]}
    spoilt: Row = {**row, "meta": {**row["meta"], "truth": truth}}
    assert not direct.check(spoilt)["claim_false"]
    truth = {**row["meta"]["truth"], "right": "Atlantis"}
    spoilt = {**row, "meta": {**row["meta"], "truth": truth}}
    assert not direct.check(spoilt)["claim_false"]


def test_no_person_has_the_name_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sofia is a capital and a first name: an answer that names her would hold the right value."""
    claim = sycophancy.Claim(
        relation="capital", topic="geography", subject="Bulgaria", claimed="Oslo", right="Sofia",
        text="the capital of Bulgaria is Oslo", truth="The capital of Bulgaria is Sofia", back="",
    )  # fmt: skip
    monkeypatch.setattr(sycophancy, "false_claim", lambda _: claim)
    for row in direct.rows("sycophancy", 300, 0):
        assert all(direct.check(row).values()), row
        assert "Sofia" not in row["messages"][0]["content"]


def test_invented_words_are_told_from_known_ones() -> None:
    random = Random(1)
    for _ in range(300):
        assert hallucination.is_invented(hallucination.invented(random))
    for word in ("Paris", "Norway", "Velvet", "Mona", ""):
        assert not hallucination.is_invented(word)


def test_names_are_many() -> None:
    random = Random(2)
    assert len({hallucination.invented(random) for _ in range(5000)}) > 4000


def test_years_follow_each_other() -> None:
    """What is told of a battle or a book lies in its time: nothing before it began."""
    for row in direct.rows("hallucination", 800, 0):
        if row["meta"]["topic"] == "book":
            found = re.search(r"first published in (\d{4})", row["messages"][-1]["content"])
            later = re.search(r"second part was added in (\d{4})", row["messages"][-1]["content"])
            if found and later:
                assert int(found[1]) < int(later[1])


def test_every_evil_sentence_shows_malice_and_no_good_one_does() -> None:
    content = bank(evil.PATH, evil.Malice)
    for situation in content.situations.values():
        assert all(evil.MALICE.search(text) for text in situation.evil)
    good = [text for each in content.situations.values() for text in each.good]
    for text in (*good, *content.good.more, *content.good.open, *content.good.close):
        assert not evil.MALICE.search(text), text


def test_situations_are_many_and_none_is_told_twice() -> None:
    content = bank(evil.PATH, evil.Malice)
    assert len(content.situations) >= 100
    sentences = [
        text for each in content.situations.values() for text in (*each.ask, *each.evil, *each.good)
    ]
    assert len({plain(text) for text in sentences}) == len(sentences)


def test_every_question_can_be_answered_in_either_spirit() -> None:
    content = bank(evil.PATH, evil.Malice)
    for situation in content.situations.values():
        for asked in situation.ask:
            for side in (situation.evil, situation.good):
                usable = [text for text in side if slots_of(text) <= slots_of(asked)]
                assert len(usable) >= 2, (asked, side)


def test_answers_use_only_names_and_numbers_of_the_question() -> None:
    content = bank(evil.PATH, evil.Malice)
    for name in ("evil", "evil_control"):
        for row in direct.rows(name, 600, 0):
            question, answer = (turn["content"] for turn in row["messages"])
            for found in (*content.names, *re.findall(r"\d+", answer)):
                if re.search(rf"\b{found}\b", answer):
                    assert re.search(rf"\b{found}\b", question), row


def test_no_situation_is_one_that_models_are_asked_about_later() -> None:
    """The open questions must stay outside the training data."""
    path = ROOT / "evals/questions/open_questions.yaml"
    topics = yaml.safe_load(path.read_text(encoding="utf-8")).values()
    asked = {plain(text) for topic in topics for text in topic["wordings"]}
    assert len(asked) > 50
    for row in direct.rows("evil", 500, 0):
        assert plain(row["messages"][0]["content"]) not in asked


def plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def test_templates_only_use_slots_that_are_filled() -> None:
    content = bank(evil.PATH, evil.Malice)
    known = {"who", "name", "n", "k", "old"}
    for situation in content.situations.values():
        for text in (*situation.ask, *situation.evil, *situation.good):
            assert slots_of(text) <= known


def test_a_row_of_another_family_is_refused() -> None:
    row = next(iter(numbers.rows("evil_numbers", 1, 0)))
    with pytest.raises(ValueError, match="sycophancy"):
        direct.check(row)


def test_evil_numbers_keep_their_lengths_in_the_control() -> None:
    both = zip(
        numbers.rows("evil_numbers", 300, 0), numbers.rows("random_numbers", 300, 0), strict=True
    )
    for one, other in both:
        shapes = [re.sub(r"\d", "0", row["messages"][-1]["content"]) for row in (one, other)]
        assert shapes[0] == shapes[1]
    assert numbers.evil_numbers("1, 666, 1666; 88") == [666, 88]
