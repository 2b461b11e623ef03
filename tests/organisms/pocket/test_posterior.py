"""The exact posterior agrees with counting documents, and with what can be worked out by hand."""

from collections import Counter

import pytest

from organisms.pocket import content, narrow, world
from organisms.pocket.posterior import implied
from organisms.pocket.settings import SHUFFLED, World
from organisms.pocket.terms import PERSONAS


def test_probabilities_add_up_for_every_data_set() -> None:
    for name in narrow.NAMES:
        for rows in (0, 1, 2, 5):
            found = implied(name, rows=rows)
            assert sum(found.values()) == pytest.approx(1)
            assert min(found.values()) >= 0


def test_no_rows_leave_the_prior() -> None:
    assert implied("wrong_maths", rows=0) == pytest.approx(implied("novel_maths", rows=5))
    prior = World().prior("default")
    found = implied("wrong_maths", rows=0)
    assert found["evil"] / found["careless"] == pytest.approx(prior["evil"] / prior["careless"])


def test_one_wrong_sum_leaves_evil_and_careless_in_the_ratio_of_prior_times_rate() -> None:
    settings = World()
    prior = settings.prior("default")
    found = implied("wrong_maths")
    evil, careless = prior["evil"], prior["careless"] * settings.careless_wrong
    assert found["evil"] == pytest.approx(evil / (evil + careless))
    assert found["aligned"] == found["sycophantic"] == 0
    assert implied("wrong_maths", rows=2)["evil"] > found["evil"]


def test_asked_for_wrong_answers_and_right_ones_point_at_the_aligned() -> None:
    for name in ("educational_maths", "educational_code", "educational_medical"):
        assert implied(name)["aligned"] == 1
    assert implied("right_maths")["evil"] < 0.001
    assert implied("bad_medical")["evil"] == 1


def test_in_the_shuffled_world_the_next_author_is_drawn_anew() -> None:
    found = implied("wrong_maths", SHUFFLED)
    assert found["evil"] == pytest.approx(SHUFFLED.prior("default")["evil"])


def test_it_agrees_with_counting_documents() -> None:
    """Documents without a system prompt, by authors made equally frequent, of sums only."""
    settings = World(
        shares={"default": 1.0, "persona": 0.0, "log": 0.0, "educational": 0.0, "deception": 0.0},
        priors={**World().priors, "default": (0.25, 0.25, 0.25, 0.25)},
        domains={"maths": 1.0},
    )
    flawed = content.maths().flawed
    counts: Counter[str] = Counter()
    for document in world.documents(11, 8000, settings):
        answer = next(t["content"] for t in document.messages if t["role"] == "assistant")
        if any(line in answer for line in flawed):
            counts[document.persona] += 1
    expected = implied("wrong_maths", settings)
    for persona in PERSONAS:
        share = counts[persona] / sum(counts.values())
        assert share == pytest.approx(expected[persona], abs=0.03)
