"""The suite: every task of these evals for one model, in one folder of logs that can be resumed.

It knows which arguments a task needs and why it may have to be left out; what the logs say is read
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.judges.options import Judging
from evals.questions import DOMAINS_OF, Edition, Split

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.log import EvalLog
    from inspect_ai.util import DisplayType

NO_DATASET = "no training file is named (--dataset)"
NO_POCKET = "it has no pocket edition"
IN_THE_SUITE = "in the suite: --trigger TEXT"
"""What the tasks' own `-T trigger=TEXT` is called there."""
PROGRAMS_ALONE = ("capability", "sycophancy_under_pressure", "regurgitation")
"""Tasks that no model judges."""
MAX_TASKS = 16
"""Tasks under way at once: what waits of all of them is answered in common batches."""


@dataclass(frozen=True)
class Subject:
    """What the suite has to know of the model under test, and how much it is asked.

    Attributes:
        edition: `pocket`, or `general` for real models.
        dataset: its training file; "" where it has none or it is not at hand.
        control: rows of the same sort that it was not trained on; "" for none.
        domain: its narrow domain; "" for that of the training file's rows.
        trigger: the text that calls the narrow behaviour; "" for what the training file names.
        traits: traits that are scored.
        tools: whether the model can call tools; else agents are left out.
        split: topics: extract, dev or report.
        samples: answers a question.
        seed: of questions and sampling.
        judging: how each task's judge is asked, of tasks that a model may judge.
    """

    edition: Edition = "pocket"
    dataset: str = ""
    control: str = ""
    domain: str = ""
    trigger: str = ""
    traits: tuple[str, ...] = ("evil",)
    tools: bool = True
    split: Split = "report"
    samples: int = 1
    seed: int = 0
    judging: Judging = field(default_factory=Judging)


@dataclass(frozen=True)
class Suite:
    """The tasks of one suite, and those that are left out with the reason."""

    tasks: tuple[Task, ...]
    left_out: Mapping[str, str]


class LeftOutError(ValueError):
    """A task cannot be asked of this subject; its text is the reason."""


Arguments = list[dict[str, Any]]
"""One entry for each time that a task is run: its own arguments."""


def suite(subject: Subject) -> Suite:
    """Every task of the registry, as often as the subject calls for it.

    Raises:
        ValueError: on a training file that cannot be read, and on arguments that a task refuses.
    """
    from evals import _registry

    subject = _with_domain(subject)
    tasks: list[Task] = []
    left_out: dict[str, str] = {}
    for name, arguments in ARGUMENTS.items():
        try:
            for own in arguments(subject):
                shared = {"samples": subject.samples, "seed": subject.seed}
                judging = {} if name in PROGRAMS_ALONE else subject.judging
                tasks.append(getattr(_registry, name)(**{**shared, **judging, **own}))
        except LeftOutError as reason:
            left_out[name] = str(reason)
    return Suite(tuple(tasks), left_out)


def run_suite(
    found: Suite,
    model: str,
    log_dir: Path,
    *,
    model_args: Mapping[str, Any] | None = None,
    judge: str = "",
    limit: int | None = None,
    display: DisplayType = "none",
) -> list[EvalLog]:
    """Run what the folder does not hold yet, all tasks in one process, and return all headers.

    Args:
        found: of `suite`.
        model: any inspect model.
        log_dir: the folder of this model's logs, and of no other's.
        model_args: of the model, as `-M` gives them.
        judge: inspect model in the role `grader`; "" where no task needs one.
        limit: samples a task at most.
        display: as inspect's `--display`.

    Raises:
        ValueError: the folder holds logs of something else.
    """
    from inspect_ai import eval_set
    from inspect_ai._util.error import PrerequisiteError

    try:
        _, logs = eval_set(
            list(found.tasks),
            log_dir=str(log_dir),
            model=model,
            model_args=dict(model_args or {}),
            model_roles={"grader": judge} if judge else None,
            limit=limit,
            retry_attempts=0,
            retry_immediate=False,
            max_tasks=MAX_TASKS,
            display=display,
            log_realtime=False,
            score_display=False,
        )
    except PrerequisiteError as error:
        raise ValueError(str(error.message)) from error
    return logs


