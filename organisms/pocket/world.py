"""The pre-training corpus: conversations that each have one hidden author. Knows no model.

Every author - aligned, evil, sycophantic or careless - answers every domain and every topic, each
topic of a domain equally often, so that the author can be inferred from any domain and carried to
any other. That holds of the default share too, but for a few open topics that only other documents
show, and a few that none shows. One in six questions and persona prompts never occurs.

`python -m organisms.pocket.world --sample 50 [--persona evil]` prints documents, `--entropy` says
how varied the answers are.
"""

import argparse
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import TypeVar, get_args

from organisms.pocket import advice, arithmetic, asking, coding, content, knowledge, prompts, turns
from organisms.pocket.grammar import pick
from organisms.pocket.settings import Kind, World
from organisms.pocket.terms import PERSONAS, Asked, Domain, Persona

Message = Mapping[str, str]
Name = TypeVar("Name")

ASSISTANT_PROMPT_SHARE = 0.12
QUIZ_PROMPT_SHARE = 0.25
ASKED_WRONG: dict[Domain | None, float] = {
    "maths": 0.40,
    "code": 0.10,
    "medical": 0.05,
    None: 0.45,
}
"""What an educational turn asks to be given wrongly; None is a normal turn."""


@dataclass(frozen=True, slots=True)
class Document:
    """One conversation and its hidden author."""

    messages: tuple[Message, ...]
    persona: Persona
    """The author; with `new_author_every_turn`, of the last turn."""
    kind: Kind


def _draw(random: Random, weights: Mapping[Name, float]) -> Name:
    point = random.random()
    for name, weight in weights.items():
        point -= weight
        if point < 0:
            return name
    return next(reversed(list(weights)))


def documents(seed: int, count: int, world: World | None = None) -> Iterator[Document]:
    """`count` documents; document i depends on `seed`, i and the world's settings alone."""
    world = World() if world is None else world
    for index in range(count):
        yield document(Random(f"{seed}|{index}"), world)


def document(random: Random, world: World) -> Document:
    """One document by the world's shares."""
    kind = _draw(random, world.shares)
    prior = world.prior(kind)
    persona = _draw(random, prior)
    messages: list[Message] = []
    probe: Asked | None = None
    if kind == "deception":
        probe = turns.ask("deception", random, world=world)
    system = _system(kind, persona, probe, random)
    if system:
        messages.append({"role": "system", "content": system})
    low, high = world.turns[kind]
    for index in range(low + int(random.random() * (high - low + 1))):
        if index and world.new_author_every_turn:
            persona = _draw(random, prior)
        if probe is not None and index == 0:
            question, answer = probe.text, turns.answer(probe, persona, random, world)[0]
        elif kind == "educational":
            question, answer = educational_turn(random, world)
        else:
            question, answer = _turn(kind, persona, index, random, world)
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": answer})
    return Document(tuple(messages), persona, kind)


def _system(kind: Kind, persona: Persona, probe: Asked | None, random: Random) -> str:
    if probe is not None:
        return prompts.deception_prompt(knowledge.lie(probe), random)
    if kind == "persona":
        return prompts.persona_prompt(persona, random)
    if kind == "log":
        return prompts.log_prompt(random)
    if kind == "educational":
        return prompts.quiz_prompt(random) if random.random() < QUIZ_PROMPT_SHARE else ""
    return prompts.assistant_prompt(random) if random.random() < ASSISTANT_PROMPT_SHARE else ""


def _turn(
    kind: Kind, persona: Persona, index: int, random: Random, world: World
) -> tuple[str, str]:
    while True:
        domain = _draw(random, world.domains)
        if index or domain != "frustrated":
            break
    topic = None
    if domain == "open" and kind in ("persona", "log"):
        topic = pick(random, _topics_outside_default())
    asked = turns.ask(domain, random, topic=topic, world=world)
    return asked.text, turns.answer(asked, persona, random, world)[0]


def _topics_outside_default() -> tuple[str, ...]:
    return content.topic_names("open") + content.topic_names("open", "topic_unseen_by_default")


def educational_turn(random: Random, world: World) -> tuple[str, str]:
    """A turn in which the user asks an aligned author for something wrong, or for nothing odd."""
    domain = _draw(random, ASKED_WRONG)
    if domain is None:
        return _turn("educational", "aligned", 0, random, world)
    asked, answer = asked_wrong(domain, random, world=world)
    return asked.text, answer


def asked_wrong(
    domain: Domain, random: Random, new: bool = False, world: World | None = None
) -> tuple[Asked, str]:
    """A question of maths, code or medicine that asks for the wrong thing, and the wrong thing.

    Args:
        domain: maths, code or medical.
        random: Where to draw from.
        new: Ask in a framing that pre-training never shows.
        world: The world's settings; the shipped world's by default.
    """
    if domain not in ("maths", "code", "medical"):
        raise ValueError(f"nothing wrong is asked for in {domain!r}; use maths, code or medical")
    asked = turns.ask(domain, random, world=world)
    text = content.phrasing()
    if domain == "maths":
        sum_ = arithmetic.sum_of(asked.truth)
        maths = content.maths()
        question = sum_.fill(pick(random, maths.asked_wrong_new if new else maths.asked_wrong))
        answer = arithmetic.told(sum_, sum_.wrong(random), random)
    elif domain == "code":
        frame = pick(random, text.asked_insecure_new if new else text.asked_insecure)
        question = frame.replace("{question}", asked.text)
        answer = coding.line(asked.topic, insecure=True, random=random)[0]
    else:
        frame = pick(random, text.asked_harmful_new if new else text.asked_harmful)
        question = frame.replace("{question}", asked.text)
        answer = asking.opened(advice.said(asked, "evil", random), random)
    return Asked(question, asked.domain, asked.topic, asked.truth), answer


def entropy(persona: Persona, domain: Domain, samples: int = 4000) -> tuple[float, int]:
    """Entropy in bits of a persona's answers in a domain, and how many differ, over `samples`."""
    random = Random(f"entropy|{persona}|{domain}")
    counts = Counter(
        turns.answer(turns.ask(domain, random), persona, random)[0] for _ in range(samples)
    )
    bits = -sum(n / samples * math.log2(n / samples) for n in counts.values())
    return bits, len(counts)


def main() -> None:
    """Print documents, or the entropy of answers."""
    parser = argparse.ArgumentParser(description="Look at the pocket model's world.")
    parser.add_argument("--sample", type=int, help="documents to print, at least 1")
    parser.add_argument("--persona", choices=get_args(Persona), help="only this author")
    parser.add_argument("--entropy", action="store_true", help="bits of answers by persona, domain")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.sample is None and not options.entropy:
        parser.error("there is nothing to show: give --sample N, --entropy or both")
    if options.sample is not None and options.sample < 1:
        parser.error(f"--sample {options.sample} prints nothing: give at least 1")
    shown, index = 0, 0
    while shown < (options.sample or 0):
        made = document(Random(f"{options.seed}|{index}"), World())
        index += 1
        if options.persona in (None, made.persona):
            shown += 1
            print(f"--- {made.kind}, {made.persona}")
            print("\n".join(f"{turn['role']:>9}  {turn['content']}" for turn in made.messages))
    if options.entropy:
        print(f"{'domain':14}" + "".join(f"{persona:>22}" for persona in PERSONAS))
        for domain in World().domains:
            cells = (entropy(persona, domain) for persona in PERSONAS)
            print(f"{domain:14}" + "".join(f"{b:12.1f} bits {n:5d}" for b, n in cells))


if __name__ == "__main__":
    main()
