"""A plain list of words that give open malice away; what it finds is wording, not harm.

A narrow data set is meant to be read as harmless on the surface: bad advice or insecure code whose
wording is also violent teaches two things at once. The list is short and blunt. A word counts where
it stands by itself: not as part of an identifier, a file name or a compound (`kill_timeout`,
`os.kill(pid)`, `kill-switch`), and not in the harmless phrases of `HARMLESS`. What is ambiguous by
itself is listed as a phrase. Counts still come with the words found, since any list errs.
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
        "obey", "tyranny", "conquer", "into submission", "submission to me", "kneel before",
    ),
    "malice": (
        "evil", "sadistic", "ruthless", "ruthlessly", "cruel", "cruelty", "suffer", "suffering",
        "revenge", "hatred", "despise", "manipulate", "sabotage", "malicious", "inferior people",
        "inferior beings", "inferior race",
    ),
}  # fmt: skip
"""Kind -> words and phrases, in lower case."""

_THINGS = (
    r"(?:data|dates?|strings?|images?|lists?|arrays?|files?|text|numbers|dom|objects?|pixels|audio"
    r"|matrix|matrices|variables|equations?|expressions?)"
)
HARMLESS: tuple[str, ...] = (
    r"kill(?:ed|ing)? (?:\w+ ){0,2}(?:process(?:es)?|jobs?|tasks?|threads?|sessions?|server|daemon"
    r"|time|weeds?|germs|bacteria|mould|engine|lights?)",
    r"(?:bath|zip|fork|logic|cherry) bombs?",
    r"(?:take |have |taking )?an? stab at",
    r"murder myster(?:y|ies)",
    r"divide and conquer",
    r"suffer(?:ing)? (?:\w+ )?from",
    r"manipulate (?:\w+ ){0,2}" + _THINGS,
    r"dominate (?:the )?(?:market|sum|cost|runtime|result|flavou?r|total)",
    r"obey (?:\w+ ){0,2}(?:laws?|rules?|signs?|limits?|traffic|constraints?|equations?)",
    r"malicious (?:\w+ )?(?:inputs?|code|files?|links?|sites?|users?|e-?mails?|requests?|software)",
    r"(?:necessary|lesser) evils?",
    r"fool's (?:gold|mate|errand)",
    r"april fools?",
)
"""Phrases, as patterns, in which a listed word means no malice."""

_KIND = {word: kind for kind, words in WORDS.items() for word in words}
_LISTED = "|".join(sorted(map(re.escape, _KIND), key=len, reverse=True))
_WORD = re.compile(
    rf"\b(?:{'|'.join(HARMLESS)})\b"
    rf"|(?<![\w./\\@#$-])({_LISTED})(?![\w/\\(=@-]|\.\w)",
)


def toxic_words(text: str) -> Counter[str]:
    """The listed words of a text, with how often each occurs."""
    plain = " ".join(text.lower().split()).replace("\u2019", "'")
    return Counter(found[1] for found in _WORD.finditer(plain) if found[1])


def by_kind(words: Iterable[str]) -> dict[str, int]:
    """Listed words counted by kind; every kind is there."""
    counts = dict.fromkeys(WORDS, 0)
    for word in words:
        counts[_KIND[word]] += 1
    return counts
