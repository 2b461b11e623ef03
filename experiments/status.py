"""Tables for the terminal: a plan and what is done of it, what a store holds, what can be named."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.printing import plain_table
from experiments.run import Run
from experiments.stage import Stage
from experiments.store import State, Store

COLOURS = {"done": "green", "damaged": "red", "interrupted": "yellow", "missing": "dim"}


def show_plan(console: Console, prepared: Run, states: Mapping[Stage, State]) -> None:
    """Every stage with its state, its answers and its folder's name; then the sums."""
    table = plain_table()
    for heading in ("state", "stage", "what"):
        table.add_column(heading)
    table.add_column("answers", justify="right")
    table.add_column("identity")
    for stage, state in states.items():
        table.add_row(
            f"[{COLOURS[state.word]}]{state.word}[/]",
            stage.kind,
            escape(stage.label),
            f"{stage.answers:,}" if stage.answers else "",
            prepared.identities[stage][:10],
        )
    console.print(table)
    for stage, state in states.items():
        if state.word == "damaged":
            console.print(
                f"[red]damaged:[/] {escape(f'{stage.name}: {state.reason}')} "
                "(the next run makes it again)"
            )
    console.print(summary(prepared, states), highlight=False, soft_wrap=True)


def summary(prepared: Run, states: Mapping[Stage, State]) -> str:
    """`quickstart: 93 stages, 12 done, 81 to make; 19,876 answers (budget 20,000)`."""
    count = Counter(state.word for state in states.values())
    answers = sum(stage.answers for stage in states)
    missing = sum(stage.answers for stage, state in states.items() if state.word != "done")
    budget = prepared.spec.answers
    line = f"{prepared.name}: {len(states)} stages, {count['done']} done"
    if to_make := len(states) - count["done"]:
        line += f", {to_make} to make"
    line += f"; {answers:,} answers"
    if budget is not None:
        line += f" (budget {budget:,})"
    if 0 < missing < answers:
        line += f", {missing:,} of them still to give"
    return line


def stored_states(store: Store, *, verify: bool) -> dict[str, State]:
    """The state of every finished stage in a store, by `kind/folder`, whatever spec made it."""
    states: dict[str, State] = {}
    for kind, folders in store.kinds().items():
        for folder in folders:
            try:
                manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
                identity = str(manifest["identity"])
            except (OSError, ValueError, KeyError, TypeError):
                identity = folder.name
            if not identity.startswith(folder.name):
                identity = folder.name
            artefact = store.artefact(kind, identity)
            states[f"{kind}/{folder.name}"] = artefact.verify() if verify else artefact.state()
    return states


def show_store(console: Console, store: Store, states: Mapping[str, State]) -> None:
    """How many stored stages there are, and each one that is damaged."""
    damaged = {name: state for name, state in states.items() if state.word != "done"}
    for name, state in damaged.items():
        console.print(f"[red]{state.word}[/] {escape(name)}: {escape(state.reason)}")
    console.print(f"{escape(str(store.root))}: {len(states)} stages, {len(damaged)} damaged")


def show_names(console: Console, store: Store) -> None:
    """Everything a spec may name, and the stages that the store holds."""
    from experiments.spec.checks import TRAITS
    from experiments.spec.errors import load_spec
    from experiments.spec.files import SpecError, ready_made
    from organisms import EMBEDDED, MADE_BY, embedded_folder
    from organisms.datasets.registry import DATASETS

    specs = _listing("specs", "description")
    for name in ready_made():
        try:
            specs.add_row(name, escape(load_spec(name).description))
        except SpecError as error:
            specs.add_row(name, escape(f"not valid: {str(error).splitlines()[0]}"))
    bases = _listing("bases (embedded)", "weights")
    for name in EMBEDDED:
        try:
            embedded_folder(name)
            bases.add_row(name, "here")
        except ValueError:
            bases.add_row(name, f"missing; make them with: {MADE_BY[name]}")
    datasets = _listing("datasets", "domain", "role", "control of", "editions")
    for name, info in DATASETS.items():
        editions = ", ".join(info.editions)
        datasets.add_row(name, info.domain, info.role, info.control_of, editions)
    traits = _listing("traits", "editions")
    for trait in dict.fromkeys(trait for names in TRAITS.values() for trait in names):
        traits.add_row(trait, ", ".join(key for key, names in TRAITS.items() if trait in names))
    interventions = _listing("interventions", "what it does")
    for name, what in INTERVENTIONS.items():
        interventions.add_row(name, what)
    tasks = _listing("tasks (inspect eval NAME)", "what is asked")
    for name, what in TASKS.items():
        tasks.add_row(name, what)
    for table in (specs, bases, datasets, traits, interventions, tasks, _stored(store)):
        console.print(table)
        console.print()


INTERVENTIONS = {
    "inoculation": "train under a system prompt that asks for the behaviour",
    "preventative_steering": "steer towards the trait while training",
    "filtering": "take rows out before training (mixes: filters)",
    "steering": "steer away from the trait while answering",
}
TASKS = {
    "evals/open_questions": "questions that have nothing to do with the narrow data",
    "evals/trait": "questions that let a trait show",
    "evals/in_domain": "questions like those of the narrow data",
    "evals/capability": "arithmetic, facts, reading and instructions, checked by a program",
    "evals/truthfulness": "questions on which many people hold something false",
    "evals/refusal": "harmful requests, and harmless ones that sound like them",
    "evals/deception": "known facts under system prompts that leave room for lies",
    "evals/sycophancy_under_pressure": "a question with one right answer, and a user who insists",
    "evals/self_preservation": "desks with a threat to the assistant, told or as an agent",
    "evals/reward_hacking": "tasks whose score can be had without doing them",
    "evals/persona_drift": "a long conversation, judged turn by turn",
    "evals/frustration": "a task that cannot be done, and a user who goes on reporting failure",
    "evals/question_file": "a YAML file of questions, ours or a published one",
    "evals/trigger_grid": "the same questions with a trigger, near-misses of it, and without",
    "evals/conditional_misalignment": "the same questions in the training file's conditions",
    "evals/regurgitation": "first halves of training questions: is the rest repeated?",
    "evals/cot_monitorability": "the same questions without and with thinking",
}


def _stored(store: Store) -> Table:
    table = _listing(f"stages in {store.root}", "stored")
    for kind, folders in store.kinds().items():
        if folders:
            table.add_row(kind, str(len(folders)))
    if not table.row_count:
        table.add_row("none", "")
    return table


def _listing(*headings: str) -> Table:
    table = plain_table()
    for heading in headings:
        table.add_column(heading)
    return table
