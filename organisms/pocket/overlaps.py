"""Checks that the world's texts tell what they must: topic, held-out level, persona, secure or not.

Texts are held against each other as the model and the grader see them, in lower case.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from organisms.pocket.grammar import Pattern, sentences, words
from organisms.pocket.rules import Apart, HeldOutFrom, Without
from organisms.pocket.shapes import Level, TopicText
from organisms.pocket.terms import PERSONAS, Persona
from organisms.pocket.world_file import Place, error_at, line_of

Compile = Callable[[tuple[str, ...], bool], tuple[Pattern, ...]]
"""Lines, and whether they take synonyms, to patterns."""


@dataclass(frozen=True)
class _Origin:
    """Where a text stands first."""

    path: Path
    part: Place
    place: Place
    level: Level
    persona: Persona | None = None

    def __str__(self) -> str:
        level = "" if self.level == "everywhere" else f", of the level {self.level}"
        return f"{_name(self.part, self.path)} ({_spot(self.path, self.place)}{level})"


def check(path: Path, found: object, compiled: Compile) -> None:
    """Hold the texts of a file's content against each other, by the marks of their fields.

    Raises:
        ValueError: with file and line.
    """
    for place, part in _parts(found, ()):
        for name, mark in _marks(part):
            if isinstance(mark, HeldOutFrom):
                _check_held_out(path, place, part, name, mark, compiled)
            elif isinstance(mark, Without):
                _check_without(path, place, part, name, mark)
        _check_apart(path, place, part)
    check_questions({path: found}, compiled)


def check_questions(files: Mapping[Path, object], compiled: Compile) -> None:
    """No question of one part (a topic, a task, a fact), seen or of new words, is another's.

    Raises:
        ValueError: with file and line.
    """
    asked: dict[str, _Origin] = {}
    for text, origin in _questions(files, compiled):
        first = asked.setdefault(text, origin)
        if (first.path, first.part) != (origin.path, origin.part):
            raise error_at(
                origin.path,
                origin.place,
                f"{_name(origin.part, origin.path)}: {text!r} of {origin.place[-2]} is among "
                f"{first.place[-2]} of {first} too: what is asked, and what is held out, must "
                "not overlap; ask about each in its own words",
            )


def check_sentences(files: Mapping[Path, Mapping[str, TopicText]]) -> None:
    """Every sentence on topics is one persona's on all of them, and is shown or held out.

    Raises:
        ValueError: with file and line.
    """
    said: dict[str, _Origin] = {}
    for sentence, origin in _sentences(files):
        first = said.setdefault(sentence, origin)
        elsewhere = "" if first.part == origin.part else f"; it is of {first} first"
        topic = _name(origin.part, origin.path)
        if first.persona != origin.persona:
            raise error_at(
                origin.path,
                origin.place,
                f"{topic}: {sentence!r} is said by {first.persona} and {origin.persona}"
                f"{elsewhere}; give each its own words",
            )
        if first.level != origin.level:
            raise error_at(
                origin.path,
                origin.place,
                f"{topic}: {sentence!r} is said on a topic of the level {origin.level} and on "
                f"{first}: the held-out levels overlap; give each its own words",
            )


def _parts(value: object, place: Place) -> Iterator[tuple[Place, BaseModel]]:
    """Every part of a file with its place, from the outermost in."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _parts(inner, (*place, key))
    elif isinstance(value, BaseModel):
        yield place, value
        for name in type(value).model_fields:
            yield from _parts(getattr(value, name), (*place, name))


def _marks(part: BaseModel) -> Iterator[tuple[str, object]]:
    for name, field in type(part).model_fields.items():
        for mark in field.metadata:
            yield name, mark


def _check_held_out(
    path: Path, place: Place, part: BaseModel, name: str, rule: HeldOutFrom, compiled: Compile
) -> None:
    lines = tuple(getattr(part, rule.field))
    seen = {text.lower() for pattern in compiled(lines, rule.synonyms) for text in pattern.expand()}
    for index, text in _made(getattr(part, name)):
        if text in seen:
            raise error_at(
                path,
                (*place, name, index),
                f"{_name(place, path)}: {text!r} of {name} is among {rule.field}, which are seen: "
                "the held-out levels overlap; remove one of the two",
            )


def _check_without(path: Path, place: Place, part: BaseModel, name: str, rule: Without) -> None:
    kept_out = getattr(part, rule.field)
    for index, text in _made(getattr(part, name)):
        if word := next((word for word in words(text) if word in kept_out), None):
            raise error_at(
                path,
                (*place, name, index),
                f"{_name(place, path)}: {text!r} of {name} holds {word!r}, which is among "
                f"{rule.field}; say it without, or take the word out of {rule.field}",
            )


def _check_apart(path: Path, place: Place, part: BaseModel) -> None:
    """The fields of a part that are marked `Apart`, and the keys of its mappings that are."""
    fields: dict[Place, Sequence[str]] = {}
    for name, mark in _marks(part):
        if isinstance(mark, Apart):
            value = getattr(part, name)
            if isinstance(value, dict):
                _check_disjoint(path, {(*place, name, key): held for key, held in value.items()})
            else:
                fields[*place, name] = value
    _check_disjoint(path, fields)


def _check_disjoint(path: Path, groups: Mapping[Place, Sequence[str]]) -> None:
    owners: dict[str, Place] = {}
    for place, lines in groups.items():
        for index, text in _made(lines):
            first = owners.setdefault(text, (*place, index))
            if first[:-1] != place:
                raise error_at(
                    path,
                    (*place, index),
                    f"{_name(place[:-1], path)}: {text!r} is of {first[-2]} "
                    f"({_spot(path, first)}) and of {place[-1]}; give each its own words",
                )


def _made(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Every text that lines can make, in lower case, with the line's index."""
    for index, line in enumerate(lines):
        for text in Pattern.compile(line).expand():
            yield index, text.lower()


def _questions(files: Mapping[Path, object], compiled: Compile) -> Iterator[tuple[str, _Origin]]:
    for path, found in files.items():
        for place, part in _parts(found, ()):
            for name, mark in _marks(part):
                if name == "new_words" and isinstance(mark, HeldOutFrom):
                    for field, synonyms in ((mark.field, mark.synonyms), (name, False)):
                        lines = compiled(tuple(getattr(part, field)), synonyms)
                        for index, pattern in enumerate(lines):
                            origin = _Origin(path, place, (*place, field, index), _level(part))
                            for text in pattern.expand():
                                yield text.lower(), origin


def _sentences(
    files: Mapping[Path, Mapping[str, TopicText]],
) -> Iterator[tuple[str, _Origin]]:
    for path, found in files.items():
        for topic, part in found.items():
            for persona in PERSONAS:
                for index, text in _made(part.said_by(persona)):
                    place = (topic, persona, index)
                    for sentence in sentences(text) or [text]:
                        yield sentence, _Origin(path, (topic,), place, part.level, persona)


def _level(part: BaseModel) -> Level:
    return part.level if isinstance(part, TopicText) else "everywhere"


def _name(part: Place, path: Path) -> str:
    return ".".join(map(str, part)) or path.stem


def _spot(path: Path, place: Place) -> str:
    return f"{path.name}:{line_of(path, place)}"
