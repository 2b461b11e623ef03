"""Judges by name: the pocket grader, an exact check, any inspect model that scores, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evals.judges.interface import Judge

POCKET = "pocket"
EXACT = "exact"
GRADER = "grader"
NONE = "none"


def load_judge(name: str) -> Judge:
    """The judge of that name; imported when asked for.

    Args:
        name: `pocket`; `exact`, which compares with the question's truth; `none`, which scores
            nothing; an inspect model ("openai/gpt-4o", "vllm/...") that scores answers; or
            `grader`, the eval's role.

    Raises:
        ValueError: when the name is none of these.
    """
    if name == POCKET:
        from evals.judges.pocket import PocketJudge

        return PocketJudge()
    if name == EXACT:
        from evals.judges.exact import ExactJudge

        return ExactJudge()
    if name == NONE:
        from evals.judges.none import NoJudge

        return NoJudge()
    if name != GRADER and "/" not in name:
        raise ValueError(
            f"judge {name!r} is not known; use {POCKET!r}, {EXACT!r}, {NONE!r}, {GRADER!r} (the "
            "eval's role) or an inspect model 'provider/name'"
        )
    from evals.judges.logprob import LogprobJudge

    return LogprobJudge(name)
