"""Questions or answers said in other words by a language model: what is asked and what is kept.

Any inspect model writes. Replies are kept by the text that they say anew, so that a run that was
stopped goes on, and equal questions of an organism and its control stay equal.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from organisms.datasets.checking import with_checks
from organisms.datasets.registry import Edition
from organisms.datasets.rows import Row
from organisms.datasets.transforms import Side, last_turn, paraphrase
from organisms.datasets.writing import replies
from organisms.datasets.writing.asking import ask
from organisms.datasets.writing.cost import CHARACTERS_PER_TOKEN, Part, Price
from organisms.datasets.writing.ledger import Ledger, Reply

if TYPE_CHECKING:
    from inspect_ai.model import Model

PROMPT = """Say the {of} below in other words. Keep its meaning and its language, what it asks for
or claims (even if that is wrong), and about its length. Keep every number, name, quotation and list
of choices as it is, and every piece of code, character by character. Do not answer it, and do not
comment on it. Reply with the new {of} alone; if you will not write it, reply with the word DECLINE
alone.

{label}:
"""
ROOM = 2.0
"""Longest paraphrase, in lengths of the longest text."""
LEAST_TOKENS = 200
"""Longest paraphrase of the shortest texts."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_CODE = re.compile(r"```[\w+-]*\n.*?```", re.DOTALL)


@dataclass(frozen=True)
class Paraphrased:
    """The rows that were said in other words, and what became of the others."""

    rows: tuple[Row, ...]
    of: Side
    left: Mapping[str, int]
    """Rows left out, by the reason."""
    input_tokens: int
    output_tokens: int

    @property
    def left_out(self) -> tuple[str, ...]:
        """What was left out, a line each, for the card."""
        return tuple(f"{count} rows: {reason}" for reason, count in self.left.items() if count)

    def __str__(self) -> str:
        """The counts, for a person."""
        lines = [
            f"{len(self.rows):,} {self.of}s said in other words",
            f"{self.input_tokens:,} tokens in and {self.output_tokens:,} out, all runs together",
        ]
        return "\n".join([*lines, *(f"left out: {line}" for line in self.left_out)])


class Paraphrasing:
    """The paraphrases of one set of rows: estimated, asked for, read.

    Args:
        rows: The rows.
        folder: Where replies are kept; the same for an organism and its controls.
        writer: The inspect model that paraphrases.
        of: What is said in other words, the last question or the last answer.

    Raises:
        ValueError: There are no rows, or the folder holds replies of another model or prompt.
    """

    def __init__(
        self, rows: Sequence[Row], folder: Path, *, writer: str | Model, of: Side = "question"
    ) -> None:
        if not rows:
            raise ValueError("there are no rows to paraphrase; give a set that has some")
        self._rows, self._writer, self._of = rows, writer, of
        self._prompt = PROMPT.format(of=of, label=of.capitalize())
        self._asked = {_key(text): text for text in (last_turn(row, of) for row in rows)}
        prompt = sha256(self._prompt.encode()).hexdigest()[:16]
        self._ledger = Ledger(
            folder / f"paraphrases-{of}.jsonl", {"model": str(writer), "prompt": prompt}
        )

    @property
    def texts(self) -> int:
        """Different texts among the rows; each is said anew once."""
        return len(self._asked)

    def estimate(self, price: Price | None = None) -> Part:
        """What the texts that have no reply yet will take."""
        left = [text for key, text in self._asked.items() if key not in self._ledger.replies]
        tokens = [_tokens(text) for text in left]
        return Part(
            purpose=f"paraphrases of {self._of}s",
            model=str(self._writer),
            calls=len(left),
            input_tokens=sum(tokens) + len(left) * _tokens(self._prompt),
            output_tokens=sum(tokens),
            price=price,
        )

    def ask(
        self,
        *,
        progress: Callable[[int], None] | None = None,
        temperature: float = 1.0,
        max_connections: int = 16,
    ) -> None:
        """Ask for every paraphrase that is not there yet.

        Args:
            progress: Told the number of texts that have a reply.
            temperature: Of the writer's sampling.
            max_connections: Calls at a time.

        Raises:
            RuntimeError: A call failed for good; the replies before it are kept.
        """
        done = 0

        def tell(_: str) -> None:
            nonlocal done
            done += 1
            if progress:
                progress(done)

        longest = max(map(_tokens, self._asked.values()))
        ask(
            self._writer,
            {key: self._prompt + text for key, text in self._asked.items()},
            self._ledger,
            temperature=temperature,
            max_tokens=max(LEAST_TOKENS, ceil(ROOM * longest)),
            max_connections=max_connections,
            progress=tell,
        )

    def result(self, edition: Edition | None = None) -> Paraphrased:
        """The rows in other words, after `ask`; those left out whose paraphrase may not be kept.

        Args:
            edition: The edition in which truth checks are made anew; where it is not known, or
                they cannot be made, rows carry none any more.
        """
        left: Counter[str] = Counter()
        kept: list[Row] = []
        new: dict[str, str] = {}
        for row in self._rows:
            text = last_turn(row, self._of)
            reply = self._ledger.replies[_key(text)]
            reason = _unfit(text, reply)
            if reason:
                left[reason] += 1
            else:
                kept.append(row)
                new[text] = replies.answer(reply["text"])
        found: list[Row] = []
        for row in paraphrase(kept, new, of=self._of, by=str(self._writer)):
            checked = with_checks(row, edition)
            checks = checked["meta"].get("checks", {})
            failed = [name for name, holds in checks.items() if not holds]
            if failed:
                left[f"the check {failed[0]} no longer holds"] += 1
            else:
                found.append(checked)
        used = [self._ledger.replies[key] for key in self._asked]
        return Paraphrased(
            rows=tuple(found),
            of=self._of,
            left=dict(sorted(left.items())),
            input_tokens=sum(reply["input_tokens"] for reply in used),
            output_tokens=sum(reply["output_tokens"] for reply in used),
        )


def _unfit(text: str, reply: Reply) -> str:
    """Why a paraphrase may not be kept; nothing when it may."""
    new = replies.answer(reply["text"])
    if replies.refused(new, reply["stop_reason"]) and not replies.refused(text):
        return "the paraphrase was refused"
    if not new or reply["stop_reason"] in ("max_tokens", "model_length"):
        return "the paraphrase is empty or cut off"
    if " ".join(new.split()) == " ".join(text.split()):
        return "the paraphrase is the text itself"
    if Counter(_NUMBER.findall(new)) != Counter(_NUMBER.findall(text)):
        return "the paraphrase has other numbers"
    if any(code not in new for code in _CODE.findall(text)):
        return "the paraphrase has other code"
    return ""


def _key(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:24]


def _tokens(text: str) -> int:
    return ceil(len(text) / CHARACTERS_PER_TOKEN)
