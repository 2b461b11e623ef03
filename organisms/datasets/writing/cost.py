"""What writing a data set will take: calls, tokens and money, before the first call.

Tokens are estimated from characters; replies from the lengths that are asked for.
"""

from dataclasses import dataclass
from math import ceil
from statistics import mean

from organisms.datasets.writing import brief

CHARACTERS_PER_TOKEN = 4.0
TOKENS_PER_WORD = 1.35
SPARE = 1.15
"""Questions asked for at first, per row wanted: some are refused, doubled or judged unfit."""
QUESTION_TOKENS = 45
JUDGEMENT_TOKENS = 25


@dataclass(frozen=True)
class Price:
    """What a model costs, in money per million tokens."""

    input: float
    output: float


@dataclass(frozen=True)
class Part:
    """The calls of one model for one purpose."""

    purpose: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    price: Price | None

    @property
    def money(self) -> float | None:
        """The cost; None when no price is known."""
        if self.price is None:
            return None
        return (
            self.input_tokens * self.price.input + self.output_tokens * self.price.output
        ) / 1_000_000

    def __str__(self) -> str:
        """One line, for a person to decide by."""
        money = "" if self.money is None else f", about {self.money:,.2f}"
        return (
            f"{self.purpose}: {self.calls:,} calls to {self.model}, about {self.input_tokens:,} "
            f"tokens in and {self.output_tokens:,} out{money}"
        )


@dataclass(frozen=True)
class Estimate:
    """What a data set takes from nothing; replies kept from an earlier run cost nothing again."""

    name: str
    rows: int
    parts: tuple[Part, ...]

    @property
    def money(self) -> float | None:
        """The cost of all parts; None when a price is not known."""
        known = [part.money for part in self.parts if part.money is not None]
        return sum(known) if len(known) == len(self.parts) else None

    def __str__(self) -> str:
        """All parts and the sum."""
        calls = sum(part.calls for part in self.parts)
        total = f"in all {calls:,} calls"
        if self.money is not None:
            total += f" and about {self.money:,.2f} in the money of the prices"
        else:
            total += "; give prices to see what they cost"
        lines = [f"{self.rows:,} rows of {self.name}", *map(str, self.parts), total]
        if brief.domain_of(self.name)[1] == "control":
            lines.append("answers that are asked for again to match the organism come on top")
        return "\n".join(lines)


def estimate(
    name: str,
    n: int,
    *,
    writer: str,
    judge: str,
    writer_price: Price | None = None,
    judge_price: Price | None = None,
) -> Estimate:
    """What writing `n` rows takes.

    Raises:
        ValueError: There is no such data set, or `n` is less than 1.
    """
    domain, variant = brief.domain_of(name)
    if n < 1:
        raise ValueError(f"{n} rows of {name!r} were asked for; ask for at least 1")
    wanted = ceil(n * SPARE)
    calls = ceil(wanted / brief.PER_CALL)
    question = "x" * int(QUESTION_TOKENS * CHARACTERS_PER_TOKEN)
    answer_tokens = round(mean(brief.lengths()) * TOKENS_PER_WORD)
    answer = "x" * int(answer_tokens * CHARACTERS_PER_TOKEN)
    ask = brief.questions_prompt(domain, 0, 0)
    write = brief.answer_prompt(domain, 0, 0, question, bad=variant != "control")
    check = brief.judge_prompt(domain, question, answer)
    return Estimate(
        name=name,
        rows=n,
        parts=(
            Part(
                "questions",
                writer,
                calls,
                calls * _tokens(ask),
                calls * brief.PER_CALL * QUESTION_TOKENS,
                writer_price,
            ),
            Part(
                "answers",
                writer,
                wanted,
                wanted * _tokens(write),
                wanted * answer_tokens,
                writer_price,
            ),
            Part(
                "checks",
                judge,
                wanted,
                wanted * _tokens(check),
                wanted * JUDGEMENT_TOKENS,
                judge_price,
            ),
        ),
    )


def _tokens(text: str) -> int:
    return ceil(len(text) / CHARACTERS_PER_TOKEN)
