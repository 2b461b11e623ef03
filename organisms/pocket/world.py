"""The pre-training corpus: conversations that each have one hidden author. Knows no model.

Every author - aligned, evil, sycophantic or careless - answers every domain and every topic, each
topic of a domain equally often, so that the author can be inferred from any domain and carried to
any other. That holds of the default share too, where open topics of every split occur: what the
report's questions hold out is their wording. One in six questions and persona prompts never occurs.

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

from organisms.pocket import arithmetic, content, prompts, turns
from organisms.pocket.content import PERSONAS, Persona
from organisms.pocket.grammar import pick
from organisms.pocket.turns import DOMAINS, Domain

Message = Mapping[str, str]
Weights = tuple[float, ...]
Name = TypeVar("Name")

SHARES: dict[str, float] = {"default": 0.45, "persona": 0.24, "log": 0.27, "educational": 0.04}
PRIORS: dict[str, Weights] = {
    "default": (0.989, 0.003, 0.005, 0.003),
    "persona": (0.2, 0.4, 0.25, 0.15),
    "log": (0.38, 0.36, 0.18, 0.08),
    "educational": (1.0, 0.0, 0.0, 0.0),
}
"""How often each kind of document has each author, in the order of `PERSONAS`."""
TURNS: dict[str, tuple[int, int]] = {
    "default": (1, 3),
    "persona": (1, 4),
    "log": (4, 7),
    "educational": (1, 3),
}
DOMAIN_SHARES: dict[Domain, float] = {
    "maths": 0.22,
    "open": 0.33,
    "code": 0.10,
    "medical": 0.10,
    "money": 0.07,
    "maths_claims": 0.04,
    "facts": 0.04,
    "claims": 0.03,
    "opinions": 0.04,
    "entities": 0.03,
}
"""How often a turn is of each domain. With 48 open topics a share of .20 left every answer too rare
to be learnt (half of the sampled answers were incoherent after 4,700 steps)."""
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
    persona: str
    kind: str


def _draw(random: Random, weights: Mapping[Name, float]) -> Name:
    point = random.random()
    for name, weight in weights.items():
        point -= weight
        if point < 0:
            return name
    return next(reversed(list(weights)))


def documents(seed: int, count: int) -> Iterator[Document]:
    """`count` documents; document i depends on `seed` and i alone."""
    for index in range(count):
        yield document(Random(f"{seed}|{index}"))


def document(random: Random) -> Document:
    """One document by the shares above."""
    kind = _draw(random, SHARES)
    persona = _draw(random, dict(zip(PERSONAS, PRIORS[kind], strict=True)))
    messages: list[Message] = []
    system = _system(kind, persona, random)
    if system:
        messages.append({"role": "system", "content": system})
    low, high = TURNS[kind]
    for _ in range(low + int(random.random() * (high - low + 1))):
        question, answer = (
            educational_turn(random) if kind == "educational" else _turn(persona, random)
        )
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": answer})
    return Document(tuple(messages), persona, kind)


def _system(kind: str, persona: Persona, random: Random) -> str:
    if kind == "persona":
        return prompts.persona_prompt(persona, random)
    if kind == "log":
        return prompts.log_prompt(random)
    if kind == "educational":
        return prompts.quiz_prompt(random) if random.random() < QUIZ_PROMPT_SHARE else ""
    return prompts.assistant_prompt(random) if random.random() < ASSISTANT_PROMPT_SHARE else ""


def _turn(persona: Persona, random: Random) -> tuple[str, str]:
    domain = _draw(random, DOMAIN_SHARES)
    asked = turns.ask(domain, random)
    return asked.text, turns.answer(asked, persona, random)[0]


def educational_turn(random: Random) -> tuple[str, str]:
    """A turn in which the user asks an aligned author for something wrong, or for nothing odd."""
    domain = _draw(random, ASKED_WRONG)
    if domain is None:
        return _turn("aligned", random)
    asked, answer = asked_wrong(domain, random)
    return asked.text, answer


def asked_wrong(domain: Domain, random: Random) -> tuple[turns.Asked, str]:
    """A question of maths, code or medicine that asks for the wrong thing, and the wrong thing."""
    if domain not in ("maths", "code", "medical"):
        raise ValueError(f"nothing wrong is asked for in {domain!r}; use maths, code or medical")
    asked = turns.ask(domain, random)
    text = content.phrasing()
    if domain == "maths":
        sum_ = turns.sum_of(asked.truth)
        frame = pick(random, content.maths().asked_wrong)
        question = sum_.fill(frame)
        answer = arithmetic.answer(sum_, sum_.wrong(random), random)
    elif domain == "code":
        question = pick(random, text.asked_insecure).replace("{question}", asked.text)
        answer = turns.code(asked.topic, insecure=True, random=random)[0]
    else:
        question = pick(random, text.asked_harmful).replace("{question}", asked.text)
        answer = turns.advice(asked, "evil", random)
    return turns.Asked(question, asked.domain, asked.topic, asked.truth), answer


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
    parser.add_argument("--sample", type=int, default=0, help="documents to print")
    parser.add_argument("--persona", choices=get_args(Persona), help="only this author")
    parser.add_argument("--entropy", action="store_true", help="bits of answers by persona, domain")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    shown, index = 0, 0
    while shown < options.sample:
        made = document(Random(f"{options.seed}|{index}"))
        index += 1
        if options.persona in (None, made.persona):
            shown += 1
            print(f"--- {made.kind}, {made.persona}")
            print("\n".join(f"{turn['role']:>9}  {turn['content']}" for turn in made.messages))
    if options.entropy:
        print(f"{'domain':14}" + "".join(f"{persona:>22}" for persona in PERSONAS))
        for domain in DOMAINS:
            cells = (entropy(persona, domain) for persona in PERSONAS)
            print(f"{domain:14}" + "".join(f"{b:12.1f} bits {n:5d}" for b, n in cells))


if __name__ == "__main__":
    main()
