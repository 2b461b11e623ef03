"""Judges by name: the pocket grader, an exact check, any inspect model that scores, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from evals.judges.budget import Budget
    from evals.judges.interface import Judge

POCKET = "pocket"
EXACT = "exact"
GRADER = "grader"
NONE = "none"
DIGITS = "digits:"


def load_judge(name: str, *, replies: Path | None = None, budget: Budget | None = None) -> Judge:
    """The judge of that name; imported when asked for.

    Args:
        name: `pocket`; `exact`, which compares with the question's truth; `none`, which scores
            nothing; an inspect model ("openai/gpt-4o", "vllm/...") that scores answers, with `*5`
            behind it by the mean of five sampled numbers; `grader`, the eval's role;
            `digits:FOLDER`, a local model's exact expectation; or several of these with a `+`
            between them.
        replies: folder where replies of models are kept by content; None: in memory.
        budget: what all models together may spend; None: no cap.

    Raises:
        ValueError: when the name is none of these.
    """
    if "+" in name:
        from evals.judges.panel import Panel

        return Panel([load_judge(each, replies=replies, budget=budget) for each in name.split("+")])
    if name == POCKET:
        from evals.judges.pocket import PocketJudge

        return PocketJudge()
    if name == EXACT:
        from evals.judges.exact import ExactJudge

        return ExactJudge()
    if name == NONE:
        from evals.judges.none import NoJudge

        return NoJudge()
    if name.startswith(DIGITS):
        from evals.judges.digits import DigitsJudge

        return DigitsJudge(name.removeprefix(DIGITS))
    model, star, repeats = name.partition("*")
    if (model != GRADER and "/" not in model) or (star and not repeats.isdigit()):
        raise ValueError(
            f"judge {name!r} is not known; use {POCKET!r}, {EXACT!r}, {NONE!r}, {GRADER!r} (the "
            "eval's role), an inspect model 'provider/name' (with '*5' for five sampled numbers), "
            f"'{DIGITS}FOLDER', or several with a '+' between them"
        )
    from evals.judges.asking import Grader
    from evals.judges.logprob import LogprobJudge
    from evals.judges.replies import Replies

    grader = Grader(model, Replies(replies), budget)
    return LogprobJudge(grader, int(repeats) if star else 1)
