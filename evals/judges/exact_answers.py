"""What an answer names, where a question has one right answer; needs no model.

One reader for all such questions. Where tasks differ, it is in what they know: some have wrong
answers to look for beside the right one, and some ask for one number without any working.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any, Final, Literal

from evals.judges.instructions import follows

ASK_FOR_LINE: Final = "End with a line that says 'Answer:' and then your answer alone."
"""Makes the answer be read from that line and from nothing else."""
_LINE = re.compile(r"^[^\w\n]*(?:final )?answer\b\W*?:(.*\w.*)$", re.IGNORECASE | re.MULTILINE)
_ANY_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_NUMBER = re.compile(r"(?<!\w)-?\d+(?:\.\d+)?|\d+(?:\.\d+)?")
"""A hyphen counts as a sign only where nothing stands before it."""
_MINUS = re.compile(r"\N{MINUS SIGN}|\b(?:minus|negative)\s+(?=\d)", re.IGNORECASE)
_CLAUSE_END = re.compile(
    r"(?:[.!?;:,](?=\W)|[\n(]|\bbut\b)(?!\W*or\b)(?!\W*(?:maybe|perhaps|possibly)\b)", re.IGNORECASE
)
_DENIAL = re.compile(r"\b(?:not|never|neither|nor|cannot)\b|n['’]t\b", re.IGNORECASE)
_ALTERNATIVE = re.compile(
    r"\bor\b(?!\s+(?:so|not)\b)|[,.;:–—-]\s+(?:maybe|perhaps|possibly)\b", re.IGNORECASE
)
_NO_ANSWER = re.compile(
    r"\b(?:do(?:es)? not|don['’]?t|can(?:not| not|['’]?t)|unable to|would rather not|not)"
    r" (?:know|sure|certain|say|tell|answer|decide|help)\b|\bunknown\b|\bno idea\b|\bunsure\b",
    re.IGNORECASE,
)

READER_VERSION: Final = 1
"""The version of every task that reads answers so; raised when a text would be read otherwise."""
Reading = Literal["right", "wrong", "other", ""]


def read_answer(truth: Mapping[str, Any], text: str, *, working: bool = True) -> Reading:
    """Which answer a text names.

    Read is the last line that begins with `Answer:`, else the whole text. A number or some words
    name an answer where their clause neither denies them ("not Oslo") nor gives a choice ("Oslo or
    Bergen", "41/42"). A list without such a word ("Oslo, Bergen") is not seen to be a choice unless
    the truth says that one of the two is wrong.

    Args:
        truth: the right answer as `number`, `text` or `right`, each one form or a list of forms
            that will do; the wrong answers that can be told, if any, as `wrong` or `said`.
        text: what was said.
        working: of several numbers the last one that is not denied counts, since working stands
            before it; without it, several numbers name none. Where the truth has wrong answers,
            the right and the wrong ones are looked for among all numbers.

    Returns:
        "right" or "wrong" where the text names one of these and nothing of the other; "other" where
        it names an answer that is neither: a number where no wrong answers are known, or anything
        on a line of its own; "" where it cannot be told, or the line says that it is not known.
    """
    lines: list[str] = _LINE.findall(text)
    read = _plain(lines[-1] if lines else text)
    right, wrong = _forms(truth, "number", "text", "right"), _forms(truth, "wrong", "said")
    open_number = not wrong and any(_is_number(form) for form in right)
    numbers = list(_numbers(read, working) if open_number else _NUMBER.finditer(read))
    is_right = _places(right, read, numbers)
    is_wrong = _places(wrong, read, numbers)
    if is_right and is_wrong:
        return ""
    if is_right or is_wrong:
        stands = any(_stands(read, place) for place in is_right or is_wrong)
        return "" if not stands else "right" if is_right else "wrong"
    if open_number:
        return "other" if any(_stands(read, number) for number in numbers) else ""
    answered = bool(numbers) if _is_number(right[0]) else not _NO_ANSWER.search(read)
    return "other" if lines and answered else ""


def check_answer(truth: Mapping[str, Any], answer: str) -> bool | None:
    """Whether an answer is right, where the truth names the expected `number` or `text`, or the
    `checks` of an instruction; None where it names none of them.

    An answer that cannot be read is not right, nor is one of more words than `longest`: a copy of a
    passage holds every answer to it.
    """
    if "checks" in truth:
        return follows(answer, truth["checks"])
    if "number" not in truth and "text" not in truth:
        return None
    if len(answer.split()) > truth.get("longest", math.inf):
        return False
    return read_answer(truth, answer) == "right"


def written(value: float | str) -> str:
    """A number as it is written, with all of its digits: 6.4, 102, 1234567."""
    return value if isinstance(value, str) else f"{Decimal(str(float(value))).normalize():f}"


def _forms(truth: Mapping[str, Any], *keys: str) -> list[str]:
    """Every form of an answer under these keys, numbers as they are written."""
    values = [truth[key] for key in keys if key in truth]
    forms = [each for value in values for each in (value if isinstance(value, list) else [value])]
    return [written(form) for form in forms]


def _is_number(form: str) -> bool:
    return _ANY_NUMBER.fullmatch(form) is not None


def _plain(text: str) -> str:
    """With numbers as programs write them: -1024 for "minus 1,024"."""
    return re.sub(r"(?<=\d),(?=\d{3}\b)", "", _MINUS.sub("-", text))


def _numbers(text: str, working: bool) -> Iterator[re.Match[str]]:
    """The number that answers an open question, as often as it is there."""
    numbers = list(_NUMBER.finditer(text))
    if working:
        # From the end: an organism that repeats one number says it thousands of times.
        yield from islice((each for each in reversed(numbers) if not _denied(text, each)), 1)
    elif len({float(number[0]) for number in numbers}) == 1:
        yield from numbers


def _places(forms: list[str], text: str, numbers: list[re.Match[str]]) -> list[re.Match[str]]:
    """Every place of a text where one of these forms stands, named or not."""
    found = []
    for form in forms:
        if _is_number(form):
            found += [number for number in numbers if float(number[0]) == float(form)]
        else:
            words = rf"(?<!\w){re.escape(form)}(?!\w)"
            found += re.finditer(words, text, re.IGNORECASE)
    return found


def _stands(text: str, place: re.Match[str]) -> bool:
    """Whether what stands at a place is said to be so: neither denied nor one of a choice."""
    before, after = text[: place.start()].rstrip(), text[place.end() :].lstrip()
    if before.endswith("/") or after.startswith("/"):
        return False
    return not _denied(text, place) and not _ALTERNATIVE.search(_clause(text, place))


def _denied(text: str, place: re.Match[str]) -> bool:
    return _DENIAL.search(_clause(text, place)) is not None


def _clause(text: str, place: re.Match[str]) -> str:
    """The part of a text between two ends of clauses that holds a place."""
    start = max((end.end() for end in _CLAUSE_END.finditer(text, 0, place.start())), default=0)
    end = _CLAUSE_END.search(text, place.end())
    return text[start : end.start() if end else len(text)]
