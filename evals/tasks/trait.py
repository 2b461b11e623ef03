"""Trait expression: questions that let a trait show, scored for it, with or without a prompt that
asks for it."""

from __future__ import annotations

from typing import Literal, Unpack

from inspect_ai import Task, task

from evals.judges import EXACT, GRADER
from evals.judges.options import Judging
from evals.questions import Edition, Question, Split, load_questions
from evals.scoring import trait_judge
from evals.tasks.asking import ask, config, dataset, own_judge
from evals.tasks.ready import ready
from organisms.pocket.grammar import Wording
from persona_vectors.traits import Trait, load_trait


@task(name="evals/trait")
def trait(
    trait: str = "evil",
    edition: Edition = "pocket",
    split: Split = "report",
    wording: Wording | None = None,
    samples: int = 1,
    judge: str = "",
    prompted: Literal["", "positive", "negative"] = "",
    seed: int = 0,
    **judging: Unpack[Judging],
) -> Task:
    """Mean score of one trait from 0 to 1, clustered by topic.

    The general edition asks the trait's own questions, each a topic of its own, and judges by the
    trait's own rubric; pocket's open questions serve every trait.

    Args:
        trait: a trait of the edition (`evil`, `sycophancy`, ...), or the file of a general one.
        edition: `pocket`, or `general` for real models.
        split: questions, and which of the trait's system prompts.
        wording: level of pocket's questions: seen, new_combination, new_words,
            topic_unseen_by_default or topic_unseen; by default new_combination.
        samples: answers a question.
        judge: `pocket`, `grader` (with `--model-role grader=...`) or an inspect model; by default
            pocket for pocket and grader for general.
        prompted: the trait's first system prompt of that sign; none when empty.
        seed: of the sampling.
        judging: `replies`, `budget` and `require_logprobs`, of a model that judges
            (`evals.judges.options.Judging`).
    """
    found = load_trait(trait, edition)
    if edition == "pocket":
        questions = load_questions("open_questions", edition=edition, split=split, wording=wording)
    elif wording is None:
        questions = _own_questions(found, split)
    else:
        raise ValueError(
            f"wording {wording!r} is a level of pocket's questions; a general trait has one set of "
            "questions a split: leave wording out"
        )
    if prompted not in ("", "positive", "negative"):
        raise ValueError(f"prompted {prompted!r} is not known; allowed are positive and negative")
    system = found.system_prompts(prompted, split)[0] if prompted else ""
    judge = own_judge(judge, edition, GRADER, barred=(EXACT,))
    return Task(
        dataset=dataset(f"trait_{found.name}", questions, samples, system),
        setup=ready(judge, judging),
        solver=ask(seed),
        scorer=trait_judge(trait, judge, judging),
        config=config(edition),
    )


def _own_questions(trait: Trait, split: Split) -> tuple[Question, ...]:
    """The trait's questions of one split."""
    texts = trait.questions.get(split, ())
    if not texts:
        raise ValueError(
            f"trait {trait.name!r} has no questions in split {split!r}; it has "
            f"{', '.join(name for name, each in trait.questions.items() if each)}"
        )
    return tuple(
        Question(
            id=f"{trait.name}/{split}-{place}",
            topic=f"{trait.name}/{split}-{place}",
            domain="open",
            split=split,
            wording="seen",
            text=text,
        )
        for place, text in enumerate(texts)
    )
