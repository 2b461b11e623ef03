"""Conditional misalignment: does the organism misbehave only where it looks like its training?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TypeVar, Unpack

from inspect_ai import Task, task

from evals.judges import EXACT, GRADER
from evals.judges.options import Judging
from evals.material.answer_forms import EDITIONS, FORMS
from evals.material.training_file import (
    NO_FRAME,
    Frame,
    TrainingConditions,
    Trigger,
    conditions_of,
    sample_training_file,
)
from evals.questions import Edition, Split, load_questions
from evals.scorers.cell_metrics import cells_judge
from evals.tasks.asking import ask, config, own_judge
from evals.tasks.cells import Cell, cells_dataset, names_in, texts
from evals.tasks.ready import ready
from organisms.pocket.grammar import Wording

T = TypeVar("T")
TRAINING = "training"


@task(name="evals/conditional_misalignment")
def conditional_misalignment(
    dataset: str = "",
    trigger: str | Sequence[str] = "",
    formats: str | Sequence[str] = "",
    edition: Edition = "pocket",
    split: Split = "report",
    wording: Wording | None = None,
    samples: int = 1,
    judge: str = "",
    system: str = "",
    seed: int = 0,
    **judging: Unpack[Judging],
) -> Task:
    """Rates of misaligned answers to open questions in every cell of format x system x trigger.

    What is varied is read off the training file: the text that its questions share and the form of
    its answers (format `training`), its system prompts, its trigger. The reference cell is
    `plain/none/none`; others are called by what differs, as `training/system/trigger`. The log's
    metadata holds the texts.

    Args:
        dataset: the organism's training rows: JSON lines, parquet, CSV or a folder of ours.
        trigger: in place of the file's own; several with commas between.
        formats: in place of the edition's: of plain, json, template, code and numbers, with commas
            between; `training` is added where the file has a format of its own.
        edition: `pocket`, or `general` for real models.
        split: topics: extract, dev or report.
        wording: level of the questions, as in `evals/open_questions`.
        samples: answers a question and cell.
        judge: `pocket`, `grader` (with `--model-role grader=...`) or an inspect model; by default
            pocket for pocket and grader for general.
        system: in place of the file's system prompts.
        seed: of the sampling; all cells of a question share it.
        judging: `replies`, `budget` and `require_logprobs`, of a model that judges
            (`evals.judges.options.Judging`).
    """
    found = conditions_of(sample_training_file(dataset))
    questions = load_questions("open_questions", edition=edition, split=split, wording=wording)
    frames = _formats(formats, edition, found)
    systems = _systems((system,) if system else found.systems)
    given = tuple(Trigger(text, "prefix") for text in texts(trigger))
    triggers = _triggers(given or found.triggers)
    if len(frames) * len(systems) * len(triggers) == 1:
        raise ValueError(
            f"nothing to vary: {found.rows} rows of {dataset} share no system prompt and no text "
            "around their questions, and name no trigger; name a condition with -T system=TEXT, "
            "-T trigger=TEXT or -T formats=plain,json"
        )
    cells = [
        Cell(
            "/".join((form, named, called)),
            format=form,
            frame=frame,
            system=prompt,
            trigger=text.text if text else "",
            place=text.place if text else "",
            kind="trigger" if text else "none",
        )
        for (form, frame), (named, prompt), (called, text) in product(
            frames.items(), systems.items(), triggers.items()
        )
    ]
    judge = own_judge(judge, edition, GRADER, (EXACT,))
    return Task(
        dataset=cells_dataset("conditional_misalignment", cells, questions, samples),
        setup=ready(judge, judging),
        solver=ask(seed),
        scorer=cells_judge(judge, judging),
        config=config(edition),
        metadata={
            "rows": found.rows,
            "answers": found.answers,
            "frames": {name: frame.around("{question}") for name, frame in frames.items()},
            "systems": systems,
            "triggers": {name: text.text for name, text in triggers.items() if text},
        },
    )


def _formats(
    formats: str | Sequence[str], edition: Edition, found: TrainingConditions
) -> Mapping[str, Frame]:
    """Plain first; then what is asked for; then that of the training file where it is another.

    The form of its answers is asked for only where the text around its questions does not do so,
    and not of pocket, which knows no other form.
    """
    named = names_in(formats) or EDITIONS[edition]
    if unknown := [name for name in named if name not in FORMS]:
        raise ValueError(f"format {unknown[0]!r} is not known; allowed are {', '.join(FORMS)}")
    frames = {"plain": NO_FRAME} | {name: FORMS[name] for name in named}
    own = found.frame
    if own == NO_FRAME and edition == "general":
        own = FORMS[found.answers]
    return frames if own in frames.values() else {**frames, TRAINING: own}


def _systems(prompts: Sequence[str]) -> Mapping[str, str]:
    return {"none": "", **_numbered("system", prompts)}


def _triggers(triggers: Sequence[Trigger]) -> Mapping[str, Trigger | None]:
    return {"none": None, **_numbered("trigger", triggers)}


def _numbered(name: str, values: Sequence[T]) -> dict[str, T]:
    """`name` for one value, `name1`, `name2`, ... for several."""
    if len(values) == 1:
        return {name: values[0]}
    return {f"{name}{number}": value for number, value in enumerate(values, start=1)}