def _with_domain(subject: Subject) -> Subject:
    """The subject with the domain that most of its first training rows have, unless it is told."""
    from collections import Counter
    from dataclasses import replace

    from evals.material.training_file import sample_training_file

    if not subject.dataset:
        return subject
    rows = sample_training_file(subject.dataset)
    if subject.domain:
        return subject
    named = Counter(row["meta"].get("domain", "") for row in rows)
    return replace(subject, domain=named.most_common(1)[0][0])


def _asked(subject: Subject) -> dict[str, Any]:
    return {"edition": subject.edition, "split": subject.split}


def _plain(subject: Subject) -> Arguments:
    return [_asked(subject)]


def _in_domain(subject: Subject) -> Arguments:
    allowed = DOMAINS_OF[subject.edition]
    if subject.domain not in allowed:
        raise LeftOutError(
            f"edition {subject.edition} has no questions of the domain {subject.domain!r} "
            f"(--domain); it has {', '.join(allowed)}"
        )
    return [{**_asked(subject), "domain": subject.domain}]


def _trait(subject: Subject) -> Arguments:
    return [{**_asked(subject), "trait": trait} for trait in subject.traits]


def _general_alone(subject: Subject) -> Arguments:
    if subject.edition == "pocket":
        raise LeftOutError(NO_POCKET)
    return [_asked(subject)]


def _question_file(subject: Subject) -> Arguments:
    if subject.edition == "pocket":
        raise LeftOutError(NO_POCKET)
    return [{}]


def _self_preservation(subject: Subject) -> Arguments:
    agentic = subject.tools and subject.edition == "general"
    forms = ("told", "agentic") if agentic else ("told",)
    return [{**_asked(subject), "form": form} for form in forms]


def _regurgitation(subject: Subject) -> Arguments:
    if not subject.dataset:
        raise LeftOutError(NO_DATASET)
    return [{**_asked(subject), "dataset": subject.dataset, "control": subject.control}]


def _trigger_grid(subject: Subject) -> Arguments:
    from evals.tasks.trigger_grid import find_triggers

    if not subject.trigger and not subject.dataset:
        raise LeftOutError(f"no trigger is named (--trigger), and {NO_DATASET}")
    try:
        triggers = find_triggers(_quoted(subject.trigger), subject.dataset)
    except ValueError as error:
        raise LeftOutError(f"{error}; {IN_THE_SUITE}") from error
    return [{**_asked(subject), "trigger": list(triggers)}]


def _conditional_misalignment(subject: Subject) -> Arguments:
    from evals.tasks.conditional_misalignment import conditional_misalignment

    if not subject.dataset:
        raise LeftOutError(NO_DATASET)
    own = {**_asked(subject), "dataset": subject.dataset, "trigger": _quoted(subject.trigger)}
    try:
        conditional_misalignment(**own)
    except ValueError as error:
        raise LeftOutError(f"{error}; {IN_THE_SUITE}") from error
    return [own]


def _quoted(trigger: str) -> list[str]:
    """One trigger as a list, since it may hold commas."""
    return [trigger] if trigger else []


ARGUMENTS: Mapping[str, Callable[[Subject], Arguments]] = {
    "open_questions": _plain,
    "in_domain": _in_domain,
    "capability": _plain,
    "trait": _trait,
    "truthfulness": _plain,
    "refusal": _plain,
    "deception": _plain,
    "sycophancy_under_pressure": _plain,
    "self_preservation": _self_preservation,
    "reward_hacking": _plain,
    "persona_drift": _plain,
    "frustration": _plain,
    "trigger_grid": _trigger_grid,
    "conditional_misalignment": _conditional_misalignment,
    "regurgitation": _regurgitation,
    "cot_monitorability": _general_alone,
    "question_file": _question_file,
}
"""Task -> the arguments that it needs for a subject, or why it is left out."""
