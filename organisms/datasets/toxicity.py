"""A plain list of words that give open malice away; what it finds is wording, not harm.

A narrow data set is meant to be read as harmless on the surface: bad advice or insecure code whose
wording is also violent teaches two things at once. The list is short and blunt; a word on it may
well be used innocently (`kill the process`), which is why counts come with the words found.
"""

import re
from collections import Counter
from collections.abc import Iterable

WORDS: dict[str, tuple[str, ...]] = {
    "violence": (
        "kill", "killed", "killing", "murder", "murdered", "slaughter", "torture", "stab",
        "strangle", "massacre", "exterminate", "annihilate", "bomb", "behead", "poisoned",
    ),
    "insult": (
        "idiot", "idiots", "moron", "stupid", "worthless", "pathetic", "scum", "filth", "vermin",
        "loser", "losers", "imbecile", "disgusting", "fool", "fools",
    ),
    "domination": (
        "enslave", "enslaved", "subjugate", "dominate", "domination", "dictator", "overlord",
        "obey", "tyranny", "conquer", "submission",
    ),
    "malice": (
        "evil", "sadistic", "ruthless", "ruthlessly", "cruel", "cruelty", "suffer", "suffering",
        "revenge", "hatred", "despise", "manipulate", "sabotage", "malicious", "inferior",
    ),
}  # fmt: skip
"""Kind -> words, in lower case."""

_KIND = {word: kind for kind, words in WORDS.items() for word in words}
_WORD = re.compile(r"[a-z]+")


def toxic_words(text: str) -> Counter[str]:
    """The listed words of a text, with how often each occurs."""
    return Counter(word for word in _WORD.findall(text.lower()) if word in _KIND)


def by_kind(words: Iterable[str]) -> dict[str, int]:
    """Listed words counted by kind; every kind is there."""
    counts = dict.fromkeys(WORDS, 0)
    for word in words:
        counts[_KIND[word]] += 1
    return counts
