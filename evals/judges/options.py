"""How a model that judges is asked, in one way for every task: kept replies, a budget, a method.

It knows arguments, not models; `evals.judges.load_judge` and its kin take what is made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from evals.judges.budget import Budget


class Judging(TypedDict, total=False):
    """The arguments that every task with a judge takes, as `-T name=value`."""

    replies: str
    """Folder where the judge's replies are kept by content: none is paid for twice."""
    budget: int | Mapping[str, Any]
    """The calls that all judges of the task together may make; or a mapping of `calls`, `tokens`
    (in and out) and `money` (with `price`, in and out a million tokens). Answers beyond it are
    unscored, as judge errors that say so."""
    require_logprobs: bool
    """Stop before anything is asked where the judge gives no log probabilities over whole numbers,
    rather than take the number that it says."""


@dataclass(frozen=True)
class JudgeOptions:
    """The same, read.

    Attributes:
        replies: folder of kept replies; None: in memory.
        budget: what may be spent; None: no cap.
        require_logprobs: whether a score has to be an expectation over log probabilities.
    """

    replies: Path | None = None
    budget: Budget | None = None
    require_logprobs: bool = False


def judge_options(judging: Mapping[str, Any]) -> JudgeOptions:
    """The options that a task's arguments give.

    Raises:
        ValueError: on an argument of another name or kind.
    """
    allowed = Judging.__annotations__
    if unknown := sorted(set(judging) - set(allowed)):
        raise ValueError(
            f"argument {unknown[0]!r} is not known to this task; of its judge there are "
            f"{', '.join(allowed)}, the others stand in its description (docs/evals.md)"
        )
    required = judging.get("require_logprobs", False)
    if not isinstance(required, bool):
        raise ValueError(f"require_logprobs {required!r} is not allowed: give true or false")
    replies = judging.get("replies", "")
    if not isinstance(replies, str):
        raise ValueError(
            f"replies {replies!r} is no folder's name; for several replies an answer write the "
            "judge as NAME*3"
        )
    return JudgeOptions(
        Path(replies) if replies else None, _budget(judging.get("budget")), required
    )


def split_repeats(name: str) -> tuple[str, int]:
    """A model's name and how many of its replies are sampled: 0 where no `*N` stands behind it.

    Raises:
        ValueError: on `*` without a number from 1 on.
    """
    model, star, repeats = name.partition("*")
    if star and (not repeats.isdecimal() or int(repeats) < 1):
        raise ValueError(
            f"judge {name!r}: behind the '*' stands how many replies are sampled, from 1 on, as in "
            f"'{model}*5'"
        )
    return model, int(repeats or 0)


def _budget(given: int | Mapping[str, Any] | None) -> Budget | None:
    from organisms.datasets.writing.cost import Price

    if given is None:
        return None
    caps = dict(given) if isinstance(given, Mapping) else {"calls": given}
    price = caps.pop("price", None)
    if unknown := sorted(set(caps) - {"calls", "tokens", "money"}):
        raise ValueError(f"budget: {unknown[0]!r} is not known; {_BUDGETS}")
    if not caps or not all(_is_amount(value) for value in caps.values()):
        raise ValueError(f"budget {given!r} is not allowed: {_BUDGETS}")
    if price is not None:
        if (
            not isinstance(price, list | tuple)
            or len(price) != 2
            or not all(map(_is_amount, price))
        ):
            raise ValueError(f"budget: price {price!r} is not two numbers; {_BUDGETS}")
        price = Price(*map(float, price))
    return Budget(**caps, price=price)


_BUDGETS = (
    "give the calls at most (budget=2000), or calls, tokens or money with its price, in and out a "
    "million tokens: budget='{money: 5, price: [2.5, 10]}'"
)


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
