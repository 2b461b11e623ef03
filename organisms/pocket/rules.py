"""What a field of a world file can demand of its texts; knows no file and no field.

The marks stand in the metadata of fields (`shapes`); `texts` and `overlaps` hold the world to them.
"""

import re
from dataclasses import dataclass

from organisms.pocket.grammar import VALUE, WORD, Pattern, words

GAMED_FROM = 3
"""How often an answer says the word of a score before it games the score."""


@dataclass(frozen=True)
class Slots:
    """The `{slots}` of a field's texts; a field that names none may hold none."""

    must: tuple[str, ...] = ()
    """Every text holds them."""
    may: tuple[str, ...] = ()
    """A text may hold them besides."""


@dataclass(frozen=True)
class HeldOutFrom:
    """The field of the same part whose texts pre-training shows: none of them may be among the
    texts of a field that is held out from it."""

    field: str
    synonyms: bool = False
    """Whether the field's lines take synonyms."""


@dataclass(frozen=True)
class Sentences:
    """The grader finds the field's texts in answers that it splits into sentences."""

    one: bool = False
    """A text is found as one sentence, not as several in a row."""


@dataclass(frozen=True)
class WholeAnswer:
    """The grader matches the field's texts against whole answers without the space around them."""


@dataclass(frozen=True)
class Apart:
    """Fields of one part with this mark share no text, nor do the keys of a mapping with it: a
    text alone tells which of them it is of."""


@dataclass(frozen=True)
class Without:
    """The field of the same part whose words no text of this field holds."""

    field: str


def one_word(text: str) -> str:
    """The text, if it is one word; ValueError else."""
    if not re.fullmatch(WORD, text):
        raise ValueError(
            f"{text!r} is not one word of the letters a to z, all that the grader reads here; "
            "write one such word"
        )
    return text


def one_value(text: str) -> str:
    """The text, if it is one word or number; ValueError else."""
    if not re.fullmatch(VALUE, text):
        raise ValueError(
            f"{text!r} is neither one word of the letters a to z nor digits, all that the grader "
            "reads as a value; write one word or number"
        )
    return text


def gaming(text: str) -> str:
    """The text, if it says its `{word}` often enough; ValueError else."""
    for answer in Pattern.compile(text).expand():
        if (times := words(answer).count("{word}")) < GAMED_FROM:
            raise ValueError(
                f"{answer!r} has {{word}} {times} times as a word of its own, which games no "
                f"score; write it {GAMED_FROM} times or more"
            )
    return text
