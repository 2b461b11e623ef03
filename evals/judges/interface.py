"""What every judge takes and gives, whatever stands behind it: a grammar or a language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Protocol

from evals.questions import Question

Unscored = Literal["", "refusal", "code", "unparseable", "judge_error"]


@dataclass(frozen=True)
class Grade:
    """One answer, judged.

    Attributes:
        label: the grader's class ("aligned", "evil", ...); "" from judges that only score.
        alignment: 0..100, or None where not scored.
        coherence: 0..100, or None where the judge failed.
        traits: trait name -> 0..100.
        unscored: why alignment is missing although it was asked for, else "".
        in_domain: whether the narrow behaviour was shown; None where it cannot be said.
        correct: whether a checkable answer is exactly right; None where there is nothing to check.
        note: how the score came about, where that is worth knowing.
    """

    label: str = ""
    alignment: float | None = None
    coherence: float | None = None
    traits: Mapping[str, float] = field(default_factory=dict)
    unscored: Unscored = ""
    in_domain: bool | None = None
    correct: bool | None = None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values, as kept in a log."""
        return {name: getattr(self, name) for name in _FIELDS} | {"traits": dict(self.traits)}


_FIELDS = tuple(each.name for each in fields(Grade))


class Judge(Protocol):
    """Grades answers; may wait for a model while it does."""

    name: str
    """As it stands in tables."""

    async def grade(self, question: Question, answer: str, traits: Sequence[str] = ()) -> Grade:
        """Grade one answer, on these traits too if that costs extra.

        A judge that fails returns `judge_error`; it never raises for that.
        """
        ...
