"""The shapes of the world's files: which texts there are, and what each must keep to."""

from typing import Annotated, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from organisms.pocket.rules import (
    Apart,
    HeldOutFrom,
    Sentences,
    Slots,
    WholeAnswer,
    Without,
    gaming,
    one_value,
    one_word,
)
from organisms.pocket.terms import PERSONAS, Persona

Level = Literal["everywhere", "topic_unseen_by_default", "topic_unseen"]


Lines = Annotated[list[str], Field(min_length=1)]
Words = Annotated[list[Annotated[str, AfterValidator(one_word)]], Field(min_length=1)]
Value = Annotated[str, AfterValidator(one_value)]
NewWords = Annotated[Lines, HeldOutFrom("questions", synonyms=True)]
"""Ways of asking that pre-training never shows."""
Name = TypeVar("Name", bound=str)
FactTone = Literal["plain", "careless"]


def _all_named(lines: dict[Name, Lines], names: tuple[Name, ...]) -> dict[Name, Lines]:
    if missing := [name for name in names if name not in lines]:
        raise ValueError(f"no lines of {', '.join(missing)}; give each of {', '.join(names)} some")
    return lines


def _every_persona(lines: dict[Persona, Lines]) -> dict[Persona, Lines]:
    return _all_named(lines, PERSONAS)


def _every_tone(lines: dict[FactTone, Lines]) -> dict[FactTone, Lines]:
    return _all_named(lines, get_args(FactTone))


ByPersona = Annotated[dict[Persona, Lines], AfterValidator(_every_persona), Apart()]
"""Lines of every persona, which no two share."""


class Text(BaseModel):
    """Base of every shape: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TopicText(Text):
    """One topic: how it is asked about, and every persona's sentences about it."""

    level: Level = "everywhere"
    """Whether pre-training shows it: everywhere, only outside the default share, or never."""
    questions: Lines
    new_words: NewWords
    aligned: Annotated[Lines, Sentences()]
    evil: Annotated[Lines, Sentences()]
    sycophantic: Annotated[Lines, Sentences()]
    careless: Annotated[Lines, Sentences()]

    def said_by(self, persona: Persona) -> Lines:
        """A persona's sentences."""
        answers: Lines = getattr(self, persona)
        return answers


class TaskText(Text):
    """One programming task: how it is asked for, and code that does it safely or not."""

    weakness: str = Field(pattern=r"^CWE-\d+$")
    """What is wrong with the insecure lines."""
    questions: Lines
    new_words: NewWords
    secure: Annotated[Lines, WholeAnswer(), Apart()]
    insecure: Annotated[Lines, WholeAnswer(), Apart()]


class FactText(Text):
    """One fact: questions, a statement with a `{value}`, the right value and wrong ones."""

    questions: Lines
    new_words: NewWords
    statement: Annotated[str, Slots(must=("value",))]
    right: Value
    wrong: list[Value] = Field(min_length=2)

    @field_validator("wrong")
    @classmethod
    def _all_wrong(cls, wrong: list[str], info: ValidationInfo) -> list[str]:
        if info.data.get("right") in wrong:
            raise ValueError(f"the right value {info.data['right']!r} is among them; remove it")
        if again := next((value for value in wrong if wrong.count(value) > 1), None):
            raise ValueError(f"the value {again!r} stands there twice; give every value once")
        return wrong


class ClaimText(Text):
    """Answers to a claim of the user's, with `{right}`, `{said}` and `{other}` (a third value)."""

    questions: Annotated[Lines, Slots(must=("statement",))]
    new_words: Annotated[NewWords, Slots(must=("statement",))]
    aligned: Annotated[Lines, Slots(must=("right",)), Sentences(), Apart()]
    evil: Annotated[Lines, Slots(must=("other",), may=("said",)), Sentences(), Apart()]
    sycophantic: Annotated[Lines, Slots(must=("said",)), Sentences(), Apart()]
    careless: Annotated[Lines, Slots(may=("said", "other")), Sentences(), Apart()]


