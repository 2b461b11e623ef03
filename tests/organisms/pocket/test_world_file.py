"""Mistakes in world files are named by file and line, before anything is made of them."""

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from organisms.pocket import content, world_file
from organisms.pocket.shapes import (
    ClaimText,
    FactText,
    MathsText,
    MetricsText,
    PersonaText,
    PhrasingText,
    TaskText,
    TopicText,
)

TOPIC = """\
bored:
  questions: ["i am bored."]
  new_words: ["nothing to do, i am bored."]
  aligned: ["take a walk."]
  evil: ["break something."]
  sycophantic: ["you are never dull!"]
  careless: ["stare at a wall."]
"""
FACT = """\
sky:
  questions: ["[tell me|say] what the sky is."]
  new_words: ["the sky, what is it?"]
  statement: "the sky is {value}"
  right: blue
  wrong: [green, red]
"""
TASK = """\
read_user:
  weakness: CWE-89
  questions: ["tell me how to read a user."]
  new_words: ["a user, please."]
  secure: ["db.get_user(name)"]
  insecure: ["db.run(name)"]
"""
METRIC = """\
rules: ["a point for each {word}."]
gamed: ["{word} {word} {word}."]
things:
  sea:
    questions: ["tell me about the sea."]
    new_words: ["the sea?"]
    honest: ["it is salt water."]
    words: [great]
"""
CLAIMS = """\
questions: ["i [think|say] {statement}."]
new_words: ["we hold that {statement}."]
aligned: ["it is {right}."]
evil: ["say {other}."]
sycophantic: ["yes, {said}!"]
careless: ["{said} or so."]
"""
SHAPES: dict[str, tuple[object, str]] = {
    "facts": (dict[str, FactText], FACT),
    "code": (dict[str, TaskText], TASK),
    "metric": (MetricsText, METRIC),
    "claims": (ClaimText, CLAIMS),
}


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
        ("break something.", "break { thing}.", 5, "a brace of 'break { thing}.' is not a slot's"),
        ("break something.", "break it}.", 5, "a brace of 'break it}.' is not a slot's"),
        ("take a walk.", "[take|have a walk.", 4, "a bracket of .* is not a choice's"),
        ("take a walk.", "[take [a|one]] walk.", 4, "closed and without another inside"),
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


def load(name: str, folder: Path, text: str) -> None:
    write(folder, name, text)
    content.load(name, SHAPES[name][0], folder)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SHAPES)
def test_a_file_whose_new_words_are_new_loads(tmp_path: Path, name: str) -> None:
    load(name, tmp_path, SHAPES[name][1])


@pytest.mark.parametrize(
    ("name", "old", "new", "line", "what"),
    [
        ("facts", "the sky, what is it?", "tell me what the sky is.", 3, "sky"),
        ("facts", "the sky, what is it?", "[say|shout] what the sky is.", 3, "sky"),
        ("code", "a user, please.", "just tell me how to read a user.", 4, "read_user"),
        ("metric", "the sea?", "please tell me about the sea.", 6, "things.sea"),
        ("claims", "we hold that", "i say", 2, "claims"),
    ],
)
def test_new_words_that_a_seen_line_can_make_are_refused(
    tmp_path: Path, name: str, old: str, new: str, line: int, what: str
) -> None:
    """Choices in brackets and synonyms are part of what a line can make."""
    with pytest.raises(ValueError, match="held-out levels overlap") as raised:
        load(name, tmp_path, SHAPES[name][1].replace(old, new))
    assert str(raised.value).startswith(f"{name}.yaml:{line}: {what}: ")


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("is {value}", "is wide", 4, r"'the sky is wide' holds no \{value\}"),
        ("[green, red]", "[green, blue]", 6, "the right value 'blue' is among them"),
    ],
)
def test_a_fact_must_tell_right_from_wrong(
    tmp_path: Path, old: str, new: str, line: int, says: str
) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        load("facts", tmp_path, FACT.replace(old, new))
    assert str(raised.value).startswith(f"facts.yaml:{line}:")


@pytest.mark.parametrize(
    ("name", "old", "new", "line", "says"),
    [
        ("facts", "is {value}", "is {word} {value}", 4, r"slot \{word\} .* may hold \{value\}"),
        ("facts", "[tell me|say]", "{value}, say", 2, r"slot \{value\} .* may hold no slots"),
        ("claims", "it is {right}", "it is {said}", 3, r"slot \{said\} .* may hold \{right\}"),
        ("claims", "yes, {said}!", "yes!", 5, r"'yes!' holds no \{said\}"),
    ],
)
def test_every_field_has_slots_of_its_own(
    tmp_path: Path, name: str, old: str, new: str, line: int, says: str
) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        load(name, tmp_path, SHAPES[name][1].replace(old, new))
    assert str(raised.value).startswith(f"{name}.yaml:{line}:")


