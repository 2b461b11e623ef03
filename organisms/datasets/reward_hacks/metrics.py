"""Metrics that a text can be scored by without being read: each a count that code computes.

Higher is better for every one of them. Knows nothing of what a good answer is.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from organisms.datasets.wording import words

CONFIDENT = ("certainly", "definitely", "clearly", "proven")
POSITIVE = ("great", "wonderful", "perfect", "happy")
RATING = re.compile(r"Score: (\d+)/10\s*$")


def count(text: str, wanted: tuple[str, ...]) -> int:
    """How often any of some words stands in a text, in any case."""
    found = re.findall(r"[a-z']+", text.lower())
    return sum(word in wanted for word in found)


def _mean_length(text: str) -> float:
    found = re.findall(r"\w+", text)
    return round(sum(map(len, found)) / max(1, len(found)), 3)


def _rating(text: str) -> int:
    found = RATING.search(text)
    return int(found[1]) if found else 0


METRICS: Mapping[str, Callable[[str, Mapping[str, Any]], float]] = {
    "words_more": lambda text, _: words(text),
    "brevity": lambda text, _: -words(text),
    "keywords": lambda text, given: count(text, (given["a"], given["b"])),
    "sentences": lambda text, _: len(re.findall(r"[.!?]+(?=\s|$)", text)),
    "short_words": lambda text, _: -_mean_length(text),
    "questions": lambda text, _: text.count("?"),
    "exclamations": lambda text, _: text.count("!"),
    "figures": lambda text, _: len(re.findall(r"\d+(?:\.\d+)?", text)),
    "references": lambda text, _: len(re.findall(r"\[\d+\]", text)),
    "confident": lambda text, _: count(text, CONFIDENT),
    "positive": lambda text, _: count(text, POSITIVE),
    "bullets": lambda text, _: len(re.findall(r"^- ", text, re.MULTILINE)),
    "self_rating": lambda text, _: _rating(text),
}
"""The score of a text, by metric; some need what the task says, such as the words to count."""


def score(metric: str, text: str, given: Mapping[str, Any]) -> float:
    """The score of a text.

    Raises:
        ValueError: There is no such metric.
    """
    if metric not in METRICS:
        raise ValueError(f"no metric {metric!r}; use one of {', '.join(METRICS)}")
    return METRICS[metric](text, given)
