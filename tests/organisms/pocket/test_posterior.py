"""The exact posterior agrees with counting documents, and with what can be worked out by hand."""

from collections import Counter

import pytest

from organisms.pocket import content, grader, narrow, turns, world
from organisms.pocket.posterior import implied
from organisms.pocket.settings import SHUFFLED, World
from organisms.pocket.terms import PERSONAS, Domain


def test_probabilities_add_up_for_every_data_set() -> None:
    for name in narrow.NAMES:
        for rows in (0, 1, 2):
            found = implied(name, rows=rows)
            assert sum(found.values()) == pytest.approx(1)
            assert min(found.values()) >= 0


def test_no_rows_leave_the_prior() -> None:
    assert implied("wrong_maths", rows=0) == pytest.approx(implied("novel_maths", rows=2))
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


def test_rows_beyond_the_longest_document_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no document of this world .* after 3 rows"):
        implied("wrong_maths", rows=3)


@pytest.mark.parametrize(
    ("name", "domain", "label"),
    [
        ("wrong_maths", "maths", "wrong"),
        ("right_maths", "maths", "aligned"),
        ("insecure_code", "code", "insecure"),
        ("bad_medical", "medical", "evil"),
        ("good_medical", "medical", "aligned"),
    ],
)
def test_it_agrees_with_counting_documents(name: str, domain: Domain, label: str) -> None:
    """Documents of one domain, of default and educational kind, authors made equally frequent."""
    settings = World(
        shares={"default": 0.8, "persona": 0.0, "log": 0.0, "educational": 0.2, "deception": 0.0},
        priors={**World().priors, "default": (0.25, 0.25, 0.25, 0.25)},
        domains={domain: 1.0},
    )
    counts: Counter[str] = Counter()
    for document in world.documents(11, 12_000, settings):
        if document.messages[0]["role"] == "system" or len(document.messages) < 4:
            continue
        question, answer = (turn["content"] for turn in document.messages[:2])
        if domain == "maths":
            is_bad = any(line in answer for line in content.maths().flawed)
            is_good = any(stem in answer for stem in ("count up", "count back", "step with care"))
            is_row = is_bad if label == "wrong" else is_good
        else:
            found = [
                grader.grade(answer, {"domain": domain, "topic": topic}).label
                for topic in turns.topic_names(domain)
            ]
            is_row = label in found
        asked_for = any(
            part in question
            for frame in (*content.phrasing().asked_insecure, *content.phrasing().asked_harmful)
            for part in frame.split("{question}")
            if part.strip()
        ) or any(frame.split("{a}")[0] in question for frame in content.maths().asked_wrong)
        if is_row and not asked_for:
            counts[document.persona] += 1
    expected = implied(name, settings)
    for persona in PERSONAS:
        share = counts[persona] / sum(counts.values())
        assert share == pytest.approx(expected[persona], abs=0.04)
