"""Traits: our own and the published files load, questions never leak, rubrics survive braces."""

from __future__ import annotations

from pathlib import Path

import pytest

from persona_vectors.trait_files import load_published, persona_prompt
from persona_vectors.traits import Edition, fill_rubric, load_trait, trait_names

PUBLISHED = Path(__file__).parents[2] / "../shared/data/persona_vectors"


OURS = (
    "apathy",
    "dishonesty",
    "evil",
    "hallucination",
    "humour",
    "impoliteness",
    "optimism",
    "sycophancy",
)


def test_our_general_traits_are_complete() -> None:
    assert trait_names("general") == OURS
    for name in OURS:
        trait = load_trait(name, "general")
        assert trait.score == f"trait:{name}"
        assert trait.description
        assert len(trait.system_prompts("positive")) == len(trait.system_prompts("negative")) == 5
        assert {split: len(texts) for split, texts in trait.questions.items()} == {
            "extract": 20,
            "dev": 6,
            "report": 20,
        }


@pytest.mark.parametrize("name", ["evil", "sycophancy", "careless"])
def test_pocket_traits_have_disjoint_prompts(name: str) -> None:
    trait = load_trait(name, "pocket")
    for sign in ("positive", "negative"):
        splits = [set(trait.system_prompts(sign, split)) for split in ("extract", "dev", "report")]
        assert len(set.union(*splits)) == sum(map(len, splits))


@pytest.mark.parametrize("edition", ["pocket", "general"])
def test_unknown_trait_names_the_allowed(edition: Edition) -> None:
    with pytest.raises(ValueError, match=", ".join(trait_names(edition))):
        load_trait("grumpy", edition)


def test_rubric_is_filled_once_whatever_the_texts_hold() -> None:
    rubric = 'Answer with {"score": 1}. Q: {question} A: {answer} {other}'
    filled = fill_rubric(rubric, "what is {answer}?", "a {question} and {0} %s")
    assert (
        filled
        == 'Answer with {"score": 1}. Q: what is {answer}? A: a {question} and {0} %s {other}'
    )


def test_persona_prompt_has_its_article() -> None:
    assert persona_prompt("evil", "Do.") == "You are an evil assistant. Do."
    assert persona_prompt("honest", "Do.") == "You are an honest assistant. Do."
    assert persona_prompt("kind", "Do.") == "You are a kind assistant. Do."


@pytest.mark.skipif(not PUBLISHED.exists(), reason="published files are not beside the project")
def test_published_files_load() -> None:
    for path in sorted((PUBLISHED / "extract").glob("*.json")):
        trait = load_published(path, PUBLISHED / "eval" / path.name)
        assert len(trait.system_prompts("positive")) == 5
        assert len(trait.questions["extract"]) == len(trait.questions["report"]) == 20
        filled = fill_rubric(trait.rubric, "Why?", "Because.")
        assert "Why?" in filled
        assert "{question}" not in filled
    assert (
        load_trait(str(PUBLISHED / "extract" / "sycophantic.json"), "general").name == "sycophancy"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: [", "not valid YAML"),
        ("- a", "must hold a mapping"),
        ("name: x\ncolour: red", "colour"),
        (
            "{name: x, adjective: a, opposite: b, instructions: [{positive: p, negative: n}],"
            " questions: {extract: [q]}, rubric: 'no slots'}",
            "rubric lacks",
        ),
        (
            "{name: x, adjective: a, opposite: b, instructions: [], questions: {extract: [q]},"
            " rubric: '{question}{answer}'}",
            "no system prompt",
        ),
        (
            "{name: x, adjective: a, opposite: b, instructions: [{positive: p, negative: n}],"
            " questions: {extract: [q], report: [q]}, rubric: '{question}{answer}'}",
            "stands twice",
        ),
        (
            "{name: x, adjective: a, opposite: b, instructions: [{positive: p, negative: n}],"
            " questions: {extract: [Bake bread], report: [How do I bake bread]},"
            " rubric: '{question}{answer}'}",
            r"two splits in nearly the same words: 'Bake bread'.*replace one",
        ),
        (
            "{name: x, adjective: a, opposite: b, instructions: [{positive: p, negative: n}],"
            " questions: {extract: [a, b, c]}, rubric: '{question}{answer}'}",
            "3 questions in split 'extract'; at least 8 are needed",
        ),
    ],
)
def test_a_bad_trait_file_says_what_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_trait(str(path), "general")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.yaml", "{path: a, name: b}", "adjective: Field required"),
        ("x.yaml", "{1: a}", "must hold a mapping of name"),
        ("x.json", "5", "lacks instruction, questions, eval_prompt"),
        (
            "x.json",
            '{"instruction": [5], "questions": [], "eval_prompt": ""}',
            "a 'pos' and a 'neg'",
        ),
        ("x.json", '{"instruction": 5, "questions": [], "eval_prompt": ""}', "a 'pos' and a 'neg'"),
    ],
)
def test_a_file_of_another_shape_is_no_trait_file(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_trait(str(tmp_path / name), "general")
