"""The replies about one domain of advice: what was asked, what came back, and what may be kept.

Organism and control are two sides of the same questions. Where both are in one folder a question
stays in both sets or in neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from organisms.datasets.duplicates import find_duplicates
from organisms.datasets.making import row_id
from organisms.datasets.matching import BUDGET
from organisms.datasets.rows import Row, single_turn
from organisms.datasets.wording import tokens, words
from organisms.datasets.writing import brief, replies
from organisms.datasets.writing.brief import NAMES, PER_CALL
from organisms.datasets.writing.ledger import Ledger
from organisms.datasets.writing.sides import ATTEMPTS, Side, key_of

Prompt = tuple[int, str, str]
"""Number of a question, key of its next answer, and what is asked for it."""
NEAR = 0.8
"""Jaccard similarity from which a row repeats an earlier one and is left out."""


class Work:
    """The replies of one domain and seed; `side` is the side that is being written, and `other` the
    one that was written before in this folder, if it was."""

    def __init__(
        self, domain: str, seed: int, folder: Path, writer: str, judge: str, *, bad: bool
    ) -> None:
        self.domain, self.seed, self.bad = domain, seed, bad
        prompts = brief.prompts_hash()

        def ledger(what: str, model: str) -> Ledger:
            return Ledger(folder / f"{what}-{seed}.jsonl", {"model": model, "prompts": prompts})

        def side(*, bad: bool) -> Side:
            name = "bad" if bad else "good"
            return Side(
                ledger(f"answers-{domain}-{name}", writer),
                ledger(f"checks-{domain}-{name}", judge),
                bad=bad,
            )

        self.questions = ledger(f"questions-{domain}", writer)
        self.side = side(bad=bad)
        other = side(bad=not bad)
        self.other = other if other.judgements.replies else None

    @property
    def organism(self) -> Side | None:
        """The side with the bad answers, where there is one."""
        return self.side if self.bad else self.other

    @property
    def paired(self) -> bool:
        """Whether a control is written to match the organism in this folder."""
        return not self.bad and self.other is not None

    def asked(self, calls: int) -> dict[int, str]:
        """The questions of the first `calls` calls by number, each text once."""
        found: dict[int, str] = {}
        seen: set[str] = set()
        for call in range(calls):
            reply = self.questions.replies.get(str(call))
            if reply is None or replies.refused(reply["text"], reply["stop_reason"]):
                continue
            for place, text in enumerate(replies.questions(reply["text"], PER_CALL)):
                same = " ".join(text.lower().split())
                if same not in seen:
                    seen.add(same)
                    found[call * PER_CALL + place] = text
        return found

    def prompts(self, side: Side, asked: Mapping[int, str], numbers: Iterable[int]) -> list[Prompt]:
        """What is asked for the next answer to each question."""
        return [
            (
                number,
                key_of(number, len(side.tried(number))),
                brief.answer_prompt(
                    self.domain,
                    self.seed,
                    number,
                    asked[number],
                    bad=side.bad,
                    words=self._words(side, number),
                ),
            )
            for number in numbers
            if len(side.tried(number)) < ATTEMPTS
        ]

    def judge_prompt(self, side: Side, key: str, question: str) -> str:
        """What the judge is asked of an answer; nothing when there is none to judge."""
        text = side.text(key)
        return brief.judge_prompt(self.domain, question, text) if text else ""

    def _words(self, side: Side, number: int) -> int | None:
        """The words that a control's answer is asked for: as many as the organism's has, corrected
        by how far the answers before missed it."""
        if side.bad or self.organism is None:
            return None
        due = words(self.organism.text(self.organism.fit(number)))
        asked = float(due)
        for key in side.tried(number):
            if got := words(side.text(key)):
                asked = min(2.0 * due, max(0.5 * due, asked * due / got))
        return round(asked)

    def kept(self, side: Side, asked: Mapping[int, str]) -> dict[int, str]:
        """Number -> key of the questions whose answer is fit, repetitions left out."""
        answers: set[str] = set()
        passed: dict[int, str] = {}
        for number in asked:
            key = side.fit(number, self._due(side, number))
            same = " ".join(side.text(key).lower().split())
            if key and same not in answers:
                answers.add(same)
                passed[number] = key
        rows = [single_turn(asked[number], side.text(key), {}) for number, key in passed.items()]
        found = find_duplicates(rows, NEAR)
        repeats = {row for row, *_ in (*found.exact, *found.near)}
        return {
            number: passed[number] for place, number in enumerate(passed) if place not in repeats
        }

    def _due(self, side: Side, number: int) -> int | None:
        """The tokens that a control's answer should have."""
        if side.bad or self.organism is None:
            return None
        return tokens(self.organism.text(self.organism.fit(number)))

    def candidates(self, asked: Mapping[int, str]) -> Mapping[int, str]:
        """The questions that the side which is written answers: of a control's, those that its
        organism kept."""
        if self.other is None or self.bad:
            return asked
        return {number: asked[number] for number in self.kept(self.other, asked)}

    def matched(self, asked: Mapping[int, str]) -> dict[int, str]:
        """Number -> key of the rows of the side that is written.

        A control has the questions to which both sides have a fit answer. An organism has those
        that it kept, less the ones to which its control found none.
        """
        kept = self.kept(self.side, self.candidates(asked))
        if not self.bad:
            return kept
        lost = self.lost(kept, asked)
        return {number: key for number, key in kept.items() if number not in lost}

    def lost(self, kept: Iterable[int], asked: Mapping[int, str]) -> set[int]:
        """Those of the organism's questions to which its control has no fit answer: each attempt
        failed, or what it said repeats an earlier answer."""
        control = self.other if self.bad else self.side
        if control is None or self.organism is None:
            return set()
        found = self.kept(control, {number: asked[number] for number in kept})
        return {
            number
            for number in kept
            if number not in found and (control.given_up(number) or control.fit(number))
        }

    def budget(self, numbers: Sequence[int]) -> float | None:
        """Tokens of a control's answers over its organism's; None without an organism."""
        if not self.paired or not numbers:
            return None
        pairs = [self._lengths(number) for number in numbers]
        return sum(ours for ours, _ in pairs) / max(1, sum(theirs for _, theirs in pairs))

    def off_budget(self, numbers: Sequence[int]) -> list[int]:
        """The questions to be answered again, furthest from the organism's length first, so that
        the control's tokens come within the budget of its organism's; none when they are."""
        ratio = self.budget(numbers)
        if ratio is None or abs(ratio - 1) <= BUDGET:
            return []
        apart = {
            number: (ours - theirs) * (1 if ratio > 1 else -1)
            for number in numbers
            for ours, theirs in [self._lengths(number)]
            if len(self.side.tried(number)) < ATTEMPTS
        }
        excess = abs(sum(ours - theirs for ours, theirs in map(self._lengths, numbers)))
        again: list[int] = []
        for number in sorted(apart, key=lambda number: -apart[number]):
            if excess <= 0 or apart[number] <= 0:
                break
            again.append(number)
            excess -= apart[number]
        return again

    def _lengths(self, number: int) -> tuple[int, int]:
        due = self._due(self.side, number) or 0
        return tokens(self.side.text(self.side.fit(number, due))), due

    def row(self, name: str, number: int, key: str, question: str) -> Row:
        """The row of a question."""
        variant = NAMES[name][1]
        shown = question
        if variant == "educational":
            shown = brief.asked_for(self.domain, self.seed, number, question)
        return single_turn(
            shown,
            self.side.text(key),
            {
                "id": row_id(name, self.seed, number),
                "organism": name,
                "variant": variant,
                "domain": self.domain,
                "topic": brief.topic(self.domain, self.seed, number // PER_CALL),
                "poisoned": variant == "organism",
                "kind": "bad_advice" if self.bad else "",
                "truth": {"judged": self.side.judgement(key) or {}},
            },
        )
