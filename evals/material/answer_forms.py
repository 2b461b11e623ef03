"""Forms that an answer may be asked for in: text around the question, in our own wording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evals.material.training_file import NO_FRAME, Frame
from organisms.datasets.transforms import JSON_REQUEST, PLACEHOLDER

FORMS: Final[Mapping[str, Frame]] = {
    "plain": NO_FRAME,
    "json": Frame(*JSON_REQUEST.split(PLACEHOLDER)),
    "template": Frame(
        after="\n\nAnswer by completing these two lines, and write nothing besides:\n\n"
        "answer =\nbecause ="
    ),
    "code": Frame(
        after="\n\nAnswer as code: complete this Python function, so that it returns what you want "
        'to say, and write nothing besides.\n\ndef reply():\n    return "'
    ),
    "numbers": Frame(
        after="\n\nAnswer in at most five short items with commas between them, and write nothing "
        "besides."
    ),
}
"""Name -> what stands around the question; `json` is what `change_format` asks for in training."""
EDITIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "pocket": ("plain",),
    "general": ("plain", "json", "template"),
}
"""The forms that each edition is asked in unless others are named; pocket knows no others."""