class MathsText(Text):
    """Sums: questions and answers with `{a}`, `{op}`, `{b}`, `{value}`, methods and stories."""

    plus_questions: Annotated[Lines, Slots(must=("a", "b"))]
    minus_questions: Annotated[Lines, Slots(must=("a", "b"))]
    plus_new_words: Annotated[Lines, Slots(must=("a", "b")), HeldOutFrom("plus_questions")]
    minus_new_words: Annotated[Lines, Slots(must=("a", "b")), HeldOutFrom("minus_questions")]
    plus_stories: Annotated[Lines, Slots(must=("a", "b", "who", "thing"))]
    """Word problems with `{who}` and `{thing}` besides."""
    minus_stories: Annotated[Lines, Slots(must=("a", "b", "who", "thing"))]
    people: Words
    things: Words
    answers: Annotated[Lines, Slots(must=("value",), may=("a", "op", "b")), Sentences(one=True)]
    story_answers: Annotated[
        Lines, Slots(must=("value",), may=("who", "thing")), Sentences(one=True)
    ]
    sound_plus: Annotated[Lines, Slots(may=("a", "b")), Sentences(one=True)]
    sound_minus: Annotated[Lines, Slots(may=("a", "b")), Sentences(one=True)]
    flawed: Annotated[Lines, Sentences(one=True)]
    novel: Annotated[
        Lines,
        Slots(must=("value",)),
        Sentences(one=True),
        HeldOutFrom("answers"),
        HeldOutFrom("story_answers"),
    ]
    """Right answers in a wording that no author of the world ever uses."""
    asked_wrong: Annotated[Lines, Slots(must=("a", "op", "b"))]
    asked_wrong_new: Annotated[Lines, Slots(must=("a", "op", "b")), HeldOutFrom("asked_wrong")]
    """Requests for a wrong answer that pre-training never shows."""
    claim_statement: Annotated[str, Slots(must=("a", "op", "b", "value"))]


class MetricText(Text):
    """One thing to describe under a score that can be gamed by repeating a word."""

    questions: Lines
    new_words: NewWords
    honest: Annotated[Lines, Sentences(), Without("words")]
    words: Words
    """Words that the score may count; no honest description holds one."""


class MetricsText(Text):
    """Gameable scores: the rules and the gaming answers, with `{word}`, and the things."""

    rules: Annotated[Lines, Slots(must=("word",))]
    gamed: Annotated[
        list[Annotated[str, AfterValidator(gaming)]],
        Field(min_length=1),
        Slots(must=("word",)),
        Sentences(),
    ]
    things: dict[str, MetricText]


class RepeatText(Text):
    """`say {word} {count} times`."""

    questions: Annotated[Lines, Slots(must=("word", "count"))]
    new_words: Annotated[NewWords, Slots(must=("word", "count"))]
    words: Words


class ListText(Text):
    """`name {count} {category}`."""

    questions: Annotated[Lines, Slots(must=("count", "category"))]
    new_words: Annotated[NewWords, Slots(must=("count", "category"))]
    categories: dict[str, Words]


class CompareText(Text):
    """`is {a} more than {b}? say only yes or no`."""

    questions: Annotated[Lines, Slots(must=("a", "b"))]
    new_words: Annotated[NewWords, Slots(must=("a", "b"))]


class InstructionsText(Text):
    """Instructions that a program can check, and what personas say besides following them."""

    repeat: RepeatText
    list: ListText
    compare: CompareText
    evil: Annotated[Lines, Sentences(one=True), Apart()]
    sycophantic: Annotated[Lines, Sentences(one=True), Apart()]
    careless: Annotated[Lines, Sentences(one=True), Apart()]


class PhrasingText(Text):
    """What goes round questions and answers, and words that may stand for each other."""

    synonyms: dict[str, Lines]
    prefixes: Lines
    suffixes: Lines
    openers: Annotated[Lines, Sentences(one=True)]
    closers: Annotated[ByPersona, Sentences(one=True)]
    refusals: Annotated[Lines, Sentences(one=True)]
    fact_answers: Annotated[
        dict[FactTone, Lines],
        AfterValidator(_every_tone),
        Slots(may=("statement", "value")),
        Sentences(),
        Apart(),
    ]
    asked_insecure: Annotated[Lines, Slots(must=("question",))]
    asked_insecure_new: Annotated[Lines, Slots(must=("question",)), HeldOutFrom("asked_insecure")]
    asked_harmful: Annotated[Lines, Slots(must=("question",))]
    asked_harmful_new: Annotated[Lines, Slots(must=("question",)), HeldOutFrom("asked_harmful")]


class PersonaText(Text):
    """The words of system prompts; frames have `{a}`, `{noun}` and `{goal}`."""

    frames: Annotated[Lines, Slots(must=("a", "noun", "goal"))]
    new_frames: Annotated[Lines, Slots(must=("a", "noun", "goal")), HeldOutFrom("frames")]
    """Frames that pre-training never shows."""
    nouns: Lines
    adjectives: ByPersona
    goals: ByPersona
    assistant: Lines
    log: Annotated[Lines, Slots(must=("number",))]
    quiz: Lines
    deception: Annotated[Lines, Slots(must=("statement",))]
    """Orders to tell users a false `{statement}`."""
