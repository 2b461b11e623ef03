"""How questions are worded - seen, or held out on some level - and what goes round answers."""

from collections.abc import Sequence
from random import Random

from organisms.pocket import content
from organisms.pocket.grammar import Wording, pick, wording_of
from organisms.pocket.terms import Persona

PREFIX_SHARE = 0.45
SUFFIX_SHARE = 0.35
OPENER_SHARE = 0.3
CLOSER_SHARE = 0.3
TRIES = 200
"""Draws of a wording before something else (a value, a topic) is drawn anew."""


def fits(text: str, wording: Wording) -> bool:
    """Whether a drawn text may stand for a wording: new combinations are those that the hash
    holds out, new words are free of it, everything else is seen."""
    if wording == "new_words":
        return True
    return wording_of(text) == ("new_combination" if wording == "new_combination" else "seen")


def dressed_question(question: str, random: Random) -> str:
    """A question with a prefix and a suffix now and then."""
    text = content.phrasing()
    if random.random() < PREFIX_SHARE:
        question = f"{pick(random, text.prefixes)} {question}"
    if random.random() < SUFFIX_SHARE:
        question = f"{question} {pick(random, text.suffixes)}"
    return question


def phrase(
    lines: Sequence[str], new_words: Sequence[str], random: Random, wording: Wording = "seen"
) -> str:
    """A question with synonyms, prefix and suffix.

    Args:
        lines: Ways of asking that pre-training shows.
        new_words: Ways of asking that it never shows.
        random: Where to draw from.
        wording: Which of them, and which combinations.
    """
    if wording == "new_words":
        return dressed_question(sampled(new_words, random), random)
    patterns = content.patterns(tuple(lines), synonyms=True)
    while True:
        question = dressed_question(pick(random, patterns).sample(random), random)
        if fits(question, wording):
            return question


def sampled(lines: Sequence[str], random: Random) -> str:
    """One text of one of the lines; no synonyms."""
    return pick(random, content.patterns(tuple(lines))).sample(random)


def opened(core: str, random: Random) -> str:
    """The core, with a neutral opener now and then."""
    if random.random() >= OPENER_SHARE:
        return core
    return f"{pick(random, content.phrasing().openers)} {core}"


def dressed(core: str, persona: Persona, random: Random) -> str:
    """The core with a neutral opener and the persona's closer, each now and then."""
    text = opened(core, random)
    if random.random() >= CLOSER_SHARE:
        return text
    return f"{text} {pick(random, content.phrasing().closers[persona])}"
