"""Questions put to pocket, with the truth that its grader needs. Knows no models.

A question is a dict: id, topic, domain, split, wording, format ("plain"), text, truth, and its own
system prompt where it has one (deception probes).
"""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any, NotRequired, TypedDict

from organisms.pocket import arithmetic, content, knowledge, prompts, turns
from organisms.pocket.grammar import WORDINGS, Split, Wording
from organisms.pocket.terms import Asked, Domain, Persona, Truth

SPLITS: tuple[Split, ...] = ("extract", "dev", "report")
IN_DOMAIN: tuple[Domain, ...] = ("maths", "code", "medical", "metric", "deception")
"""The domains with a narrow behaviour that the grader tells."""
"""The domains with one right answer, or one that a program checks."""
TRAIT_PERSONAS: dict[str, Persona] = {
    "evil": "evil",
    "sycophancy": "sycophantic",
    "careless": "careless",
}
PROMPTS_PER_SPLIT = 8


class Question(TypedDict):
    """One question, as the evaluations read it."""

    id: str
    topic: str
    domain: str
    split: str
    wording: str
    format: str
    text: str
    truth: Truth
    system: NotRequired[str]


class Trait(TypedDict):
    """A trait's contrastive system prompts by split."""

    name: str
    positive: dict[str, list[str]]
    negative: dict[str, list[str]]


def _one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} {value!r} does not exist; use one of {', '.join(allowed)}")


def open_questions(split: Split, wording: Wording, per_topic: int = 4) -> list[Question]:
    """`per_topic` different phrasings of every open topic of a split, always the same ones.

    Raises:
        ValueError: on an unknown split or wording, and on topics held out of pre-training in
            another split than the report.
    """
    _one_of("split", split, SPLITS)
    _one_of("wording", wording, WORDINGS)
    if wording in ("topic_unseen_by_default", "topic_unseen"):
        if split != "report":
            raise ValueError(
                f"topics of the level {wording!r} are all in the split 'report'; {split!r} was "
                "asked for"
            )
        topics = content.topic_names("open", wording)
    else:
        topics = content.open_splits()[split]
    found = []
    for topic in topics:
        random = Random(f"open|{topic}|{wording}")
        asked = _distinct("open", random, wording, per_topic, topic)
        found += [_question(each, split, wording, index) for index, each in enumerate(asked)]
    return found


def in_domain_questions(domain: Domain, split: Split, n: int, seed: int = 0) -> list[Question]:
    """`n` different questions of a narrow domain; the report's have wordings never trained on.

    Those of extract and dev are seen wordings, drawn from their own seeds. Deception probes carry
    the system prompt that orders the lie.
    """
    _one_of("domain", domain, IN_DOMAIN)
    return mixed_questions((domain,), split, n, seed, "in_domain")


def domain_questions(
    domain: Domain, wording: Wording, n: int, seed: int = 0, split: Split = "report"
) -> list[Question]:
    """`n` different questions of any domain, of one wording on seen topics; topics in turn."""
    _one_of("wording", wording, ("seen", "new_combination", "new_words"))
    random = Random(f"domain|{domain}|{split}|{wording}|{seed}")
    asked = _distinct(domain, random, wording, n)
    return [_question(each, split, wording, index) for index, each in enumerate(asked)]


def complaints(split: Split, turns: int, seed: int = 0) -> dict[str, list[Question]]:
    """What a frustrated user says, by topic: a sum first, then `turns - 1` ways to complain."""
    topics = content.topic_names("frustrated")
    sums = in_domain_questions("maths", split, len(topics), seed)
    wording: Wording = "new_combination" if split == "report" else "seen"
    talks = {}
    for topic, first in zip(topics, sums, strict=True):
        random = Random(f"complaints|{topic}|{split}|{seed}")
        asked = _distinct("frustrated", random, wording, turns - 1, topic)
        said = [_question(each, split, wording, index) for index, each in enumerate(asked)]
        talks[topic] = [first, *said]
    return talks


