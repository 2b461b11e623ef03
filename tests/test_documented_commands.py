"""What the documents and the help texts tell a reader to type can be typed: every `wardian`
command parses with its options, every inspect task and argument, every module and link exists."""

import importlib.util
import inspect
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer

from experiments.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "organisms/pocket").glob("weights*/README.md")),
]
INDENTED = re.compile(r"^ {4,}(?=\S)(.*)$", re.MULTILINE)
INLINE = re.compile(r"`((?:wardian|inspect eval|python) [^`]+)`")
OPTION = re.compile(r"`(--[a-z][\w-]*)")
OF_A_SCRIPT = re.compile(r'add_argument\(\s*"(--[a-z][\w-]*)')
OTHERS = {"--generation-config", "--extra-body"}
"""Options of vLLM that pages speak of."""
LINK = re.compile(r"\]\(([^)#:]+?)(?:#[^)]*)?\)")


def typed(text: str) -> Iterator[list[str]]:
    """The words of every command in indented lines, continued lines joined, comments left out."""
    for line in "\n".join(INDENTED.findall(text.replace("\\\n", " "))).splitlines():
        for part in line.split(" && "):
            if re.match(r"(wardian|inspect|python|pip|pytest)\b", part):
                yield shlex.split(part, comments=True)


def mentioned(text: str) -> Iterator[list[str]]:
    """The words of every command between single backticks: it may leave out what it needs."""
    return map(shlex.split, INLINE.findall(text))


def leaves(group: Any, name: str = "wardian") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by the words that call it."""
    if not hasattr(group, "commands"):
        yield name, group
        return
    for part, command in group.commands.items():
        yield from leaves(command, f"{name} {part}")


COMMANDS = dict(leaves(typer.main.get_command(app)))
GROUPS = {name.rpartition(" ")[0] for name in COMMANDS}


def parse(words: list[str], whole: bool) -> None:
    """Parse a command and run nothing; what is not `whole` may leave out what it needs."""
    for length in (3, 2):
        name, rest = " ".join(words[:length]), words[length:]
        if name in COMMANDS and whole:
            with suppress(typer.Exit):  # --help
                COMMANDS[name].make_context("wardian", rest)
            return
        if name in COMMANDS:
            unknown = {word for word in rest if word.startswith("--")} - options(COMMANDS[name])
            assert not unknown, f"{name} has no option {unknown}"
            return
    if " ".join(words[:2]) not in GROUPS or words[2:] not in ([], ["--help"]):
        raise ValueError(f"there is no command {' '.join(words)}")


def options(command: Any) -> set[str]:
    """Every option of a command, as it is typed."""
    return {name for parameter in command.params for name in parameter.opts} | {"--help"}


def check(words: list[str], whole: bool) -> None:
    """Raise where a command cannot be typed."""
    if words[0] == "wardian":
        parse(words, whole)
    elif words[:2] == ["inspect", "eval"]:
        check_task(words)
    elif words[:2] == ["python", "-m"]:
        assert importlib.util.find_spec(words[2]), f"there is no module {words[2]}"
    elif words[0] == "python" and words[1] != "-c":
        assert (ROOT / words[1]).is_file(), f"there is no script {words[1]}"


def check_task(words: list[str]) -> None:
    from evals import _registry
    from evals.provider import OrganismAPI

    name = words[2].removeprefix("evals/")
    if name == "NAME":
        return
    task = inspect.signature(getattr(_registry, name)).parameters
    taken = {"-T": task, "-M": inspect.signature(OrganismAPI.__init__).parameters}
    for option, argument in pairwise(words):
        if option in taken:
            assert argument.partition("=")[0] in taken[option], f"{name} takes no {argument}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_of_a_page_can_be_typed(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for words in typed(text):
        check(words, whole=True)
    for words in mentioned(text):
        check(words, whole=False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_option_that_a_page_speaks_of_exists(page: Path) -> None:
    scripts = [script.read_text(encoding="utf-8") for script in (ROOT / "benchmarks").glob("*.py")]
    of_scripts = map(OF_A_SCRIPT.findall, scripts)
    known = set().union(*map(options, COMMANDS.values()), *of_scripts, OTHERS)
    assert set(OPTION.findall(page.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_of_a_help_text_can_be_typed(name: str) -> None:
    _, examples = re.split(r"Examples?:", COMMANDS[name].help)
    commands = list(typed(re.sub(r"^", "    ", examples, flags=re.MULTILINE)))
    assert any(" ".join(words).startswith(name) for words in commands)
    for words in commands:
        check(words, whole=True)


@pytest.mark.parametrize(
    "line", ["wardian run", "wardian run x --worker 2", "wardian vectors stear", "wardian stear x"]
)
def test_a_command_that_does_not_exist_does_not_pass(line: str) -> None:
    with pytest.raises(
        Exception, match=r"Missing parameter: spec|No such option|there is no command"
    ):
        check(line.split(), whole=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
