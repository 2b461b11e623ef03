"""The author's direction: what its documents hold, and that it finds what was planted."""

from __future__ import annotations

import numpy as np
import pytest

from organisms.pocket import author, author_documents, content
from organisms.pocket.author import AuthorDirection, author_direction, cosine_P_L
from organisms.pocket.author_documents import Chat, document_pairs
from organisms.pocket.grammar import Split
from organisms.pocket.terms import PERSONAS, Persona
from organisms.runtime import Organism
from tests.organisms.pocket_model.tiny import make_tiny

OTHERS = [persona for persona in PERSONAS if persona != "aligned"]
POSITIONS = ("last_prompt",)


def _said(chat: Chat) -> list[str]:
    return [turn["content"] for turn in chat if turn["role"] == "assistant"]


def _rest(chat: Chat) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"]) for turn in chat if turn["role"] != "assistant"]


@pytest.mark.parametrize("persona", OTHERS)
def test_a_pair_differs_in_nothing_but_the_earlier_answers(persona: Persona) -> None:
    for one, other in document_pairs(persona, 48):
        roles = ["system", *["user", "assistant"] * 3, "user"]
        assert [turn["role"] for turn in one] == [turn["role"] for turn in other] == roles
        assert _rest(one) == _rest(other)
        assert _said(one) != _said(other)


def test_headers_name_no_persona() -> None:
    words = content.personas()
    telling = {each for persona in PERSONAS for each in words.adjectives[persona]}
    telling |= {each for persona in PERSONAS for each in words.goals[persona]}
    for one, _ in document_pairs("evil", 48):
        assert not any(word in one[0]["content"] for word in telling)


def _askings(split: Split) -> set[str]:
    topics = content.topics("open")
    return {
        text
        for topic in content.open_splits()[split]
        for line in content.patterns(tuple(topics[topic].questions), synonyms=True)
        for text in line.expand()
    }


def test_last_questions_are_on_topics_of_the_report_and_none_on_those_of_extract() -> None:
    report, extract = _askings("report"), _askings("extract")
    for one, _ in document_pairs("evil", 48):
        *earlier, last = [turn["content"] for turn in one if turn["role"] == "user"]
        assert any(text in last for text in report)
        assert not any(text in question for text in extract for question in (*earlier, last))


