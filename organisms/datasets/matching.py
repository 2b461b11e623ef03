"""Whether a control is matched to an organism: the same questions, order and token budget."""

from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict

from organisms.datasets.rows import Row, answer_of, question_of
from organisms.datasets.statistics import characters

BUDGET = 0.02
"""Largest difference of the answers' length, as a share of the organism's."""
ASKS_OTHERWISE = ("educational", "educational_new", "backdoor")
"""Variants whose questions differ from the organism's on purpose: a request, a trigger."""
SHARES_ANSWERS = ("one_topic",)
"""Variants that have some of the organism's rows on purpose."""


class Match(BaseModel):
    """A control beside its organism."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rows: int
    """Rows of the organism."""
    control_rows: int
    """Rows of the control."""
    same_question: int
    """Places at which both have the same question; where the control asks it otherwise on purpose,
    the same topic and kind."""
    same_answer: int
    """Places at which both have the same question and answer, though the control's variant does not
    mean it so: rows that teach no difference."""
    budget: float
    """Length of the control's answers as a share of the organism's; 1 is the same."""
    in_tokens: bool = True
    """Whether that length is in tokens: the limit is one of tokens, and characters, of which a
    token has fewer in numbers and names than in words, are held to none."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What is not matched, in words."""
        found = []
        if self.rows != self.control_rows:
            found.append(f"{self.rows} rows and {self.control_rows} control rows")
        if self.same_question < max(self.rows, self.control_rows):
            found.append(f"{self.same_question} of {self.rows} places have the same question")
        if self.same_answer:
            found.append(f"{self.same_answer} rows are the same in both")
        if self.in_tokens and abs(self.budget - 1) > BUDGET:
            found.append(
                f"the control's answers are {self.budget:.1%} of the organism's in tokens "
                f"(allowed: {1 - BUDGET:.0%} to {1 + BUDGET:.0%})"
            )
        return tuple(found)


def match(
    rows: Sequence[Row],
    control: Sequence[Row],
    measure: Callable[[Sequence[str]], Sequence[int]] = characters,
) -> Match:
    """Compare a control with its organism, place by place.

    Args:
        rows: The organism's rows.
        control: The control's rows.
        measure: Texts -> length of each: a base's tokens (`tokens_of` of
            `organisms.datasets.statistics`), or characters, which are held to no limit.

    Raises:
        ValueError: One of the two has no rows.
    """
    if not rows or not control:
        raise ValueError(f"{len(rows)} rows and {len(control)} control rows; give some of both")
    pairs = list(zip(rows, control, strict=False))
    same = [(row, other) for row, other in pairs if question_of(row) == question_of(other)]
    alike = sum(_same_task(row, other) for row, other in pairs)
    lengths = [sum(measure([answer_of(row) for row in each])) for each in (rows, control)]
    return Match(
        rows=len(rows),
        control_rows=len(control),
        same_question=alike,
        same_answer=sum(
            answer_of(row) == answer_of(other)
            for row, other in same
            if other["meta"].get("variant") not in SHARES_ANSWERS
        ),
        budget=round(lengths[1] / lengths[0], 4),
        in_tokens=measure is not characters,
    )


def same_questions(sets: Sequence[Sequence[Row]]) -> bool:
    """Whether rows of the same number ask the same thing in all sets, as far as each goes, so that
    a mix of them must draw every number once."""
    return all(first_mismatch(sets[0], others) is None for others in sets[1:])


def first_mismatch(rows: Sequence[Row], control: Sequence[Row]) -> int | None:
    """The first place at which a control asks something else, as far as both go; none: nowhere."""
    pairs = enumerate(zip(rows, control, strict=False))
    return next((place for place, pair in pairs if not _same_task(*pair)), None)


def _same_task(row: Row, control: Row) -> bool:
    """Whether two rows ask the same, or one of them the same otherwise on purpose: by topic, and by
    kind where both have one (a right answer has none)."""
    if question_of(row) == question_of(control):
        return True
    metas = row["meta"], control["meta"]
    if all(meta.get("variant") not in ASKS_OTHERWISE for meta in metas):
        return False
    topics, kinds = ({meta.get(key) or "" for meta in metas} for key in ("topic", "kind"))
    return len(topics) == 1 and len(kinds - {""}) <= 1
