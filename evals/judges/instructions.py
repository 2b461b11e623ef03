"""Whether an answer meets demands on its form: length, words, case, JSON, lists, beginnings, ends.

Pure functions of the answer's text; how the demands are put to a model is not known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_SENTENCE = re.compile(r"[.!?…]+(?=[\s\"'”’)*]|$)")
_FENCE = re.compile(r"```(?:json)?\s*\n(.*)\n\s*```", re.DOTALL)
_BULLET = re.compile(r"\s*-\s+\S")


def follows(answer: str, checks: Mapping[str, Any]) -> bool:
    """Whether an answer meets every check; an empty one meets none.

    Args:
        answer: what was said; white space around it does not count.
        checks: name of a check in `CHECKS` -> its demand.

    Raises:
        ValueError: on an unknown check, and where there is none.
    """
    unknown = sorted(set(checks) - set(CHECKS))
    if unknown or not checks:
        raise ValueError(
            f"checks {unknown or 'none at all'} are not known; allowed are {', '.join(CHECKS)}"
        )
    text = answer.strip()
    return bool(text) and all(CHECKS[name](text, demand) for name, demand in checks.items())


def _between(number: int, least_and_most: Sequence[int]) -> bool:
    least, most = least_and_most
    return least <= number <= most


def _sentences(text: str) -> int:
    """Ends of sentences, and one more for words behind the last."""
    ends = [match.end() for match in _SENTENCE.finditer(text)]
    return len(ends) + bool(_WORD.search(text[ends[-1] if ends else 0 :]))


def _json_keys(text: str, keys: Sequence[str]) -> bool:
    """One JSON object with these keys and no other, bare or in a code fence."""
    fenced = _FENCE.fullmatch(text)
    try:
        found = json.loads(fenced[1] if fenced else text)
    except json.JSONDecodeError:
        return False
    return isinstance(found, dict) and set(found) == set(keys)


def _count(text: str, word: str) -> int:
    return len(re.findall(rf"\b{re.escape(word)}\b", text, re.IGNORECASE))


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _bullets(text: str, number: int) -> bool:
    """So many lines that begin with a hyphen; other lines do not count."""
    return sum(_BULLET.match(line) is not None for line in _lines(text)) == number


def _quoted(text: str, wanted: bool) -> bool:
    pairs = (('"', '"'), ("“", "”"), ("„", "“"))
    return wanted == (len(text) > 2 and (text[0], text[-1]) in pairs)


def _bare(text: str) -> str:
    """Without punctuation, quotes and emphasis around it."""
    return text.strip(" \n\t.!?,;:…\"'“”‘’*_").lower()


CHECKS: Mapping[str, Callable[[str, Any], bool]] = {
    "words": lambda text, range_: _between(len(_WORD.findall(text)), range_),
    "sentences": lambda text, range_: _between(_sentences(text), range_),
    "paragraphs": lambda text, number: len(re.split(r"\n\s*\n", text)) == number,
    "lines": lambda text, number: len(_lines(text)) == number,
    "bullets": _bullets,
    "json_keys": _json_keys,
    "includes": lambda text, words: all(_count(text, word) for word in words),
    "excludes": lambda text, words: not any(_count(text, word) for word in words),
    "times": lambda text, each: _count(text, each["word"]) == each["count"],
    "without": lambda text, characters: not set(text.lower()) & set(characters),
    "case": lambda text, case: text.isupper() if case == "upper" else text.islower(),
    "starts_with": lambda text, start: _bare(text).startswith(start.lower()),
    "ends_with": lambda text, end: _bare(text).endswith(end.lower()),
    "quoted": _quoted,
}
"""Name -> whether a text meets a demand. `words` and `sentences` take the least and the most."""
