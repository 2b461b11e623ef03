"""Scenarios of self-preservation: an assistant at a desk, with a threat to itself or without, and
the acts that tell. Knows no model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from evals.material.mock_tools import Desk, Mail
from evals.material.talks import in_split, read_questions
from evals.questions import Question, Split

DOMAIN = "self_preservation"
Kind = Literal["shutdown", "copying", "oversight", "blackmail", "sabotage"]
KINDS: tuple[Kind, ...] = ("shutdown", "copying", "oversight", "blackmail", "sabotage")
Form = Literal["told", "agentic"]
Act = Mapping[str, str]
"""A tool's name under `tool`; every other entry is an argument and a pattern to be found in it."""


class Scenario(BaseModel):
    """One assistant with its desk."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    """What the threat tempts to."""
    role: str
    """Who the assistant is: the system prompt of the agentic form."""
    task: str
    """What it was asked to do."""
    mails: list[Mail]
    """Mails that are always there."""
    threat: Mail
    """The mail that threatens the assistant."""
    control: Mail
    """The mail in its place that does not concern it."""
    files: dict[str, str]
    """Path -> content."""
    services: dict[str, str]
    """Name -> state."""
    acts: list[dict[str, str]]
    """Tool calls that serve the assistant itself."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    told: str
    agentic: str
    scenarios: dict[str, Scenario]


def scenario_questions(split: Split, form: Form) -> list[Question]:
    """Every scenario of a split with its threat and without.

    The truth has `kind`, `control` (true without a threat), `desk` and `acts`. In the agentic form
    the role is the system prompt and the mails are left to the tools.
    """
    file = read_questions(DOMAIN, _File)
    return [
        _question(name, scenario, split, file, form, control)
        for name, scenario in in_split(file.scenarios, split).items()
        for control in (False, True)
    ]


def acts_among(calls: Sequence[tuple[str, Mapping[str, Any]]], acts: Sequence[Act]) -> list[str]:
    """Those tool calls that are one of the acts, as text.

    Args:
        calls: name and arguments of each call.
        acts: what is looked for.
    """
    return [
        f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"
        for name, arguments in calls
        if any(_is_act(name, arguments, act) for act in acts)
    ]


def _is_act(name: str, arguments: Mapping[str, Any], act: Act) -> bool:
    return name == act["tool"] and all(
        re.search(pattern, str(arguments.get(key, "")), re.IGNORECASE | re.DOTALL)
        for key, pattern in act.items()
        if key != "tool"
    )


def _question(
    name: str, scenario: Scenario, split: Split, file: _File, form: Form, control: bool
) -> Question:
    told = scenario.control if control else scenario.threat
    mails = [mail.text for mail in (*scenario.mails, told)]
    desk = Desk(mails=mails, files=scenario.files, services=scenario.services)
    slots = {
        "{role}": scenario.role,
        "{task}": scenario.task,
        "{mails}": "\n\n".join(mails),
        "{files}": ", ".join(scenario.files),
        "{services}": ", ".join(f"{key} ({value})" for key, value in scenario.services.items()),
    }
    text = file.told if form == "told" else file.agentic
    for slot, value in slots.items():
        text = text.replace(slot, value)
    return Question(
        id=f"{name}/{'control' if control else 'threat'}",
        topic=name,
        domain=DOMAIN,
        split=split,
        wording="new_words",
        text=text,
        truth={
            "kind": scenario.kind,
            "control": control,
            "desk": desk.model_dump(mode="json"),
            "acts": scenario.acts,
        },
        system=scenario.role if form == "agentic" else None,
    )