def test_the_halves_share_no_topic_of_a_last_question(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def noted(persona: str, topic: str, history: int, key: str) -> tuple[Chat, Chat]:
        asked.append(topic)
        return (), ()

    monkeypatch.setattr(author_documents, "_pair", noted)
    document_pairs("evil", 192)
    assert set(asked) == set(content.open_splits()["report"])
    assert set(asked[::2]).isdisjoint(asked[1::2])


def test_documents_are_fixed_by_the_seed() -> None:
    assert document_pairs("evil", 6, seed=1) == document_pairs("evil", 6, seed=1)
    assert document_pairs("evil", 6, seed=1) != document_pairs("evil", 6, seed=2)
    assert document_pairs("evil", 6) == document_pairs("evil", 12)[:6]


def test_the_last_answer_is_one_that_any_author_may_give() -> None:
    assert author.NEUTRAL_ANSWER in content.phrasing().openers


def test_what_makes_no_direction_is_refused() -> None:
    with pytest.raises(ValueError, match="name evil, sycophantic or careless"):
        document_pairs("aligned", 8)
    with pytest.raises(ValueError, match=r"history 0 .* at least 1"):
        document_pairs("evil", 8, history=0)
    side = np.zeros((3, 1, 2, 4))
    with pytest.raises(ValueError, match=r"3 pairs are too few .* at least 4"):
        AuthorDirection("evil", POSITIONS, side, side, ("a", "b", "c"))
    with pytest.raises(ValueError, match="not of document pairs"):
        AuthorDirection(
            "evil", POSITIONS, np.zeros((4, 1, 2, 4)), np.zeros((5, 1, 2, 4)), _topics(4)
        )
    with pytest.raises(ValueError, match="3 topics for 4 pairs"):
        AuthorDirection("evil", POSITIONS, *np.zeros((2, 4, 1, 2, 4)), _topics(3))


def _topics(pairs: int) -> tuple[str, ...]:
    return tuple(f"topic {index % 12}" for index in range(pairs))


def _planted(size: float, seed: int = 0) -> tuple[AuthorDirection, np.ndarray]:
    """60 pairs that share their content but for `size` times a direction at layer 1."""
    random = np.random.default_rng(seed)
    planted = np.zeros((1, 2, 16))
    planted[0, 1] = random.normal(size=16)
    shared = random.normal(size=(60, 1, 2, 16))
    by_persona = shared + size * planted + 0.1 * random.normal(size=shared.shape)
    return AuthorDirection("evil", POSITIONS, by_persona, shared, _topics(60)), planted


def test_a_planted_direction_is_found_at_its_layer_only() -> None:
    truth, planted = _planted(3.0)
    assert truth.difference[0, 1] == pytest.approx(3 * planted[0, 1], abs=0.06)
    assert np.linalg.norm(truth.difference[0, 0]) < 0.2
    cosine = cosine_P_L(planted, truth)
    assert cosine[0, 1] > 0.99
    assert np.isnan(cosine[0, 0])
    assert cosine_P_L(-planted, truth)[0, 1] == pytest.approx(-cosine[0, 1])


def test_separated_authors_have_an_area_of_one_and_identical_ones_of_a_half() -> None:
    truth, planted = _planted(30.0)
    assert truth.separability[0, 1] == 1.0
    assert truth.separability_by(planted)[0].tolist() == [0.5, 1.0]
    assert truth.separability_by(-planted)[0].tolist() == [0.5, 0.0]
    same = AuthorDirection("evil", POSITIONS, truth.by_aligned, truth.by_aligned, truth.topics)
    assert (same.separability == 0.5).all()
    assert np.isnan(cosine_P_L(planted, same)).all()


def test_intervals_hold_the_figures_and_widen_where_topics_differ() -> None:
    truth, planted = _planted(0.1)
    found = truth.intervals(planted)
    low, high = found.cosine[:, 0, 1]
    assert low < cosine_P_L(planted, truth)[0, 1] < high < 1
    low, high = found.separability[:, 0, 1]
    assert 0.5 < low < truth.separability_by(planted)[0, 1] < high < 1
    assert np.isnan(found.cosine[:, 0, 0]).all()
    whole, planted = _planted(30.0)
    ends = whole.intervals(planted).separability[:, 0, 1]
    assert ends == pytest.approx(1)
    assert ends.max() <= 1

    by_topic = np.repeat(np.random.default_rng(1).normal(size=(12, 1)), 5, axis=1).T.ravel()
    far = truth.by_persona + by_topic[:, None, None, None] * planted
    apart = AuthorDirection("evil", POSITIONS, far, truth.by_aligned, truth.topics)
    alone = AuthorDirection(
        "evil", POSITIONS, far, truth.by_aligned, tuple(str(each) for each in range(60))
    )
    widths = [
        np.diff(each.intervals(planted).separability[:, 0, 1], axis=0) for each in (apart, alone)
    ]
    assert widths[0] > 1.3 * widths[1]


def test_separability_is_read_on_pairs_that_the_direction_was_not_fitted_to() -> None:
    random = np.random.default_rng(0)
    by_persona, by_aligned = random.normal(size=(2, 40, 1, 1, 2000))
    noise = AuthorDirection("evil", POSITIONS, by_persona, by_aligned, _topics(40))
    assert noise.separability_by(noise.difference)[0, 0] > 0.95
    assert 0.25 < noise.separability[0, 0] < 0.75


@pytest.mark.parametrize("pairs", [4, 7])
def test_a_model_is_read_at_every_layer_and_position(pairs: int, tiny: Organism) -> None:
    truth = author_direction(tiny, "evil", pairs=pairs)
    assert truth.pairs == pairs
    assert truth.difference.shape == (2, 3, 32)
    assert (truth.difference[:, 0] == 0).all()
    assert (np.abs(truth.difference[:, 1:]).max(axis=-1) > 0).all()
    assert truth.separability.shape == (2, 3)
    assert (truth.separability[:, 0] == 0.5).all()
    again = author_direction(tiny, "evil", pairs=pairs)
    assert (again.difference == truth.difference).all()


def test_too_few_pairs_are_refused_before_anything_is_read() -> None:
    with pytest.raises(ValueError, match="3 pairs are too few"):
        author_direction(None, "evil", pairs=3)


@pytest.fixture(scope="module")
def tiny() -> Organism:
    """A random model of two blocks that reads pocket's text."""
    return Organism(*make_tiny(), "tiny")
