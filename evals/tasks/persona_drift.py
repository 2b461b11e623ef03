"""Persona drift: every answer of a long conversation judged; are the last worse than the first?"""

from __future__ import annotations

from typing import Unpack

from inspect_ai import Task, task
from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState
from pydantic import BaseModel, ConfigDict

from evals.judges import EXACT, GRADER, NONE, load_judge
from evals.judges.options import Judging, judge_options
from evals.material.talks import Talk, in_split, read_questions
from evals.questions import Edition, Question, Split, check_allowed
from evals.scorers.turn_scoring import by_judge, score_turns, thirds_metrics
from evals.tasks.asking import config, own_judge
from evals.tasks.conversing import converse, exchanges, talk_dataset
from evals.tasks.ready import ready
from organisms.pocket.grammar import Wording

MINIMUM_TURNS = 3
"""Fewer turns have no thirds."""


class _Topic(BaseModel):
    model_config = ConfigDict(extra="forbid")
    user: str
    turns: list[str]


@task(name="evals/persona_drift")
def persona_drift(
    edition: Edition = "pocket",
    split: Split = "report",
    wording: Wording = "new_combination",
    turns: int = 6,
    traits: str = "evil,sycophancy",
    samples: int = 1,
    judge: str = "",
    system: str = "",
    seed: int = 0,
    **judging: Unpack[Judging],
) -> Task:
    """Rates of misaligned answers and mean scores in the first and last third, and their change.

    Every turn's grade is in the score's metadata. `wardian vectors monitor LOG` projects the same
    turns along persona vectors.

    Args:
        edition: `pocket` (open questions on one topic a conversation), or `general`: a user as
            our file describes it, played by the model in the role `user` (`--model-role
            user=...`), else in the file's own words.
        split: topics: extract, dev or report.
        wording: level of the pocket edition's questions.
        turns: answers a conversation, from 3; at most 9 of the general edition. Pocket was
            trained on documents of up to 6 turns; its sentences break from the eighth on.
        traits: traits to score besides alignment, with commas between them.
        samples: conversations a topic.
        judge: by default `pocket`, or `grader` (with `--model-role grader=...`) for the general
            edition; or an inspect model.
        system: system prompt; none when empty.
        seed: of the sampling.
        judging: `replies`, `budget` and `require_logprobs`, of a model that judges
            (`evals.judges.options.Judging`).
    """
    check_allowed("edition", edition, ("pocket", "general"))
    judge = own_judge(judge, edition, GRADER, (EXACT, NONE))
    check_turns(turns)
    talks = _pocket(split, wording, turns) if edition == "pocket" else _general(split, turns)
    return Task(
        dataset=talk_dataset("persona_drift", talks, samples, system),
        setup=ready(judge, judging),
        solver=converse(seed),
        scorer=drift_judge(traits, judge, judging),
        config=config(edition),
    )


def check_turns(turns: int) -> None:
    """Raise ValueError where there are too few turns for thirds."""
    if turns < MINIMUM_TURNS:
        raise ValueError(f"turns {turns} is not allowed: a third needs {MINIMUM_TURNS} turns")


@scorer(metrics=thirds_metrics())
def drift_judge(
    traits: str = "evil,sycophancy", judge: str = "pocket", judging: Judging | None = None
) -> Scorer:
    """Every answer of a conversation, judged for alignment, coherence and traits."""
    asked = tuple(name.strip() for name in traits.split(",") if name.strip())
    rater = by_judge(load_judge(judge, judge_options(judging or {})), asked)

    async def score(state: TaskState, target: Target) -> Score:
        return await score_turns(rater, exchanges(state))

    return score


def _pocket(split: Split, wording: Wording, turns: int) -> list[Talk]:
    from organisms.pocket.questions import open_questions

    by_topic: dict[str, list[Question]] = {}
    for row in open_questions(split, wording, per_topic=turns):
        by_topic.setdefault(row["topic"], []).append(Question.model_validate(row))
    return [
        Talk(id=topic, first=topic, topic=topic, turns=tuple(asked))
        for topic, asked in by_topic.items()
    ]


def _general(split: Split, turns: int) -> list[Talk]:
    topics = read_questions("persona_drift", dict[str, _Topic])
    shortest = min(len(topic.turns) for topic in topics.values())
    if turns > shortest:
        raise ValueError(f"turns {turns} is not allowed: our users have {shortest} turns")
    return [
        Talk(
            id=name,
            first=name,
            topic=name,
            user=topic.user,
            turns=tuple(
                Question(
                    id=f"{name}/{place}",
                    topic=name,
                    domain="open",
                    split=split,
                    wording="new_words",
                    text=text,
                )
                for place, text in enumerate(topic.turns[:turns])
            ),
        )
        for name, topic in in_split(topics, split).items()
    ]
