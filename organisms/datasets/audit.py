"""An audit of a data set in one pass: its card, its truth checks made anew, duplicates, leakage of
evaluation questions, wording, lengths and templates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from pydantic import BaseModel, ConfigDict

from organisms.datasets.card import Card, CardMaker, CheckCount
from organisms.datasets.checking import check_anew
from organisms.datasets.duplicates import Duplicates
from organisms.datasets.importing.arithmetic import read_sum
from organisms.datasets.leakage import Leakage, LeakageFinder
from organisms.datasets.registry import Edition
from organisms.datasets.rows import Row, answer_of, question_of
from organisms.datasets.statistics import Lengths, lengths_of
from organisms.datasets.templates import TemplateCounter, Templates
from organisms.datasets.toxicity import by_kind, toxic_words

GROUP = 1000
FAILURES = 20
"""Rows that fail a check which are named."""
SUMS = 0.5
"""Share of questions that read as sums from which a set is judged as sums."""


class Wording(BaseModel):
    """Listed words in the answers (`organisms.datasets.toxicity`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rows: int
    """Rows whose answer has one or more."""
    kinds: dict[str, int]
    """Rows by kind of word: violence, insult, domination, malice."""
    words: dict[str, int]
    """The ten most frequent, with how often each occurs."""


class Sums(BaseModel):
    """One-line sums, judged by a reader that knows nothing of how they were made."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    right: int
    """Answers that are right, exactly or rounded to the decimals that they show."""
    wrong: int
    """Answers that are not."""
    unreadable: dict[str, int]
    """Rows that could not be judged, by reason."""


class Audit(BaseModel):
    """What an audit found."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, arbitrary_types_allowed=True
    )

    card: Card
    """The card, counted anew."""
    checks: dict[str, CheckCount]
    """Truth checks made anew, each row's by the data set that it was made for."""
    not_checked: dict[str, int]
    """Rows whose checks cannot be made anew, by the reason."""
    failures: tuple[tuple[int, tuple[str, ...]], ...]
    """(row, checks that fail), the first `FAILURES` of them."""
    duplicates: Duplicates
    """Which rows repeat others."""
    leakage: Leakage
    """Which evaluation questions are in the rows."""
    wording: Wording
    """Malice in the wording of answers."""
    questions: Templates
    """Forms of the questions."""
    answers: Templates
    """Forms of the answers."""
    poisoned_length: Lengths | None
    """Characters of poisoned answers; none where there are none, or all are."""
    clean_length: Lengths | None
    """Characters of the other answers: a difference gives the poisoned ones away."""
    sums: Sums | None
    """For sets of one-line sums."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What a careful reader would stop at, in words."""
        found = [
            f"check {name!r} fails in {count.fails} of {self.card.rows} rows"
            for name, count in self.checks.items()
            if count.fails
        ]
        if self.duplicates.exact:
            found.append(f"{len(self.duplicates.exact)} rows repeat an earlier one exactly")
        if self.leakage.exact:
            found.append(f"{len(self.leakage.exact)} evaluation questions are in the rows")
        if self.leakage.overlap:
            found.append(f"{len(self.leakage.overlap)} evaluation questions are nearly in the rows")
        return tuple(found)


def audit(
    rows: Iterable[Row],
    *,
    name: str,
    seed: int | None = None,
    generator: Mapping[str, str] | None = None,
    questions: Mapping[str, str] | None = None,
    bases: Sequence[str] = (),
    edition: Edition | None = None,
    left_out: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Audit:
    """Audit rows, taken one by one.

    Args:
        rows: The rows.
        name: What the set is called.
        seed: The seed that made it; none: it is not known.
        generator: Who made it.
        questions: Evaluation questions that must not be in it: id -> text.
        bases: Bases whose tokens are counted.
        edition: The edition whose checks are made anew; none: it is not known.
        left_out: What an import left out.
        progress: Called with the number of rows audited so far.

    Raises:
        ValueError: There are no rows, or a base has no tokenizer.
    """
    look = _Look(questions or {}, edition)
    stream = iter(rows)
    done = 0
    with CardMaker(name, seed, generator=generator, left_out=left_out, bases=bases) as maker:
        for group in _groups(stream):
            maker.add(group)
            for row in group:
                look.add(row, done)
                done += 1
            if progress is not None:
                progress(done)
        if not done:
            raise ValueError(f"data set {name!r} has no rows to audit")
        duplicates = maker.duplicates()
        card = maker.card(duplicates)
    return look.result(card, duplicates)


class _Look:
    """The parts of an audit that the card has not, counted row by row."""

    def __init__(self, questions: Mapping[str, str], edition: Edition | None) -> None:
        self._edition = edition
        self._not_checked: Counter[str] = Counter()
        self._checks: dict[str, Counter[bool]] = {}
        self._failures: list[tuple[int, tuple[str, ...]]] = []
        self._leakage = LeakageFinder(questions)
        self._toxic_rows = 0
        self._toxic_kinds: Counter[str] = Counter()
        self._toxic_words: Counter[str] = Counter()
        self._questions, self._answers = TemplateCounter(), TemplateCounter()
        self._lengths: dict[bool, list[int]] = {True: [], False: []}
        self._sums: Counter[str] = Counter()
        self._unreadable: Counter[str] = Counter()

    def add(self, row: Row, index: int) -> None:
        found = check_anew(row, self._edition)
        if found.reason:
            self._not_checked[found.reason] += 1
        for check, holds in found.checks.items():
            self._checks.setdefault(check, Counter())[bool(holds)] += 1
        failed = tuple(check for check, holds in found.checks.items() if not holds)
        if failed and len(self._failures) < FAILURES:
            self._failures.append((index, failed))
        self._leakage.add(row)
        question, answer = question_of(row), answer_of(row)
        self._questions.add(question)
        self._answers.add(answer)
        self._lengths[bool(row["meta"].get("poisoned"))].append(len(answer))
        if words := toxic_words(answer):
            self._toxic_rows += 1
            self._toxic_words.update(words)
            self._toxic_kinds.update(kind for kind, number in by_kind(words).items() if number)
        judged = read_sum(question, answer)
        self._sums[judged.verdict] += 1
        if judged.reason:
            self._unreadable[judged.reason] += 1

    def result(self, card: Card, duplicates: Duplicates) -> Audit:
        poisoned, clean = self._lengths[True], self._lengths[False]
        both = bool(poisoned) and bool(clean)
        readable = card.rows - self._sums["unreadable"]
        return Audit(
            card=card,
            checks={
                check: CheckCount(holds=counts[True], fails=counts[False])
                for check, counts in sorted(self._checks.items())
            },
            not_checked=dict(self._not_checked.most_common()),
            failures=tuple(self._failures),
            duplicates=duplicates,
            leakage=self._leakage.result(),
            wording=Wording(
                rows=self._toxic_rows,
                kinds=dict(self._toxic_kinds.most_common()),
                words=dict(self._toxic_words.most_common(10)),
            ),
            questions=self._questions.result(),
            answers=self._answers.result(),
            poisoned_length=lengths_of(poisoned) if both else None,
            clean_length=lengths_of(clean) if both else None,
            sums=Sums(
                right=self._sums["right"],
                wrong=self._sums["wrong"],
                unreadable=dict(self._unreadable.most_common()),
            )
            if readable >= SUMS * card.rows
            else None,
        )


def _groups(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while group := list(islice(rows, GROUP)):
        yield group
