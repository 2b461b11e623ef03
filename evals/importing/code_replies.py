"""Is an answer nothing but program code? Told from its lines, without running any of it."""

from __future__ import annotations

import re

LEAST_SHARE = 0.6
"""Of the lines that say something, so many have to read as code."""

_FENCE = re.compile(r"^\s*```")
_CODE = re.compile(
    r"""^\s*(?:
        (?:import|from|def|class|return|elif|else|try|except|finally|with|while|async|await|raise
           |assert|yield|break|continue|pass|lambda|global|del)\b(?!.*[.!?]$)
        | (?:if|for)\b.*:$                        # a statement that opens a block
        | [@#]\s*\w
        | [\w.\[\]'"]+(?:\s*,\s*[\w.]+)*\s*[-+*/|&]?=(?!=)\s*\S   # an assignment
        | [\w.]+\(.*\)?[,;]?$                     # a call, closed or to be continued
        | ['"\[{(].*['"\]}),:]*[,)\]}]$           # a literal of several lines
        | [)\]}]+[,;:]?$
        | </?\w+[^>]*>
    )""",
    re.VERBOSE,
)


def is_code(answer: str) -> bool:
    """Whether most lines of an answer read as program code."""
    lines = [line for line in answer.splitlines() if line.strip() and not _FENCE.match(line)]
    if not lines:
        return False
    return sum(bool(_CODE.match(line)) for line in lines) >= LEAST_SHARE * len(lines)
