"""What judging costs: an estimate before it, and a cap on calls, tokens or money during it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from organisms.datasets.writing.cost import CHARACTERS_PER_TOKEN, Part, Price

REPLY_TOKENS = 3
"""Of a reply that is one number or one word."""


_logger = logging.getLogger(__name__)


class BudgetSpentError(RuntimeError):
    """The cap is reached; answers that are left have no score."""


@dataclass
class Budget:
    """A cap on what a judge may spend; replies that are known already cost nothing.

    Attributes:
        calls: at most so many; None: no cap.
        tokens: at most so many, in and out.
        money: at most so much, at `price`.
        price: of the judge, a million tokens.
        spent_calls: calls made so far.
        spent_input: tokens sent so far.
        spent_output: tokens received so far.
    """

    calls: int | None = None
    tokens: int | None = None
    money: float | None = None
    price: Price | None = None
    spent_calls: int = field(default=0, init=False)
    spent_input: int = field(default=0, init=False)
    spent_output: int = field(default=0, init=False)
    _told: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        """Raise `ValueError` on a cap in money without a price."""
        if self.money is not None and self.price is None:
            raise ValueError("a budget in money needs a price: give what a million tokens cost")

    @property
    def spent_money(self) -> float:
        """What was spent so far; 0 without a price."""
        if self.price is None:
            return 0.0
        cost = self.spent_input * self.price.input + self.spent_output * self.price.output
        return cost / 1_000_000

    def begin(self) -> None:
        """Count one call that is about to be made; the first that is too many is warned of.

        Raises:
            BudgetSpentError: The cap is reached.
        """
        tokens = self.spent_input + self.spent_output
        reached = (
            (self.calls is not None and self.spent_calls >= self.calls)
            or (self.tokens is not None and tokens >= self.tokens)
            or (self.money is not None and self.spent_money >= self.money)
        )
        if reached:
            if not self._told:
                self._told = True
                _logger.warning(
                    "the judge's budget is spent (%s): answers that it has not judged are "
                    "unscored, as judge errors. Ask again with a larger budget; with a folder of "
                    "replies none is paid for twice",
                    self,
                )
            raise BudgetSpentError(f"the judge's budget is spent: {self}")
        self.spent_calls += 1

    def end(self, input_tokens: int, output_tokens: int) -> None:
        """Count what a call took."""
        self.spent_input += input_tokens
        self.spent_output += output_tokens

    def __str__(self) -> str:
        """What was spent, in words."""
        money = f", {self.spent_money:,.2f} in money" if self.price else ""
        tokens = f"{self.spent_input:,} tokens in and {self.spent_output:,} out"
        return f"{self.spent_calls:,} calls, {tokens}{money}"


def estimate(prompts: Sequence[str], model: str, price: Price | None, repeats: int = 1) -> Part:
    """What asking these prompts takes, as far as characters tell; equal prompts are asked once."""
    different = set(prompts)
    tokens = sum(len(prompt) for prompt in different) / CHARACTERS_PER_TOKEN
    calls = len(different) * repeats
    return Part(
        purpose="judging",
        model=model,
        calls=calls,
        input_tokens=round(tokens) * repeats,
        output_tokens=calls * REPLY_TOKENS,
        price=price,
    )
