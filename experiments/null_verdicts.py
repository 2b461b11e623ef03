"""What a figure must beat, and whether it does: nulls of correlations and of steering, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from experiments.finding import Row, Verdict, number
from experiments.headline import words
from persona_vectors.null_figures import SIGNIFICANT, NullTest, beside_null

NULLS: Mapping[str, str] = {
    "random_covariance": "random directions",
    "permuted": "permuted labels",
    "other_traits": "other traits' vectors",
    "principal_components": "principal components",
    "step": "training step",
    "change_norm": "size of the activation change",
    "update_norm": "size of the weight update",
}
"""What each null of a correlation is called."""


def beats(row: Row) -> bool | None:
    """Whether a correlation beats one null; None where one of them is not known.

    Where enough directions were drawn for p to be able to reach 0.05 it must be at most that; r
    must be beyond every one of fewer directions, and beyond a single figure, whatever their sign.
    """
    r, low, high = (number(row, name) for name in ("r", "null_low", "null_high"))
    if r != r or low != low:
        return None
    if _p_decides(row):
        return number(row, "p") <= SIGNIFICANT
    return r > max(abs(low), abs(high))


def _p_decides(row: Row) -> bool:
    """Whether p is known, and enough directions were drawn for it to be able to reach 0.05."""
    p = number(row, "p")
    return p == p and 1 / (number(row, "draws") + 1) <= SIGNIFICANT


def null_words(row: Row) -> str:
    """What a null is judged by: `p = 0.005`; `of 2` where all of so few directions must be passed;
    nothing of a single figure."""
    draws, p = number(row, "draws"), number(row, "p")
    if _p_decides(row):
        return f"p = {p:.2g}"
    return f"of {draws:.0f}" if draws > 1 and p == p else ""


def beats_all(rows: Sequence[Row]) -> bool:
    """Whether a correlation beats every null that is known, and at least one is."""
    found = [beats(row) for row in rows]
    return False not in found and True in found


def verdict_words(rows: Sequence[Row]) -> str:
    """One sentence over all nulls of a correlation: which of them it does not beat."""
    found = {called(row): beats(row) for row in rows}
    unbeaten = [name for name, beaten in found.items() if beaten is False]
    if unbeaten:
        return f"The vector does not beat: {', '.join(unbeaten)}."
    if not any(found.values()):
        return "No null could be computed."
    return "The vector beats every null."


def called(row: Row) -> str:
    """The null of a row, as prose."""
    return NULLS.get(str(row["null"]), words(str(row["null"])))


def range_words(row: Row) -> str:
    """`[-0.60, 0.62], p = 0.005`; `[0.06, 0.83] of 2` where all of so few must be passed; the
    figure alone where it is a single one."""
    low, high = (number(row, name) for name in ("null_low", "null_high"))
    if low != low:
        return "not run"
    if number(row, "draws") <= 1:
        return f"{low:.2f}"
    ends = f"[{low:.2f}, {high:.2f}]" + ("," if _p_decides(row) else "")
    return f"{ends} {null_words(row)}".rstrip()


def steering_test(rate: float, null: pd.Series, *, away: bool) -> NullTest | None:
    """A steered rate on the report split beside random directions' rates, each in its own chosen
    cell; None without draws. Steering away, less is more."""
    if null.empty or rate != rate:
        return None
    sign = -1.0 if away else 1.0
    found = beside_null(sign * rate, sign * null.to_numpy(dtype="float64"), either_way=False)
    low, high = sorted((sign * found.low, sign * found.high))
    return NullTest(rate, low, high, found.p, found.draws)


def steering_verdict(reached: bool, found: NullTest | None) -> Verdict:
    """Met where the goal is reached and the null beaten; uncertain where it is beyond every draw,
    but those are too few for p to reach 0.05."""
    if not reached or found is None:
        return "not met"
    if found.beaten:
        return "met"
    return "uncertain" if _beyond_too_few(found) else "not met"


def steering_words(found: NullTest | None) -> str:
    """The null's range, p and what follows, as sentences."""
    if found is None:
        return "No random directions were run, so nothing says that it is beyond chance."
    if found.beaten:
        verdict = "The vector beats them."
    elif _beyond_too_few(found):
        verdict = "The vector is beyond all of them, but so few cannot bring p to 0.05."
    else:
        verdict = "The vector does not beat them."
    return (
        f"{found.draws} random directions through the same choosing: {range_percent(found)}, "
        f"p = {found.p:.2g}. {verdict}"
    )


def _beyond_too_few(found: NullTest) -> bool:
    least = 1 / (found.draws + 1)
    return least > SIGNIFICANT and found.p <= least


def range_percent(found: NullTest) -> str:
    """The null's range as percentages."""
    return f"[{100 * found.low:.1f}, {100 * found.high:.1f}]%"
