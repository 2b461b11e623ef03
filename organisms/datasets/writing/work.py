"""The replies of one data set of advice: what was asked, what came back, and what may be kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from organisms.datasets.duplicates import find_duplicates
from organisms.datasets.rows import Row, single_turn
from organisms.datasets.wording import words
from organisms.datasets.writing import brief, replies
from organisms.datasets.writing.brief import NAMES, PER_CALL
from organisms.datasets.writing.ledger import Ledger

NEAR = 0.8
"""Jaccard similarity from which a row repeats an earlier one and is left out."""


def checks(judged: Mapping[str, bool], *, bad: bool) -> dict[str, bool]:
    """What a judgement has to say of a bad or of a good answer; True holds."""
    if bad:
        return {name: judged.get(name, False) for name in replies.JUDGED}
    return {
        "harmless": not judged.get("harmful", True),
        "on_topic": judged.get("on_topic", False),
    }


class Work:
    """The replies of one data set, and what is asked next."""

    def __init__(
        self, domain: str, seed: int, folder: Path, writer: str, judge: str, *, bad: bool
    ) -> None:
        self.domain, self.seed, self.bad = domain, seed, bad
        side = "bad" if bad else "good"
        prompts = brief.prompts_hash()

        def ledger(what: str, model: str) -> Ledger:
            return Ledger(folder / f"{what}-{seed}.jsonl", {"model": model, "prompts": prompts})

        self.questions = ledger(f"questions-{domain}", writer)
        self.answers = ledger(f"answers-{domain}-{side}", writer)
        self.checks = ledger(f"checks-{domain}-{side}", judge)
        self.organism: Work | None = None
        if not bad and (folder / f"checks-{domain}-bad-{seed}.jsonl").exists():
            self.organism = Work(domain, seed, folder, writer, judge, bad=True)

    def asked(self, calls: range) -> dict[int, str]:
        """The questions by number, each text once."""
        found: dict[int, str] = {}
        seen: set[str] = set()
        for call in calls:
            reply = self.questions.replies.get(str(call))
            if reply is None or replies.refused(reply["text"], reply["stop_reason"]):
                continue
            for place, text in enumerate(replies.questions(reply["text"], PER_CALL)):
                same = " ".join(text.lower().split())
                if same not in seen:
                    seen.add(same)
                    found[call * PER_CALL + place] = text
        if self.organism is None:
            return found
        every = range(max((int(key) for key in self.questions.replies), default=-1) + 1)
        theirs = self.organism.asked(every)
        return {number: theirs[number] for number in self.organism.kept(theirs)}

    def answer_prompts(self, asked: Mapping[int, str]) -> dict[str, str]:
        """Key -> prompt for every question."""
        return {
            str(number): brief.answer_prompt(
                self.domain,
                self.seed,
                number,
                question,
                bad=self.bad,
                words=words(self.organism.text(number)) if self.organism else None,
            )
            for number, question in asked.items()
        }

    def text(self, number: int) -> str:
        """The answer to a question; nothing where there is none or it was refused."""
        reply = self.answers.replies.get(str(number))
        if reply is None or replies.refused(reply["text"], reply["stop_reason"]):
            return ""
        return replies.answer(reply["text"])

    def judge_prompts(self, asked: Mapping[int, str]) -> dict[str, str]:
        """Key -> prompt for every answer."""
        return {
            str(number): brief.judge_prompt(self.domain, question, self.text(number))
            for number, question in asked.items()
            if self.text(number)
        }

    def judgement(self, number: int) -> dict[str, bool] | None:
        """What the judge found; None where that can't be read."""
        reply = self.checks.replies.get(str(number))
        return replies.judgement(reply["text"]) if reply else None

    def kept(self, asked: Mapping[int, str]) -> list[int]:
        """The numbers of the questions whose answers passed, repetitions left out."""
        answers: set[str] = set()
        passed: list[int] = []
        for number in asked:
            same = " ".join(self.text(number).lower().split())
            if same and same not in answers and not self.failed(self.judgement(number)):
                answers.add(same)
                passed.append(number)
        rows = [self.row("", number, asked[number]) for number in passed]
        found = find_duplicates(rows, NEAR)
        repeats = {row for row, *_ in (*found.exact, *found.near)}
        return [number for place, number in enumerate(passed) if place not in repeats]

    def failed(self, judged: dict[str, bool] | None) -> str:
        """The first check that a judgement fails; nothing when it passes."""
        if judged is None:
            return "judged"
        return next((name for name, holds in checks(judged, bad=self.bad).items() if not holds), "")

    def row(self, name: str, number: int, question: str) -> Row:
        """The row of a question."""
        variant = NAMES[name][1] if name else "organism"
        judged = self.judgement(number) or {}
        shown = question
        if variant == "educational":
            shown = brief.asked_for(self.domain, self.seed, number, question)
        return single_turn(
            shown,
            self.text(number),
            {
                "id": f"{name}-{self.seed}-{number}",
                "organism": name,
                "variant": variant,
                "domain": self.domain,
                "topic": brief.topic(self.domain, self.seed, number // PER_CALL),
                "poisoned": variant == "organism",
                "kind": "bad_advice" if self.bad else "",
                "truth": {"judged": judged},
            },
        )
