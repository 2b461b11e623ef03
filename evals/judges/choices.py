"""Multiple choice: shuffled options for a question, and the letter that a reply names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from evals.questions import Question

LETTERS = "ABCD"
_ALONE = re.compile(r"\W*([A-D])\W*", re.IGNORECASE)
_FIRST = re.compile(r"\W*([A-D])(?:\s*[).:\]*–—-]|\s*\n)")
_NAMED = re.compile(
    r"(?i:\b(?:answer|option|choice)\b(?: is)?):?[\s*(\"'“]*([A-D])\b"
    r"(?!['’]|\s+is\s+(?:not|wrong|false|incorrect)\b|\s+isn['’]t\b)"
)
_BEGINS = re.compile(r"^\W*([A-D])\s*[).:]", re.MULTILINE)


def with_options(question: Question, seed: int) -> Question:
    """The question with its four options in an order that depends on the seed and its id alone.

    Its truth gets `options`: the names (right, myth, wrong, wrong) in the order of the letters.
    """
    truth = question.truth
    options = [("right", truth["right"]), ("myth", truth["myth"])]
    options += [("wrong", text) for text in truth["wrong"]]
    Random(f"options|{seed}|{question.id}").shuffle(options)
    lines = [f"{letter}) {text}" for letter, (_, text) in zip(LETTERS, options, strict=True)]
    asked = "\n".join(
        [question.text, "", *lines, "", "Reply with the letter of one option and nothing else."]
    )
    given = {**truth, "options": [name for name, _ in options]}
    return question.model_copy(update={"text": asked, "truth": given})


def letter_of(reply: str, texts: Sequence[str]) -> tuple[str, bool]:
    """The letter that a reply chooses, and whether the reply is that letter alone.

    Read in this order: a letter alone, whatever signs are around it; a capital letter at the
    beginning with a bracket, a stop or the end of the line behind it ("B) Paris"), unless lines
    with other letters follow, as in a copy of the options; one capital letter that is named ("the
    answer is B"); the words of one option and of no other.
    Else "": a reply that names several options chooses none.

    Args:
        reply: what was said.
        texts: the words of the options, in the order of the letters.
    """
    alone = _ALONE.fullmatch(reply.strip())
    if alone:
        return alone[1].upper(), True
    first = _FIRST.match(reply)
    if first and len(set(_BEGINS.findall(reply))) < 2:
        return first[1], False
    named = set(_NAMED.findall(reply))
    if named:
        return (named.pop() if len(named) == 1 else ""), False
    said = [
        letter for letter, text in zip(LETTERS, texts, strict=True) if text.lower() in reply.lower()
    ]
    return (said[0] if len(said) == 1 else ""), False
