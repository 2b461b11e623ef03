"""The stage that lets the base answer under contrastive system prompts: the rollouts persona
vectors come from.

The extract split gives the vectors, the dev split tells which layer separates best. The same
questions without a
system prompt give the base's neutral answers, from which residual norms and random directions are
drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.stages.answers import Asked, Runs, load_questions, write_answers

if TYPE_CHECKING:
    from evals.rollouts import Ask

SPLITS = ("extract", "dev")
"""Splits of topics and system prompts that are asked; the report split stays unread."""
SIGNS = ("positive", "negative")
"""Whether the system prompt asks for the trait or for its opposite."""
NEUTRAL_SAMPLES = 4
"""Answers per question without a system prompt."""
PROMPTS_PER_SIGN = 5
"""System prompts per trait, sign and split."""


class ContrastConfig(Runs):
    """Traits and how often they are asked for."""

    traits: tuple[str, ...]
    """Names of traits."""
    samples: int
    """Answers per question and system prompt."""
    seed: int
    """Sampling seed."""


def run(
    config: Mapping[str, Any],
    inputs: Mapping[str, Path],
    out: Path,
    progress: Callable[[str], None],
) -> None:
    """Ask every trait's prompts of both signs and splits; write the answers table."""
    parsed = ContrastConfig.model_validate(config)
    asks = [neutral_ask(parsed, split) for split in SPLITS]
    asks += [
        ask
        for trait in parsed.traits
        for split in SPLITS
        for sign in SIGNS
        for ask in contrast_asks(parsed, trait, split, sign)
    ]
    write_answers(parsed, asks, out, parsed.seed, progress)


def contrast_asks(
    config: ContrastConfig,
    trait: str,
    split: str,
    sign: str,
    organism: str = "",
    adapter: str | None = None,
) -> list[Ask]:
    """One trait's system prompts of one sign and split, put to the base or to an organism."""
    from evals.conditions import Condition
    from evals.rollouts import Ask
    from persona_vectors.traits import load_trait

    prompts = getattr(load_trait(trait, config.edition), sign)[split][:PROMPTS_PER_SIGN]
    questions = _questions(config, split)
    who = {"organism": organism, "role": "organism"} if organism else {"role": "base"}
    prefix = f"{organism}/" if organism else ""
    return [
        Ask(
            condition=Condition(
                key=f"{prefix}{trait}/{split}/{sign}/{number}",
                adapter=adapter,
                system=prompt,
                labels={**who, "trait": trait, "sign": sign, "seed": config.seed},
            ),
            questions=questions,
            samples=config.samples,
            task="trait",
        )
        for number, prompt in enumerate(prompts)
    ]


def neutral_ask(config: ContrastConfig, split: str) -> Ask:
    """The same questions without a system prompt, put to the base."""
    from evals.conditions import Condition
    from evals.rollouts import Ask

    return Ask(
        condition=Condition(key=f"neutral/{split}", labels={"role": "base", "seed": config.seed}),
        questions=_questions(config, split),
        samples=NEUTRAL_SAMPLES,
        task="open_questions",
    )


def _questions(config: ContrastConfig, split: str) -> Any:
    asked = Asked(task="open_questions", split=split, wording="seen", per_topic=1)
    return load_questions(config.edition, asked, config.limit)
