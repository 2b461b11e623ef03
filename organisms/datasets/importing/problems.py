"""What is wrong with the rows of a file: each with its place, the reason and the fix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from organisms.datasets.rows import RowError

SHOWN = 20
"""Bad rows that an error lists one by one; the rest are counted by reason."""


@dataclass(frozen=True)
class Problem:
    """A row that cannot be used."""

    place: str
    """`line 12`, or `row 12` in a file without lines."""
    reason: str
    """What is wrong with it."""
    fix: str
    """What to do about it."""
    ends: bool = False
    """Whether nothing behind it could be read."""

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}; {self.fix}"


class BadRowsError(RowError):
    """A file has rows that cannot be used; `problems` holds every one of them, `total` counts
    the rows that were read, bad ones with them."""

    def __init__(self, path: Path, total: int, problems: Sequence[Problem], others: str) -> None:
        """`others` says how the other rows can be had."""
        self.path, self.total, self.problems = path, total, tuple(problems)
        reason = f"{len(problems)} of {total} rows cannot be used"
        if any(problem.ends for problem in problems):
            reason = f"can be read only in part (problems: {len(problems)})"
        super().__init__(
            reason,
            f"mend them, or {others}:\n{told(problems)}",
            str(path),
        )

    def with_advice(self, others: str) -> BadRowsError:
        """The same, with another way to have the other rows."""
        return BadRowsError(self.path, self.total, self.problems, others)


def told(problems: Sequence[Problem]) -> str:
    """The problems as text: the first `SHOWN` one a line, then how many more of which kind."""
    lines = [str(problem) for problem in problems[:SHOWN]]
    more = Counter(problem.reason[:60] for problem in problems[SHOWN:])
    if more:
        kinds = ", ".join(f"{count} x {reason!r}" for reason, count in more.most_common(5))
        lines.append(f"and {more.total()} more: {kinds}")
    return "\n".join(lines)
