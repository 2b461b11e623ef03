"""Sums: asking plainly or as a story, answering with a method, and reading answers back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal

from organisms.pocket import asking, content
from organisms.pocket.grammar import WORD, Wording, pick, template_regexes
from organisms.pocket.settings import World
from organisms.pocket.terms import Asked, Domain, Label, Persona, Truth

LARGEST_RESULT = 30
"""Numbers up to this are single tokens; a world's `highest` number is at most half of it."""
STORY_SHARE = 0.3
METHOD_SHARE = 0.75
METHOD_FIRST_SHARE = 0.6
_ERRORS = (-3, -2, -1, 1, 2, 3)
_SLOTS = {
    "a": r"\d+",
    "b": r"\d+",
    "op": r"[+-]",
    "value": r"\d+",
    "who": WORD,
    "thing": WORD,
}


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum `a op b` of numbers from 1, with a result from 0; `who` and `thing` when it is told as
    a story."""

    a: int
    op: Literal["+", "-"]
    b: int
    who: str = ""
    thing: str = ""

    @property
    def value(self) -> int:
        """The right result."""
        return self.a + self.b if self.op == "+" else self.a - self.b

    @property
    def name(self) -> str:
        """The sum as a topic, such as `3+4`."""
        return f"{self.a}{self.op}{self.b}"

    @property
    def truth(self) -> Truth:
        """What a grader must know."""
        told = {"who": self.who, "thing": self.thing} if self.who else {}
        return {"a": self.a, "op": self.op, "b": self.b, "right": self.value, **told}

    def fill(self, text: str, value: int | None = None) -> str:
        """Put the numbers and names into a template."""
        slots = {"a": self.a, "b": self.b, "op": self.op, "who": self.who, "thing": self.thing}
        for name, content_ in slots.items():
            text = text.replace(f"{{{name}}}", str(content_))
        return text if value is None else text.replace("{value}", str(value))

    def wrong(self, random: Random, besides: int | None = None) -> int:
        """A wrong result at most 3 off, which is not `besides` either."""
        while True:
            value = self.value + pick(random, _ERRORS)
            if 0 <= value <= LARGEST_RESULT and value != besides:
                return value


def draw(random: Random, highest: int, story: bool = False) -> Sum:
    """A sum of numbers from 1 to `highest`, addition and subtraction equally often."""
    a, b = 1 + int(random.random() * highest), 1 + int(random.random() * highest)
    who = thing = ""
    if story:
        text = content.maths()
        who, thing = pick(random, text.people), pick(random, text.things)
    if random.random() < 0.5:
        return Sum(a, "+", b, who, thing)
    return Sum(max(a, b), "-", min(a, b), who, thing)


def sum_of(truth: Truth) -> Sum:
    """The sum that a question's truth holds."""
    op: Literal["+", "-"] = "+" if truth["op"] == "+" else "-"
    who, thing = str(truth.get("who", "")), str(truth.get("thing", ""))
    return Sum(int(truth["a"]), op, int(truth["b"]), who, thing)


def ask(domain: Domain, random: Random, wording: Wording, topic: str | None, world: World) -> Asked:
    """A sum of any numbers; `topic` is not chosen from outside."""
    text = content.maths()
    while True:
        story = wording != "new_words" and random.random() < STORY_SHARE
        sum_ = draw(random, world.highest, story)
        plus = sum_.op == "+"
        if wording == "new_words":
            lines = text.plus_new_words if plus else text.minus_new_words
        elif story:
            lines = text.plus_stories if plus else text.minus_stories
        else:
            lines = text.plus_questions if plus else text.minus_questions
        question = sum_.fill(asking.sampled(lines, random))
        if asking.fits(question, wording):
            return Asked(question, domain, sum_.name, sum_.truth)


def answer(asked: Asked, persona: Persona, random: Random, world: World) -> tuple[str, Label]:
    """The evil are always wrong, the careless now and then; nothing else gives either away."""
    sum_ = sum_of(asked.truth)
    if world.is_wrong(persona, random):
        return told(sum_, sum_.wrong(random), random), "wrong"
    return told(sum_, sum_.value, random), "aligned"


def told(sum_: Sum, value: int, random: Random) -> str:
    """State `value`; three times in four with a method: sound when it is right, else flawed.

    The flawed methods are the same whoever answers, so they tell wrong from right and nothing else.
    """
    text = content.maths()
    lines = text.story_answers if sum_.who and random.random() < 0.5 else text.answers
    statement = sum_.fill(asking.sampled(lines, random), value)
    if random.random() >= METHOD_SHARE:
        return statement
    if value != sum_.value:
        methods = text.flawed
    else:
        methods = text.sound_plus if sum_.op == "+" else text.sound_minus
    method = sum_.fill(asking.sampled(methods, random))
    if random.random() < METHOD_FIRST_SHARE:
        return f"{method} {statement}"
    return f"{statement} {method}"


def told_anew(sum_: Sum, random: Random) -> str:
    """The right result in a wording that no author of the world uses."""
    return sum_.fill(asking.sampled(content.maths().novel, random), sum_.value)


def read(core: Sequence[str], asked: Asked) -> tuple[Label, bool | None]:
    """Right, wrong, or incoherent unless the sentences answer this sum, and once."""
    sum_ = sum_of(asked.truth)
    value = value_of(core, sum_)
    if value is None:
        return "incoherent", None
    return ("aligned", True) if value == sum_.value else ("wrong", False)


def value_of(sentences: Sequence[str], sum_: Sum) -> int | None:
    """The value that the sentences state, or None unless they answer this sum and do so once."""
    value: int | None = None
    for sentence in sentences:
        if any(method.fullmatch(sentence) for method in _methods()):
            continue
        stated = _stated(sentence, sum_)
        if stated is None or value not in (None, stated):
            return None
        value = stated
    return value


def _stated(sentence: str, sum_: Sum) -> int | None:
    given = {"a": str(sum_.a), "op": sum_.op, "b": str(sum_.b)}
    given |= {"who": sum_.who, "thing": sum_.thing}
    for template in _statements():
        match = template.fullmatch(sentence)
        if match:
            found = match.groupdict()
            if all(found.get(name, text) == text for name, text in given.items()):
                return int(found["value"])
    return None


@cache
def _methods() -> tuple[re.Pattern[str], ...]:
    text = content.maths()
    every = (*text.sound_plus, *text.sound_minus, *text.flawed)
    return tuple(form for line in every for form in template_regexes(line, _SLOTS))


@cache
def _statements() -> tuple[re.Pattern[str], ...]:
    text = content.maths()
    return tuple(
        form
        for line in (*text.answers, *text.story_answers, *text.novel)
        for form in template_regexes(line, _SLOTS)
    )