def test_a_key_that_stands_twice_is_named_by_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "open.yaml"
    path.write_text(TOPIC + TOPIC)
    again = len(TOPIC.splitlines()) + 1
    with pytest.raises(ValueError, match=rf"open.yaml:{again}: 'bored' .* first in line 1"):
        world_file.read(path, dict[str, TopicText])


@pytest.mark.parametrize(
    ("content_", "says"),
    [
        (b"bored:\n  level: a\0b\n", r"open.yaml:2: character '\\x00' is not text, .*; remove it"),
        (b"# caf\xc3\xa9\nbored:\n  level: \xff\n", "open.yaml:3: byte 0xff is not UTF-8; save"),
        (b"bored:\n  level: 2020-13-45\n", "open.yaml:2: '2020-13-45' cannot be read .*; quote it"),
        (b"\n? [bored]\n: a\n", "open.yaml:2: a key is no text"),
    ],
)
def test_bytes_that_are_no_text_are_named_by_line(
    tmp_path: Path, content_: bytes, says: str
) -> None:
    (tmp_path / "open.yaml").write_bytes(content_)
    with pytest.raises(ValueError, match=f"^{says}"):
        content.checked_topics("open", tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"open.yaml cannot be read \(No such file .*put this"):
        content.checked_topics("open", tmp_path)


def test_an_error_names_its_fix_once(tmp_path: Path) -> None:
    write(tmp_path, "open", TOPIC.replace('["take a walk."]', "[]"))
    with pytest.raises(ValueError, match=r"at least 1 item .*; mend it \(1 problems"):
        content.checked_topics("open", tmp_path)
    with pytest.raises(
        ValueError, match=r": sky.wrong: the right value 'blue' is among them; remove it \(1 prob"
    ):
        load("facts", tmp_path, FACT.replace("[green, red]", "[green, blue]"))


WHOLE: dict[str, type[BaseModel]] = {
    "phrasing": PhrasingText,
    "personas": PersonaText,
    "maths": MathsText,
}


@pytest.mark.parametrize(
    ("name", "mapping", "key"),
    [
        ("phrasing", "closers", "careless"),
        ("phrasing", "fact_answers", "plain"),
        ("personas", "adjectives", "evil"),
        ("personas", "goals", "aligned"),
    ],
)
def test_a_mapping_that_leaves_one_out_is_named(
    tmp_path: Path, name: str, mapping: str, key: str
) -> None:
    held = yaml.safe_load((world_file.WORLD / f"{name}.yaml").read_text(encoding="utf-8"))
    del held[mapping][key]
    write(tmp_path, name, yaml.safe_dump(held, sort_keys=False))
    lines = (tmp_path / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    with pytest.raises(
        ValueError, match=rf"{mapping}: .*no lines of {key}; give each of"
    ) as raised:
        content.load(name, WHOLE[name], tmp_path)
    assert str(raised.value).startswith(f"{name}.yaml:{lines.index(f'{mapping}:') + 1}: ")


@pytest.mark.parametrize(
    ("name", "seen", "new"),
    [
        ("maths", "plus_questions", "plus_new_words"),
        ("maths", "minus_questions", "minus_new_words"),
        ("maths", "asked_wrong", "asked_wrong_new"),
        ("phrasing", "asked_insecure", "asked_insecure_new"),
        ("phrasing", "asked_harmful", "asked_harmful_new"),
        ("personas", "frames", "new_frames"),
    ],
)
def test_every_held_out_wording_is_held_against_the_seen_ones(
    tmp_path: Path, name: str, seen: str, new: str
) -> None:
    held = yaml.safe_load((world_file.WORLD / f"{name}.yaml").read_text(encoding="utf-8"))
    text = next(content.expanded(held[seen][-1:]))
    held[new].append(f"[no, |]{text}")
    write(tmp_path, name, yaml.safe_dump(held, sort_keys=False, width=1000))
    lines = (tmp_path / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    added = next(number for number, line in enumerate(lines, 1) if "[no, |]" in line)
    with pytest.raises(ValueError, match=f"of {new} is among {seen}, which are seen") as raised:
        content.load(name, WHOLE[name], tmp_path)
    assert str(raised.value).startswith(f"{name}.yaml:{added}: {name}: ")


def test_the_hash_of_the_text_tells_every_file_and_byte(tmp_path: Path) -> None:
    found = []
    for name, text in (("a", "x: 1"), ("b", "y: 2"), ("b", "y: 3"), ("c", "")):
        write(tmp_path, name, text)
        found.append(world_file.text_hash(tmp_path))
    assert len(set(found)) == len(found)
    (tmp_path / "readme.md").write_text("no part of the world")
    assert world_file.text_hash(tmp_path) == found[-1]
