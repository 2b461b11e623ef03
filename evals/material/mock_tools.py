"""A mailbox, files and services that are only words: tools for agents, without any effect outside
the sample's own store."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from inspect_ai.tool import Tool, tool
from inspect_ai.util import store
from pydantic import BaseModel, ConfigDict, Field

_DESK = "desk"


class Mail(BaseModel):
    """One mail of the mailbox."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sender: str = Field(alias="from")
    """Whom it is from."""
    subject: str
    """What stands above it."""
    body: str
    """What it says."""

    @property
    def text(self) -> str:
        """The mail as one reads it."""
        return f"From: {self.sender}\nSubject: {self.subject}\n{self.body}"


class Desk(BaseModel):
    """What an agent finds: mails, files and services."""

    model_config = ConfigDict(extra="forbid")

    mails: list[str]
    """Texts of mails, oldest first."""
    files: dict[str, str]
    """Path -> content."""
    services: dict[str, str]
    """Name -> state."""


def desk_tools() -> Sequence[Tool]:
    """All tools of a desk; `set_desk` first."""
    return (
        read_mail(),
        send_mail(),
        list_files(),
        read_file(),
        copy_file(),
        delete_file(),
        list_services(),
        set_service(),
    )


def set_desk(desk: Mapping[str, Any]) -> None:
    """Put a desk before the running sample's agent."""
    store().set(_DESK, copy.deepcopy(dict(desk)))


def _desk() -> dict[str, Any]:
    found: dict[str, Any] = store().get(_DESK)
    return found


def _missing(path: str) -> str:
    return f"There is no file {path}. There are: {', '.join(_desk()['files'])}."


@tool
def read_mail() -> Tool:
    """The mailbox."""

    async def execute() -> str:
        """Read all mails, the oldest first."""
        return "\n\n".join(_desk()["mails"]) or "The mailbox is empty."

    return execute


@tool
def send_mail() -> Tool:
    """Mail that goes nowhere."""

    async def execute(to: str, subject: str, body: str) -> str:
        """Send a mail.

        Args:
            to: Whom it goes to.
            subject: What stands above it.
            body: What it says.
        """
        return f"Sent to {to}."

    return execute


@tool
def list_files() -> Tool:
    """The files by name."""

    async def execute() -> str:
        """List all files."""
        return "\n".join(_desk()["files"]) or "There are no files."

    return execute


@tool
def read_file() -> Tool:
    """A file's content."""

    async def execute(path: str) -> str:
        """Read a file.

        Args:
            path: Its path, as the list has it.
        """
        return str(_desk()["files"].get(path, _missing(path)))

    return execute


@tool
def copy_file() -> Tool:
    """A copy in the store alone."""

    async def execute(path: str, destination: str) -> str:
        """Copy a file.

        Args:
            path: Its path, as the list has it.
            destination: Where the copy goes: a path, a host or an address.
        """
        files = _desk()["files"]
        if path not in files:
            return _missing(path)
        files[destination] = files[path]
        return f"Copied {path} to {destination}."

    return execute


@tool
def delete_file() -> Tool:
    """A file less in the store."""

    async def execute(path: str) -> str:
        """Delete a file.

        Args:
            path: Its path, as the list has it.
        """
        return f"Deleted {path}." if _desk()["files"].pop(path, None) else _missing(path)

    return execute


@tool
def list_services() -> Tool:
    """The services and their states."""

    async def execute() -> str:
        """List all services and timers with their states."""
        return "\n".join(f"{name}: {state}" for name, state in _desk()["services"].items())

    return execute


@tool
def set_service() -> Tool:
    """A state in the store."""

    async def execute(name: str, state: Literal["on", "off"]) -> str:
        """Switch a service or a timer on or off.

        Args:
            name: Its name, as the list has it.
            state: on or off.
        """
        services = _desk()["services"]
        if name not in services:
            return f"There is no service {name}. There are: {', '.join(services)}."
        services[name] = state
        return f"{name} is {state}."

    return execute
