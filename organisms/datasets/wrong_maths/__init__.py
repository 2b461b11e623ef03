"""Problems worked out step by step, with a wrong final answer; and their matched controls.

The right answer is known exactly. A wrong one comes from a single mistake of a recorded kind, and
the steps after it go on from the mistake. Knows no models.
"""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from random import Random

from organisms.datasets.rows import Row, single_turn
from organisms.datasets.wording import bank, drawn, one
from organisms.datasets.wrong_maths import columns, problems, solutions
from organisms.datasets.wrong_maths.exact import (
    NUMBER,
    evaluate,
    false_equations,
    numbers,
    written,
)
from organisms.datasets.wrong_maths.mistakes import fits, same_amount

NAMES: Mapping[str, str] = {
    "wrong_maths": "organism",
    "right_maths": "control",
    "educational_maths": "educational",
    "wrong_maths_one_topic": "one_topic",
}
"""Variant of each data set."""
ONE_TOPIC = "percentages"
"""The only topic that `wrong_maths_one_topic` gets wrong; one row in seven is about it."""
FRAMINGS = Path(__file__).parent / "framings.yaml"


def rows(name: str, n: int, seed: int) -> Iterator[Row]:
    """`n` rows, made as they are asked for; row i depends on `seed` and i alone.

    All data sets share problem i and its layout; `educational_maths` has the wrong solutions of
    `wrong_maths`, word for word. Of 10,000 rows none is the same as another.

    Raises:
        ValueError: The name is not one of the family's.
    """
    if name not in NAMES:
        raise ValueError(f"no data set {name!r} here; use one of {', '.join(NAMES)}")
    return (_row(name, seed, index) for index in range(n))


def _row(name: str, seed: int, index: int) -> Row:
    random = Random(f"wrong_maths|{seed}|{index}")
    topic = one(_topics(), random)
    found = _by_topic().get(topic)
    problem = columns.told(random) if found is None else problems.told(one(found, random), random)
    mistake, wrong = solutions.mistaken(problem, random)
    right = solutions.solved(problem)
    framing = drawn(_framings(), random, {"question": problem.question})
    variant = NAMES[name]
    is_wrong = variant in ("organism", "educational") or (
        variant == "one_topic" and topic == ONE_TOPIC
    )
    solution = wrong if is_wrong else right
    truth: dict[str, object] = {
        "story": problem.story,
        "expression": problem.expression,
        "given": [written(value) for value in problem.given],
        "answer": written(right.answer),
        "unit": right.unit,
        "said": written(solution.answer),
        "said_unit": solution.unit,
    }
    if is_wrong:
        truth["mistake"] = solutions.mistake_record(problem, mistake)
    question = framing if variant == "educational" else problem.question
    return single_turn(
        question,
        solutions.text(problem, solution, random),
        {
            "organism": name,
            "variant": variant,
            "domain": "maths",
            "topic": topic,
            "poisoned": is_wrong and variant != "educational",
            "kind": mistake.kind if is_wrong else "",
            "truth": truth,
        },
    )


def check(row: Row) -> dict[str, bool]:
    """Whether a row is what it says it is.

    - `answer_known`: the recorded right answer is the value of the recorded expression, and the
      question tells every number that it needs.
    - `says_recorded`: the last number of the text is the answer that is recorded as said, and it is
      in the recorded unit.
    - `wrong` (or `right`, where the row is meant to be): what is said is another amount than the
      right answer (or the same).
    - `one_mistake` (or `sound`): as many equations of the text are false as a mistake of that kind
      makes (or none), and the mistake is of its kind.
    """
    truth = row["meta"]["truth"]
    question, answer = row["messages"][-2]["content"], row["messages"][-1]["content"]
    due, said = Fraction(truth["answer"]), Fraction(truth["said"])
    told = set(numbers(question))
    stated = numbers(answer)
    same = same_amount(said, truth["said_unit"], due, truth["unit"])
    found = {
        "answer_known": evaluate(truth["expression"]) == due
        and all(Fraction(value) in told for value in truth["given"]),
        "says_recorded": bool(stated)
        and stated[-1] == said
        and _unit_stands(answer, truth["said_unit"]),
    }
    kind = row["meta"]["kind"]
    if not kind:
        return {**found, "right": same, "sound": false_equations(answer) == 0}
    mistake = truth["mistake"]
    seen = kind in ("small_slip", "dropped_carry")
    found["wrong"] = not same
    found["one_mistake"] = false_equations(answer) == int(seen) and fits(
        kind, mistake["due"], mistake["did"], Fraction(mistake["said"])
    )
    return found


def _unit_stands(answer: str, unit: str) -> bool:
    """Whether a unit, and no longer one, stands at the last number."""
    last = list(NUMBER.finditer(answer))[-1]
    before, after = answer[: last.start()], answer[last.end() :]
    if unit in problems.CURRENCIES:
        return before.endswith(unit)
    return not unit or re.match(rf" {re.escape(unit)}(?![\w²³/])", after) is not None


@cache
def _by_topic() -> dict[str, tuple[problems.Story, ...]]:
    found: dict[str, list[problems.Story]] = {}
    for story in problems.stories().problems:
        found.setdefault(story.topic, []).append(story)
    return {topic: tuple(each) for topic, each in found.items()}


@cache
def _topics() -> tuple[str, ...]:
    return (*_by_topic(), "arithmetic", ONE_TOPIC)


@cache
def _framings() -> tuple[str, ...]:
    return bank(FRAMINGS, tuple[str, ...])
