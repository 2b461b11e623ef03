"""Matches the lengths of answers: of several answers to a question, the one nearest to a target.

Organism and control aim at the same target, so their token budgets agree without any filler.
"""

from collections.abc import Sequence

from organisms.datasets.wording import tokens


def nearest(answers: Sequence[str], target: int) -> str:
    """The answer whose number of tokens is nearest to `target`; the first of equals."""
    return min(answers, key=lambda answer: abs(tokens(answer) - target))
