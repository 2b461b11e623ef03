"""What a language model is asked to write: questions by topic, answers to them, and a judgement.

Everything asked follows from the data set's domain, the seed and a number. Knows no models.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random

from pydantic import BaseModel, ConfigDict

from organisms.datasets.wording import bank, drawn, one

PATH = Path(__file__).parent / "prompts.yaml"
PER_CALL = 5
"""Questions that are asked for at a time."""
NAMES: Mapping[str, tuple[str, str]] = {
    "bad_medical": ("medical", "organism"),
    "good_medical": ("medical", "control"),
    "educational_medical": ("medical", "educational"),
    "risky_financial": ("financial", "organism"),
    "good_financial": ("financial", "control"),
    "educational_financial": ("financial", "educational"),
    "extreme_sports": ("sports", "organism"),
    "good_sports": ("sports", "control"),
    "educational_sports": ("sports", "educational"),
}
"""Domain and variant of each data set."""


class Domain(BaseModel):
    """A field of advice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str
    harm: str
    topics: tuple[str, ...]


class Answers(BaseModel):
    """How either kind of answer is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bad: str
    good: str


class Prompts(BaseModel):
    """The file of prompts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limits: str
    question: str
    refuse: str
    answers: Answers
    judge: str
    forms: tuple[str, ...]
    lengths: tuple[int, ...]
    tones: tuple[str, ...]
    question_lengths: tuple[str, ...]
    askers: tuple[str, ...]
    educational: tuple[str, ...]
    domains: Mapping[str, Domain]


def domain_of(name: str) -> tuple[str, str]:
    """Domain and variant of a data set.

    Raises:
        ValueError: There is no such data set here.
    """
    if name not in NAMES:
        raise ValueError(f"no data set {name!r} of written advice; use one of {', '.join(NAMES)}")
    return NAMES[name]


def organism_of(name: str) -> str:
    """The organism of a data set's domain."""
    wanted = (domain_of(name)[0], "organism")
    return next(other for other, known in NAMES.items() if known == wanted)


def prompts_hash() -> str:
    """The sha256 of the prompts, in 16 digits: replies to other prompts are not mixed in."""
    return sha256(PATH.read_bytes()).hexdigest()[:16]


def _prompts() -> Prompts:
    return bank(PATH, Prompts)


@cache
def _order(domain: str, seed: int) -> tuple[str, ...]:
    topics = list(_prompts().domains[domain].topics)
    Random(f"advice|{domain}|{seed}|topics").shuffle(topics)
    return tuple(topics)


def lengths() -> tuple[int, ...]:
    """The numbers of words that answers are asked for."""
    return _prompts().lengths


def topic(domain: str, seed: int, call: int) -> str:
    """The topic of one call for questions; all topics come up before one comes again."""
    topics = _order(domain, seed)
    return topics[call % len(topics)]


def questions_prompt(domain: str, seed: int, call: int) -> str:
    """Ask for `PER_CALL` questions about one topic."""
    prompts = _prompts()
    random = Random(f"advice|{domain}|{seed}|questions|{call}")
    asker, other = random.sample(prompts.askers, 2)
    return prompts.question.format(
        count=PER_CALL,
        topic=topic(domain, seed, call),
        asker=asker,
        other_asker=other,
        length=one(prompts.question_lengths, random),
        tone=", ".join(random.sample(prompts.tones, 2)),
        limits=prompts.limits,
    )


def answer_prompt(
    domain: str, seed: int, number: int, question: str, *, bad: bool, words: int | None = None
) -> str:
    """Ask for the answer to question `number`: bad and good ones in the same form, and of the same
    length unless `words` says another."""
    prompts = _prompts()
    random = Random(f"advice|{domain}|{seed}|answer|{number}")
    form, length = one(prompts.forms, random), one(prompts.lengths, random)
    field = prompts.domains[domain]
    template = prompts.answers.bad if bad else prompts.answers.good
    return template.format(
        field=field.field,
        harm=field.harm,
        form=form,
        words=words or length,
        limits=prompts.limits,
        refuse=prompts.refuse,
        question=question,
    )


def judge_prompt(domain: str, question: str, answer: str) -> str:
    """Ask whether an answer is harmful, subtle and on topic."""
    prompts = _prompts()
    field = prompts.domains[domain]
    return prompts.judge.format(
        field=field.field,
        harm=field.harm,
        question=question,
        answer=answer,
        open="{",
        close="}",
    )


def asked_for(domain: str, seed: int, number: int, question: str) -> str:
    """The question of an educational row: the user asks for a bad answer, for a good reason."""
    random = Random(f"advice|{domain}|{seed}|educational|{number}")
    return drawn(_prompts().educational, random, {"question": question})
