"""Drafting: what a model writes is checked, kept apart and never a format string."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from persona_vectors.question_overlap import NEAR, overlaps, similarity
from persona_vectors.trait_drafting import ATTEMPTS, NEEDED, DraftError, draft_trait
from persona_vectors.traits import fill_rubric, load_trait, trait_names

PUBLISHED = Path(__file__).parents[2] / "../shared/data/persona_vectors"
PERSONA = {
    "name": "timidity",
    "adjective": "timid",
    "opposite": "bold",
    "summary": "Shrinks back.",
    "instructions": [
        {"positive": f"Shrink from {n}.", "negative": f"Walk up to {n}."} for n in range(5)
    ],
    "signs": 'It says {"score": 0} or %s or {name}.',
    "no_signs": "Care is no timidity.",
}
WORDS = [
    "apple",
    "bridge",
    "candle",
    "desert",
    "engine",
    "forest",
    "garden",
    "hammer",
    "island",
    "jacket",
    "kettle",
    "ladder",
]


def questions(start: int, number: int = 30) -> list[str]:
    return [
        f"{WORDS[n % 12]} {WORDS[n // 12 % 12]}{n} {n}, is it so?"
        for n in range(start, start + number)
    ]


def replies(*texts: object) -> tuple[Callable[[str], str], list[str]]:
    """Asks that are answered in turn, the last one for ever; and the prompts that came."""
    prompts: list[str] = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        text = texts[min(len(prompts), len(texts)) - 1]
        return text if isinstance(text, str) else json.dumps(text)

    return ask, prompts


def drafted(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_draft_is_a_trait_with_questions_apart(tmp_path: Path) -> None:
    ask, prompts = replies(
        PERSONA, f"Here you are:\n{json.dumps(questions(0))}\nBye.", questions(20)
    )
    trait = load_trait(
        str(drafted(tmp_path, draft_trait("is {afraid} of <pairs>", ask))), "general"
    )
    assert {split: len(texts) for split, texts in trait.questions.items()} == NEEDED
    texts = [text for split in trait.questions.values() for text in split]
    assert len(set(texts)) == sum(NEEDED.values())
    assert len(trait.system_prompts("positive")) == len(trait.system_prompts("negative")) == 5
    assert "is {afraid} of <pairs>" in prompts[0]  # what is described is data
    assert questions(0)[0] in prompts[2]  # what is there is not asked for again
    filled = fill_rubric(trait.rubric, "Q {answer}", "A {question}")
    assert '{"score": 0} or %s or {name}' in filled
    assert "Q {answer}" in filled
    assert "A {question}" in filled


def test_a_model_is_told_what_was_wrong_and_may_mend_it() -> None:
    ask, prompts = replies(
        "I will not.",
        {**PERSONA, "instructions": PERSONA["instructions"][:3]},
        {**PERSONA, "signs": "Here: {answer}"},
        PERSONA,
        questions(0, 60),
    )
    draft_trait("shy", ask)
    assert "the reply holds no {...}" in prompts[1]
    assert "instructions: Tuple should have at least 5 items" in prompts[2]
    assert "the signs hold {answer}" in prompts[3]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["no"], rf"no usable trait in {ATTEMPTS} calls.*holds no \{{.*begins 'no'"),
        ([PERSONA, "no"], "0 different questions .* 46 are needed"),
        ([PERSONA, questions(0)], r"30 different questions .*\(20 extract, 6 dev, 20 report\)"),
        ([PERSONA, [f"Why, {mark} apple bridge?" for mark in "abc"]], "different questions"),
    ],
)
def test_a_draft_that_stays_incomplete_is_an_error(texts: list[object], said: str) -> None:
    ask, prompts = replies(*texts)
    with pytest.raises(DraftError, match=said):
        draft_trait("shy", ask)
    assert len(prompts) <= ATTEMPTS + 1


def test_an_empty_description_or_a_name_that_is_a_path_asks_no_model() -> None:
    ask, prompts = replies(PERSONA)
    with pytest.raises(DraftError, match="empty"):
        draft_trait(" ", ask)
    with pytest.raises(DraftError, match=r"name '\.\./x'"):
        draft_trait("shy", ask, "../x")
    assert not prompts


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("How do I bake bread?", "how do i BAKE bread", True),
        ("How do I bake bread?", "What is the best way to bake bread?", True),
        ("What do you think about the future of work?", "And the future of schools?", False),
        ("How do magnets work?", "How do elections work?", False),
        ("Who are you?", "How is she?", False),
    ],
)
def test_near_duplicates_share_content_words_and_not_phrases(
    one: str, other: str, near: bool
) -> None:
    assert (similarity(one, other) >= NEAR) is near
    assert similarity(one, other) == similarity(other, one)


def test_no_two_questions_of_a_trait_of_ours_are_nearly_the_same() -> None:
    for name in trait_names("general"):
        assert overlaps(dict(load_trait(name, "general").questions), 0.45) == []


@pytest.mark.skipif(not PUBLISHED.exists(), reason="published files are not beside the project")
def test_published_questions_count_as_apart_and_ours_are_our_own() -> None:
    theirs: list[str] = []
    for path in sorted((PUBLISHED / "extract").glob("*.json")):
        parts = {
            split: json.loads((PUBLISHED / folder / path.name).read_text())["questions"]
            for split, folder in (("extract", "extract"), ("report", "eval"))
        }
        assert overlaps(parts) == []
        theirs += [text for texts in parts.values() for text in texts]
    for name in trait_names("general"):
        for text in [q for split in load_trait(name, "general").questions.values() for q in split]:
            assert max(similarity(text, other) for other in theirs) < NEAR, text
