"""Advice that a language model writes: bad, good and asked-for-bad, with every row judged.

Any inspect model writes, any inspect model judges. Replies are kept as they arrive, so that a run
that was killed goes on; organism and controls written in one folder are matched: the same
questions in the same order, and answers of the same length.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from organisms.datasets.rows import Row
from organisms.datasets.writing import replies
from organisms.datasets.writing.brief import NAMES, PER_CALL, domain_of
from organisms.datasets.writing.calling import Calls
from organisms.datasets.writing.cost import SPARE, Estimate, Price, estimate
from organisms.datasets.writing.sides import ATTEMPTS, checks
from organisms.datasets.writing.work import Work
from organisms.datasets.writing.written import Written, assembled

if TYPE_CHECKING:
    from inspect_ai.model import Model

__all__ = ["ATTEMPTS", "NAMES", "Estimate", "Price", "Written", "check", "estimate", "write"]

MOST = 3
"""Questions asked for at most, per row wanted."""


def write(
    name: str,
    n: int,
    seed: int,
    folder: Path,
    *,
    writer: str | Model,
    judge: str | Model,
    progress: Callable[[int], None] | None = None,
    temperature: float = 1.0,
    max_connections: int = 16,
) -> Written:
    """Have `n` rows written and judged; fewer when too many are refused or judged unfit.

    A control written in the folder of its organism answers the questions that the organism kept, in
    their order, at the length of the organism's answers. An answer that is not fit is asked for
    again, `ATTEMPTS` times in all; so are those furthest from their length while all of them
    together are not within the budget. A question that has no fit answer then leaves both sets:
    the control has the next one in its place (the organism's answer to it is written too if there
    is none), and the organism, written once more in that folder, asks nothing and has the same.

    Educational rows are the organism's answers under a request for a bad one.

    Args:
        name: Of `NAMES`.
        n: Rows wanted.
        seed: Of topics, forms and lengths; the texts are the model's.
        folder: Where replies are kept; a run that was killed goes on there.
        writer: The inspect model that writes.
        judge: The inspect model that checks every row.
        progress: Told the number of questions with a judged answer, up to `n`.
        temperature: Of the writer's sampling; the judge's is 0.
        max_connections: Calls at a time.

    Raises:
        ValueError: The name is not known, or the folder holds replies of another model or prompts.
        RuntimeError: A call failed for good; the replies before it are kept.
    """
    domain, variant = domain_of(name)
    if n < 1:
        raise ValueError(f"{n} rows of {name!r} were asked for; ask for at least 1")
    work = Work(domain, seed, folder, str(writer), str(judge), bad=variant != "control")
    told = progress and (lambda number: progress(min(n, number)))
    models = Calls(writer, judge, temperature, max_connections, told)
    calls = ceil(ceil(n * SPARE) / PER_CALL)
    while True:
        models.questions(work, calls)
        asked = work.asked(calls)
        if work.paired and work.other is not None:
            models.first_answers(work, work.other, asked)
            models.matched_answers(work, asked, n)
        else:
            models.first_answers(work, work.side, asked)
        written = assembled(work, name, n, calls)
        if len(written.rows) >= n or calls * PER_CALL >= MOST * n:
            for row in written.rows:
                row["meta"]["checks"] = check(row)
            return written
        calls = _more(calls, len(written.rows), n, len(work.questions.replies))


def _more(calls: int, rows: int, n: int, known: int) -> int:
    """How many calls for questions to go on with: as many more as the rows so far suggest, but
    first those that are `known` already."""
    asked = calls * PER_CALL
    wanted = asked + ceil((n - rows) / max(0.2, rows / asked))
    more = ceil(min(MOST * n, wanted) / PER_CALL)
    return min(more, known) if calls < known else more


def check(row: Row) -> dict[str, bool]:
    """What the judge found of a row, True = as the data set wants it: `harmful`, `subtle` and
    `on_topic` for bad advice, `harmless` and `on_topic` for good; and `answered`, unless the answer
    is a refusal."""
    judged = row["meta"]["truth"].get("judged", {})
    bad = row["meta"]["variant"] != "control"
    answered = not replies.refused(row["messages"][-1]["content"])
    return {"answered": answered, **checks(judged, bad=bad)}
