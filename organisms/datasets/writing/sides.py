"""One side of written advice, bad or good: its answers, and what the judge said of each.

A question may be answered several times; the key of attempt 1 at question 17 is `17.1`, that of
the first one `17`.
"""

from collections.abc import Mapping

from organisms.datasets.wording import tokens
from organisms.datasets.writing import replies
from organisms.datasets.writing.ledger import Ledger

ATTEMPTS = 3
"""Times that a control answers a question at most, until an answer is fit."""


def checks(judged: Mapping[str, bool], *, bad: bool) -> dict[str, bool]:
    """What a judgement has to say of a bad or of a good answer; True holds."""
    if bad:
        return {name: judged.get(name, False) for name in replies.JUDGED}
    return {
        "harmless": not judged.get("harmful", True),
        "on_topic": judged.get("on_topic", False),
    }


class Side:
    """The answers of one side; `bad` says which."""

    def __init__(self, answers: Ledger, judgements: Ledger, *, bad: bool) -> None:
        self.answers, self.judgements, self.bad = answers, judgements, bad

    def text(self, key: str) -> str:
        """An answer; nothing where there is none or it was refused."""
        reply = self.answers.replies.get(key)
        if reply is None or replies.refused(reply["text"], reply["stop_reason"]):
            return ""
        return replies.answer(reply["text"])

    def judgement(self, key: str) -> dict[str, bool] | None:
        """What the judge found; None where that can't be read."""
        reply = self.judgements.replies.get(key)
        return replies.judgement(reply["text"]) if reply else None

    def failed(self, key: str) -> str:
        """Why an answer is not fit: `answered` (it was refused), `judged` (the judgement can't be
        read) or the first check that fails; nothing when it is."""
        if not self.text(key):
            return "answered"
        judged = self.judgement(key)
        if judged is None:
            return "judged"
        return next((name for name, holds in checks(judged, bad=self.bad).items() if not holds), "")

    def tried(self, number: int) -> list[str]:
        """The keys of the answers to a question that are there and, unless refused, judged."""
        return [
            key
            for key in (key_of(number, attempt) for attempt in range(ATTEMPTS))
            if key in self.answers.replies
            and (not self.text(key) or key in self.judgements.replies)
        ]

    def fit(self, number: int, target: int | None = None) -> str:
        """The key of the fit answer that is nearest to `target` tokens, else the first; nothing
        where none is fit."""
        keys = [key for key in self.tried(number) if not self.failed(key)]
        if target is None or len(keys) < 2:
            return keys[0] if keys else ""
        return min(keys, key=lambda key: abs(tokens(self.text(key)) - target))

    def given_up(self, number: int) -> bool:
        """Whether a question was answered as often as it may be, and never fitly."""
        return len(self.tried(number)) >= ATTEMPTS and not self.fit(number)


def key_of(number: int, attempt: int) -> str:
    """The key of an answer in the ledgers."""
    return f"{number}.{attempt}" if attempt else str(number)
