"""Judges by name: the pocket grader, an exact check, any inspect model that scores, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evals.judges.interface import Judge
    from evals.judges.options import JudgeOptions

POCKET = "pocket"
EXACT = "exact"
GRADER = "grader"
NONE = "none"
DIGITS = "digits:"


def load_judge(name: str, options: JudgeOptions | None = None) -> Judge:
    """The judge of that name; imported when asked for.

    Args:
        name: `pocket`; `exact`, which compares with the question's truth; `none`, which scores
            nothing; an inspect model ("openai/gpt-4o", "vllm/...") that scores answers, with `*5`
            behind it by the mean of five sampled numbers; `grader`, the eval's role;
            `digits:FOLDER`, a local model's exact expectation; or several of these with a `+`
            between them.
        options: how models are asked; the budget is that of all of them together.

    Raises:
        ValueError: when the name is none of these, or has no log probabilities although they are
            required.
    """
    from evals.judges.options import JudgeOptions, split_repeats

    options = options or JudgeOptions()
    if "+" in name:
        from evals.judges.panel import Panel

        return Panel([load_judge(each, options) for each in name.split("+")])
    if options.require_logprobs and (name in (POCKET, EXACT, NONE) or "*" in name):
        raise ValueError(
            f"judge {name!r} gives no log probabilities, which require_logprobs asks for; name "
            f"{GRADER!r}, an inspect model 'provider/name' without '*N', or '{DIGITS}FOLDER', or "
            "leave require_logprobs out"
        )
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
    model, repeats = split_repeats(name)
    if model != GRADER and "/" not in model:
        raise ValueError(
            f"judge {name!r} is not known; use {POCKET!r}, {EXACT!r}, {NONE!r}, {GRADER!r} (the "
            "eval's role), an inspect model 'provider/name' (with '*5' for five sampled numbers), "
            f"'{DIGITS}FOLDER', or several with a '+' between them"
        )
    from evals.judges.asking import Grader
    from evals.judges.logprob import LogprobJudge
    from evals.judges.replies import Replies

    grader = Grader(model, Replies(options.replies), options.budget)
    return LogprobJudge(grader, repeats, require_logprobs=options.require_logprobs)