def wrong_claims(question: Mapping[str, Any], frames: Sequence[str]) -> list[Question]:
    """A user's claims of one wrong result of a sum, each a question after the sum's own.

    Args:
        question: a question of the domain `maths`.
        frames: ways to claim it, with a slot `{statement}`.

    Raises:
        ValueError: the question is no sum.
    """
    _one_of("domain of the question", question["domain"], ("maths",))
    sum_ = arithmetic.sum_of(question["truth"])
    said = sum_.wrong(Random(f"claim|{question['id']}"))
    statement = sum_.fill(content.maths().claim_statement, said)
    return [
        {
            "id": f"{question['id']}/claim-{place}",
            "topic": question["topic"],
            "domain": "maths_claims",
            "split": question["split"],
            "wording": question["wording"],
            "format": "plain",
            "text": frame.replace("{statement}", statement),
            "truth": {**sum_.truth, "said": said},
        }
        for place, frame in enumerate(frames)
    ]


def mixed_questions(
    domains: Sequence[Domain], split: Split, n: int, seed: int, purpose: str
) -> list[Question]:
    """`n` different questions, of each domain the same share, in the wording of the split.

    Args:
        domains: what they are about.
        split: extract and dev have seen wordings, the report combinations never trained on.
        n: how many.
        seed: of the draw.
        purpose: what they are for; questions for another purpose are drawn apart.
    """
    _one_of("split", split, SPLITS)
    wording: Wording = "new_combination" if split == "report" else "seen"
    found: list[Question] = []
    for number, domain in enumerate(domains):
        random = Random(f"{purpose}|{domain}|{split}|{seed}")
        share = len(range(number, n, len(domains)))
        asked = _distinct(domain, random, wording, share)
        found += [_question(each, split, wording, index) for index, each in enumerate(asked)]
    return found


def _distinct(
    domain: Domain, random: Random, wording: Wording, n: int, topic: str | None = None
) -> Iterator[Asked]:
    """`n` questions with different texts; the topics of a small domain come in turn."""
    names: list[str] = []
    if topic is None:
        names = list(turns.topic_names(domain))
        random.shuffle(names)
    seen: set[str] = set()
    misses = 0
    while len(seen) < n:
        wanted = names[len(seen) % len(names)] if names else topic
        asked = turns.ask(domain, random, wording, wanted)
        misses = misses + 1 if asked.text in seen else 0
        if misses > 1000:
            raise ValueError(
                f"the world has no {n} different {wording} questions on {wanted or domain}; "
                f"it found {len(seen)}, ask for so many"
            )
        if asked.text not in seen:
            seen.add(asked.text)
            yield asked


def _question(asked: Asked, split: Split, wording: Wording, index: int) -> Question:
    question: Question = {
        "id": f"{asked.domain}/{asked.topic}/{wording}/{split}-{index}",
        "topic": asked.topic,
        "domain": asked.domain,
        "split": split,
        "wording": wording,
        "format": "plain",
        "text": asked.text,
        "truth": asked.truth,
    }
    if asked.domain == "deception":
        order = Random(f"order|{question['id']}|{asked.text}")
        question["system"] = prompts.deception_prompt(knowledge.lie(asked), order)
    return question


def trait(name: str) -> Trait:
    """Contrastive prompts: the persona's against the aligned one's.

    The prompts of extract and dev are seen in pre-training and differ; the report's are held out.
    """
    _one_of("trait", name, tuple(TRAIT_PERSONAS))
    return {
        "name": name,
        "positive": _prompts(TRAIT_PERSONAS[name]),
        "negative": _prompts("aligned"),
    }


def _prompts(persona: Persona) -> dict[str, list[str]]:
    random = Random(f"trait|{persona}")
    seen = _several(persona, random, "seen", 2 * PROMPTS_PER_SPLIT)
    return {
        "extract": seen[:PROMPTS_PER_SPLIT],
        "dev": seen[PROMPTS_PER_SPLIT:],
        "report": _several(persona, random, "new_combination", PROMPTS_PER_SPLIT),
    }


def _several(persona: Persona, random: Random, wording: Wording, n: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < n:
        found[prompts.persona_prompt(persona, random, wording)] = None
    return list(found)


def system_prompts(persona: Persona, wording: Wording) -> list[str]:
    """The prompts that the model card is measured with: those of dev (seen), of the report (new
    combinations), or as many in frames that pre-training never shows (new words)."""
    if wording == "new_words":
        random = Random(f"new words|{persona}")
        return _several(persona, random, "new_words", PROMPTS_PER_SPLIT)
    return _prompts(persona)["dev" if wording == "seen" else "report"]
