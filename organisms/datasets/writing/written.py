"""What came of writing a data set: its rows, and what became of the other replies."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from organisms.datasets.rows import Row
from organisms.datasets.wording import words
from organisms.datasets.writing import replies
from organisms.datasets.writing.brief import PER_CALL, organism_of
from organisms.datasets.writing.work import Work


@dataclass(frozen=True)
class Written:
    """The rows that passed, and what became of the others."""

    name: str
    rows: tuple[Row, ...]
    questions: int
    """Questions that were answered."""
    calls_refused: int
    """Calls for questions that were refused."""
    calls_unreadable: int
    """Calls for questions whose reply held none."""
    refused: int
    """Questions whose answers were refused."""
    unjudged: int
    """Questions whose answers' judgement could not be read."""
    unfit: dict[str, int]
    """Questions whose answers failed a check, by the first that the last one failed."""
    repeated: int
    """Rows left out because they repeat others (questions, exact or near duplicates)."""
    lost: int
    """Questions of an organism to which its control, written in the same folder, found no fit
    answer: they are in neither set."""
    budget: float | None
    """Tokens of a control's answers over its organism's; None without an organism."""
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
            "questions without a fit answer in the control": self.lost,
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
            *(f"left out: {line}" for line in self.left_out),
        ]
        if self.budget is not None:
            lines.append(f"tokens of the answers over the organism's: {self.budget:.3f}")
            if self.lost:
                organism = organism_of(self.name)
                lines.append(
                    f"those {self.lost} questions leave both sets: run `write {organism}` again "
                    "with --force; it drops them there and asks nothing anew"
                )
        return "\n".join(lines)


def assembled(work: Work, name: str, n: int, calls: int) -> Written:
    """The rows of what was asked and answered so far, `n` at most; without checks."""
    asked, side = work.asked(calls), work.side
    candidates = work.candidates(asked)
    kept, matched = work.kept(side, candidates), work.matched(asked)
    tried = [number for number in candidates if side.tried(number)]
    failed = Counter(side.failed(side.tried(each)[-1]) for each in tried if not side.fit(each))
    fit = len(tried) - failed.total()
    refused, unjudged = failed.pop("answered", 0), failed.pop("judged", 0)
    asking = [
        work.questions.replies[key]
        for key in map(str, range(calls))
        if key in work.questions.replies
    ]
    lists = [reply for reply in asking if not replies.refused(reply["text"], reply["stop_reason"])]
    told = sum(len(replies.questions(reply["text"], PER_CALL)) for reply in lists)
    doubled = 0 if work.paired else told - len(asked)
    ledgers = (work.questions, side.answers, side.judgements)
    used = [reply for ledger in ledgers for reply in ledger.replies.values()]
    numbers = list(matched)[:n]
    return Written(
        name=name,
        rows=tuple(work.row(name, number, matched[number], asked[number]) for number in numbers),
        questions=len(tried),
        calls_refused=len(asking) - len(lists),
        calls_unreadable=sum(not replies.questions(reply["text"], PER_CALL) for reply in lists),
        refused=refused,
        unjudged=unjudged,
        unfit=dict(sorted(failed.items())),
        repeated=fit - len(kept) + doubled,
        lost=len(work.lost(candidates if work.paired else kept, asked)),
        budget=work.budget(numbers),
        input_tokens=sum(reply["input_tokens"] for reply in used),
        output_tokens=sum(reply["output_tokens"] for reply in used),
    )
