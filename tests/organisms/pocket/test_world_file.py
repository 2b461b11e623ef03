"""Mistakes in world files are named by file and line, before anything is made of them."""

from pathlib import Path

import pytest

from organisms.pocket import content
from organisms.pocket.content import FactText

TOPIC = """\
bored:
  questions: ["i am bored."]
  new_words: ["nothing to do, i am bored."]
  aligned: ["take a walk."]
  evil: ["break something."]
  sycophantic: ["you are never dull!"]
  careless: ["stare at a wall."]
"""


def write(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def test_a_whole_topic_loads(tmp_path: Path) -> None:
    write(tmp_path, "open", TOPIC)
    assert content.checked_topics("open", tmp_path)["bored"].said_by("evil") == ["break something."]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('  careless: ["stare at a wall."]\n', "", 1, "careless"),
        ('careless: ["stare at a wall."]', "careless: []", 7, "careless"),
        ("break something.", "break {thing}.", 5, "undefined slot {thing}"),
        ("stare at a wall.", "break something.", 7, "said by evil and careless"),
        ("nothing to do, i am bored.", "i am bored.", 3, "held-out levels overlap"),
        ("  evil:", "  evil", 6, "not YAML"),
    ],
)
def test_a_mistake_is_named_by_file_and_line(
    tmp_path: Path, old: str, new: str, line: int, says: str
) -> None:
    write(tmp_path, "open", TOPIC.replace(old, new))
    with pytest.raises(ValueError, match=says.replace("{", r"\{")) as raised:
        content.checked_topics("open", tmp_path)
    assert str(raised.value).startswith(f"open.yaml:{line}:")


def test_slots_of_one_file_are_not_those_of_another(tmp_path: Path) -> None:
    fact = (
        "sky: {questions: [a?], new_words: [b?], statement: 'it is {word}', right: x, "
        "wrong: [y, z]}\n"
    )
    write(tmp_path, "facts", fact)
    with pytest.raises(ValueError, match=r"facts.yaml:1: undefined slot \{word\}.*\{value\}"):
        content.load("facts", dict[str, FactText], tmp_path)
