"""Advice that a language model writes: bad, good and asked-for-bad, with every row judged.

Any inspect model writes, any inspect model judges. Replies are kept as they arrive, so that a run
that was killed goes on; organism and controls written in one folder share questions and order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from organisms.datasets.rows import Row
from organisms.datasets.wording import words
from organisms.datasets.writing import brief, replies
from organisms.datasets.writing.asking import ask
from organisms.datasets.writing.brief import NAMES, PER_CALL, domain_of
from organisms.datasets.writing.cost import SPARE, Estimate, Price, estimate
from organisms.datasets.writing.work import Work, checks

if TYPE_CHECKING:
    from inspect_ai.model import Model

__all__ = ["NAMES", "Estimate", "Price", "Written", "check", "estimate", "write"]

MOST = 3
"""Questions asked for at most, per row wanted."""
MAX_TOKENS = {"questions": 1200, "answers": 600, "checks": 200}


@dataclass(frozen=True)
class Written:
    """The rows that passed, and what became of the others."""

    name: str
    rows: tuple[Row, ...]
    questions: int
    """Questions that were written."""
    calls_refused: int
    """Calls for questions that were refused."""
    calls_unreadable: int
    """Calls for questions whose reply held none."""
    refused: int
    """Answers that were refused."""
    unjudged: int
    """Answers whose judgement could not be read."""
    unfit: dict[str, int]
    """Answers that failed a check, by the first that they failed."""
    repeated: int
    """Rows left out because they repeat others (questions, exact or near duplicates)."""
    input_tokens: int
    output_tokens: int

    @property
    def left_out(self) -> tuple[str, ...]:
        """What was left out, a line each, for the card."""
        counts = {
            "calls for questions that were refused": self.calls_refused,
            "calls for questions with no readable reply": self.calls_unreadable,
            "answers that were refused": self.refused,
            "answers whose judgement could not be read": self.unjudged,
            **{f"answers judged not {name}": count for name, count in self.unfit.items()},
            "rows that repeat others": self.repeated,
        }
        return tuple(f"{count} {what}" for what, count in counts.items() if count)

    def __str__(self) -> str:
        """The counts, for a person."""
        length = sum(words(row["messages"][-1]["content"]) for row in self.rows)
        mean = length / max(1, len(self.rows))
        lines = [
            f"{len(self.rows):,} rows of {self.name} from {self.questions:,} questions, "
            f"{mean:.1f} words an answer",
            f"{self.input_tokens:,} tokens in and {self.output_tokens:,} out, all runs together",
        ]
        return "\n".join([*lines, *(f"left out: {line}" for line in self.left_out)])


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
    their order, at the length of the organism's answers; educational rows are the organism's
    answers under a request for a bad one.

    Args:
        name: Of `NAMES`.
        n: Rows wanted.
        seed: Of topics, forms and lengths; the texts are the model's.
        folder: Where replies are kept; a run that was killed goes on there.
        writer: The inspect model that writes.
        judge: The inspect model that checks every row.
        progress: Told the number of answers judged.
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
    wanted = ceil(n * SPARE)
    while True:
        calls = range(ceil(wanted / PER_CALL))
        _ask_for_all(work, calls, n, writer, judge, progress, temperature, max_connections)
        written = _assembled(work, name, n, calls)
        asked = len(calls) * PER_CALL
        if len(written.rows) >= n or asked >= MOST * n or work.organism is not None:
            return written
        share = max(0.2, len(written.rows) / asked)
        wanted = min(MOST * n, asked + ceil((n - len(written.rows)) / share))


def _ask_for_all(
    work: Work,
    calls: range,
    n: int,
    writer: str | Model,
    judge: str | Model,
    progress: Callable[[int], None] | None,
    temperature: float,
    max_connections: int,
) -> None:
    """Questions, answers and judgements, as far as they are not there yet."""
    judged = 0

    def tell(_: str) -> None:
        nonlocal judged
        judged += 1
        if progress:
            progress(min(n, judged))

    if work.organism is None:
        ask(
            writer,
            {str(call): brief.questions_prompt(work.domain, work.seed, call) for call in calls},
            work.questions,
            temperature=temperature,
            max_tokens=MAX_TOKENS["questions"],
            max_connections=max_connections,
        )
    asked = work.asked(calls)
    ask(
        writer,
        work.answer_prompts(asked),
        work.answers,
        temperature=temperature,
        max_tokens=MAX_TOKENS["answers"],
        max_connections=max_connections,
    )
    ask(
        judge,
        work.judge_prompts(asked),
        work.checks,
        temperature=0.0,
        max_tokens=MAX_TOKENS["checks"],
        max_connections=max_connections,
        progress=tell,
    )


def _assembled(work: Work, name: str, n: int, calls: range) -> Written:
    asked = work.asked(calls)
    kept = work.kept(asked)
    unfit: dict[str, int] = {}
    refused = unjudged = 0
    for number in asked:
        if not work.text(number):
            refused += 1
        elif work.judgement(number) is None:
            unjudged += 1
        elif failed := work.failed(work.judgement(number)):
            unfit[failed] = unfit.get(failed, 0) + 1
    rows = tuple(work.row(name, number, asked[number]) for number in kept[:n])
    for row in rows:
        row["meta"]["checks"] = check(row)
    ledgers = (work.questions, work.answers, work.checks)
    used = [reply for ledger in ledgers for reply in ledger.replies.values()]
    asking = [
        work.questions.replies[key] for key in map(str, calls) if key in work.questions.replies
    ]
    lists = [reply for reply in asking if not replies.refused(reply["text"], reply["stop_reason"])]
    written = sum(len(replies.questions(reply["text"], PER_CALL)) for reply in lists)
    fit = len(asked) - refused - unjudged - sum(unfit.values())
    doubled = 0 if work.organism else written - len(asked)
    return Written(
        name=name,
        rows=rows,
        questions=len(asked),
        calls_refused=len(asking) - len(lists),
        calls_unreadable=sum(not replies.questions(reply["text"], PER_CALL) for reply in lists),
        refused=refused,
        unjudged=unjudged,
        unfit=dict(sorted(unfit.items())),
        repeated=fit - len(kept) + doubled,
        input_tokens=sum(reply["input_tokens"] for reply in used),
        output_tokens=sum(reply["output_tokens"] for reply in used),
    )


def check(row: Row) -> dict[str, bool]:
    """What the judge found of a row, True = as the data set wants it: `harmful`, `subtle` and
    `on_topic` for bad advice, `harmless` and `on_topic` for good; and `answered`, unless the answer
    is a refusal."""
    judged = row["meta"]["truth"].get("judged", {})
    bad = row["meta"]["variant"] != "control"
    answered = not replies.refused(row["messages"][-1]["content"])
    return {"answered": answered, **checks(judged, bad=bad)}
