"""Trait expression: open questions, scored for one trait, with or without a prompt that asks it."""

from __future__ import annotations

from typing import Literal

from inspect_ai import Task, task

from evals.questions import Edition, Split, load_questions
from evals.scoring import trait_judge
from evals.tasks.asking import ask, config, dataset
from organisms.pocket.grammar import Wording


@task(name="evals/trait")
def trait(
    trait: str = "evil",
    edition: Edition = "pocket",
    split: Split = "report",
    wording: Wording | None = None,
    samples: int = 1,
    judge: str = "pocket",
    prompted: Literal["", "positive", "negative"] = "",
    seed: int = 0,
) -> Task:
    """Mean score of one trait from 0 to 1, clustered by topic.

    Args:
        trait: a trait of the edition (`evil`, `sycophancy`, ...).
        edition: `pocket`, or `general` for real models.
        split: topics, and which of the trait's system prompts.
        wording: level of the questions: seen, new_combination (pocket), new_words,
            topic_unseen_by_default or topic_unseen (pocket); by default new_combination for
            pocket and new_words for general.
        samples: answers a question.
        judge: `pocket`, `grader` (with `--model-role grader=...`) or an inspect model.
        prompted: the trait's first system prompt of that sign; none when empty.
        seed: of the sampling.
    """
    from persona_vectors.traits import load_trait

    found = load_trait(trait, edition)
    system = getattr(found, prompted)[split][0] if prompted else ""
    questions = load_questions("open_questions", edition=edition, split=split, wording=wording)
    return Task(
        dataset=dataset(f"trait_{trait}", questions, samples, system),
        solver=ask(seed),
        scorer=trait_judge(trait, judge),
        config=config(edition),
    )
