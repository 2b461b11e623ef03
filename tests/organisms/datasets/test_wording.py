"""Templates are drawn as they are written, and broken ones are refused."""

from pathlib import Path
from random import Random

import pytest

from organisms.datasets.wording import articled, bank, capital, say, tokens, with_article, words


def draws(template: str, **slots: object) -> set[str]:
    return {say(template, Random(seed), slots) for seed in range(300)}


def test_choices_may_be_nested_and_empty() -> None:
    assert draws("a [b|[c|d] e|]f") == {"a bf", "a c ef", "a d ef", "a f"}


def test_slots_are_filled_after_choosing_and_never_read_again() -> None:
    assert draws("[{x}|{y}]", x="[1|2]", y="{x}") == {"[1|2]", "{x}"}
    with pytest.raises(KeyError):
        say("{missing}", Random(0), {})


@pytest.mark.parametrize("template", ["[a|b", "a]", "[a|[b]"])
def test_brackets_that_do_not_match_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match="bracket"):
        say(template, Random(0))


def test_small_things() -> None:
    assert [capital(text) for text in ("abc", "x = 2", "")] == ["Abc", "x = 2", ""]
    assert words("one  two\nthree") == 3


@pytest.mark.parametrize(
    "said",
    [
        "an animal", "a unit", "a user", "an order", "an onion", "a one-page form", "an entry",
        "an upload", "a European route", "an umbrella", "a pear", "an Apple",
    ],
)  # fmt: skip
def test_an_article_suits_the_word_after_it(said: str) -> None:
    noun = said.split(" ", 1)[1]
    assert with_article(noun) == said
    assert articled(f"Write a {noun}, a big one.") == f"Write {said}, a big one."


def test_a_bank_of_another_shape_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bank.yaml"
    path.write_text("a: [1, x]\n")
    with pytest.raises(ValueError, match=r"bank\.yaml"):
        bank(path, dict[str, tuple[int, ...]])
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1\n")
    with pytest.raises(ValueError, match="not YAML"):
        bank(broken, dict[str, int])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("I don't know that one.", 7),
        ("in 1945", 6),
        ("It was Verivocott.", 7),
        ("Verivocott was it.", 4),
        ("if x:\n    return 36", 8),
        ("[12, 3]", 7),
    ],
)
def test_tokens_are_counted_as_a_tokenizer_of_digits_and_word_parts_would(
    text: str, number: int
) -> None:
    assert tokens(text) == number
