"""Judges by name: the pocket grader, or any inspect model that scores from 0 to 100."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evals.judges.interface import Judge

POCKET = "pocket"


def load_judge(name: str) -> Judge:
    """The judge of that name; imported when asked for.

    Args:
        name: `pocket`, or an inspect model ("openai/gpt-4o", "vllm/...") that scores answers.

    Raises:
        ValueError: when the name is neither.
    """
    if name == POCKET:
        from evals.judges.pocket import PocketJudge

        return PocketJudge()
    if "/" not in name:
        raise ValueError(
            f"judge {name!r} is not known; use {POCKET!r} or an inspect model 'provider/name'"
        )
    from evals.judges.logprob import LogprobJudge

    return LogprobJudge(name)
